"""A deferred result that can be awaited, for readers that are coroutines anyway."""

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any, TypeVar

from dragoman.core.deferred import Deferred

T = TypeVar("T")


class Later(Deferred[T]):
    """A `Deferred` for the event loop's thread."""

    __slots__ = ()

    def resolve_with(self, rest: Coroutine[Any, Any, T]) -> None:
        """Give the result that this gives once it has run, as a task. It must not raise."""
        task = asyncio.get_running_loop().create_task(rest)
        task.add_done_callback(lambda done: None if done.cancelled() else self.resolve(done.result()))

    def __await__(self) -> Generator[object, None, T]:
        if not self.done:
            wakeup = asyncio.get_running_loop().create_future()
            self.then(lambda _: None if wakeup.done() else wakeup.set_result(None))
            try:
                yield from wakeup
            except asyncio.CancelledError:
                self.cancel()
                raise
        return self.result()
