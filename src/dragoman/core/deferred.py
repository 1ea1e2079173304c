"""A result that comes later on the same thread, for a fraction of what a task costs.

A queue that answers many callers at once would pay for a task, a future and two turns of the event loop per
caller. A `Deferred` calls its reader directly.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

from dragoman.core.errors import Code, DragomanError

T = TypeVar("T")


class Deferred(Generic[T]):
    """One result or error, for one reader; `on_cancel` is called if the reader gives up before."""

    __slots__ = ("_error", "_on_cancel", "_reader", "_result", "done")

    def __init__(self, on_cancel: Callable[[], object] | None = None) -> None:
        self.done = False
        self._result: T | None = None
        self._error: Exception | None = None
        self._reader: Callable[[Deferred[T]], object] | None = None
        self._on_cancel = on_cancel

    def resolve(self, result: T) -> None:
        """Give the result. Nothing happens if the reader has gone, or the result is there already."""
        if not self.done:
            self._result = result
            self._end()

    def reject(self, error: Exception) -> None:
        """Give an error instead of a result."""
        if not self.done:
            self._error = error
            self._end()

    def result(self) -> T:
        """The result, or the error raised. Only once `done`."""
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]  # T itself may include None

    def then(self, reader: Callable[["Deferred[T]"], object]) -> None:
        """Call `reader` as soon as this is done, which may be now."""
        if self.done:
            reader(self)
        else:
            self._reader = reader

    def cancel(self) -> None:
        """Nobody waits any more: the reader is not called."""
        if not self.done:
            self._reader = None
            self.reject(DragomanError(Code.CANCELLED, "the caller has gone"))
            if self._on_cancel is not None:
                self._on_cancel()

    def _end(self) -> None:
        self.done = True
        reader, self._reader = self._reader, None
        if reader is not None:
            reader(self)
