"""One request to a handler: from its place in line to the last part of its answer."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from dragoman.core.context import CallContext
from dragoman.core.errors import DragomanError
from dragoman.core.requests import PayloadRequest
from dragoman.core.responses import PayloadResponse
from dragoman.core.statistics import VersionStatistics
from dragoman.execution.deadlines import Alarm, overdue, within
from dragoman.execution.later import Later
from dragoman.execution.workers.handlers.bodies import size_bytes

DESCRIBE: Final = "describe"
MOST_UNREAD: Final = 64  # parts; a handler waits for readers that are slower
MOST_UNREAD_BYTES: Final = 1024 * 1024

Part = tuple[PayloadResponse, bool]  # and whether it is the last


class HandlerJob:
    """A request that waits, then gets its answer in parts. `left` = nobody waits for it any more."""

    __slots__ = (
        "_alarm",
        "_ended",
        "_error",
        "_first",
        "_leave",
        "_parts",
        "_unread_bytes",
        "_when_changed",
        "_when_read",
        "begun",
        "body_bytes",
        "call",
        "envelope",
        "left",
        "request",
        "since_s",
        "statistics",
        "waited_ns",
    )

    def __init__(
        self,
        request: PayloadRequest,
        envelope: str | None,
        call: CallContext,
        since_s: float,
        statistics: VersionStatistics,
    ) -> None:
        self.request = request
        self.envelope = envelope
        self.call = call
        self.since_s = since_s  # when it came
        self.waited_ns = 0  # until a worker began with it
        self.statistics = statistics
        self.begun = False  # whether a part of the answer is there
        self.left = False
        self.body_bytes = sum(size_bytes(part.data) for part in request.parts)
        self._parts: deque[PayloadResponse] = deque()
        self._unread_bytes = 0
        self._ended = False
        self._error: DragomanError | None = None
        self._first: Later[Part] | None = None  # who is told of the first part, or of what ends it before
        self._leave: Callable[[], object] | None = None  # and is called where that one goes
        self._alarm: Alarm | None = None  # and rings at the call's deadline
        self._when_changed: asyncio.Future[None] | None = None  # who waits for a part
        self._when_read: asyncio.Future[None] | None = None  # and for readers

    @property
    def alone(self) -> bool:
        """Whether it must not share a batch: what asks the handler to describe itself, and an envelope's."""
        return self.envelope is not None or self.request.headers.get(DESCRIBE) == "True"

    async def room(self) -> None:
        """Wait until not too much waits to be read, or nobody reads."""
        while not self.left and (
            len(self._parts) > MOST_UNREAD or (self._parts and self._unread_bytes > MOST_UNREAD_BYTES)
        ):
            self._when_read = asyncio.get_running_loop().create_future()
            await self._when_read

    def first(self, alarm: Alarm, leave: Callable[[], object]) -> Later[Part]:
        """The first part of the answer, without a task for it; `leave` is called where its reader goes.

        Errors: as `next`.
        """
        self._leave = leave
        self._first = given = Later[Part](self._give_up)
        if self.call.deadline_s is not None:
            self._alarm = alarm
            alarm.watch(self, self.call.deadline_s)
        return given

    def expire(self) -> None:
        """The deadline has passed, and there is no part."""
        first = self._first
        if first is not None:
            self._stop_waiting()
            self._give_up()
            first.reject(overdue())

    def _give_up(self) -> None:
        self.call.cancelled = True
        if self._leave is not None:
            self._leave()

    def give(self, part: PayloadResponse, *, last: bool) -> None:
        """Hand over a part of the answer; what nobody waits for is dropped."""
        self.begun = True
        if self.left:
            return
        self._ended = last
        first = self._first
        if first is not None:
            self._stop_waiting()
            first.resolve((part, last))
            return
        self._parts.append(part)
        self._unread_bytes += len(part.body)
        wake(self._when_changed)

    def fail(self, error: DragomanError) -> None:
        """End the answer with an error, after the parts that are there."""
        if self._ended:
            return
        self._ended = True
        self._error = error
        first = self._first
        if first is not None:
            self._stop_waiting()
            first.reject(anew(error))
        else:
            wake(self._when_changed)

    def _stop_waiting(self) -> None:
        """The first part is there, or will never be."""
        self._first = None
        if self._alarm is not None:
            self._alarm.forget(self)

    async def next(self) -> Part:
        """The next part of the answer, and whether it is the last.

        Errors: the one that ended it; those of the call's deadline.
        """
        while not self._parts:
            if self._error is not None:
                raise anew(self._error)
            self._when_changed = asyncio.get_running_loop().create_future()
            await within(self.call, self._when_changed)
        part = self._parts.popleft()
        self._unread_bytes -= len(part.body)
        wake(self._when_read)
        return part, self._ended and self._error is None and not self._parts

    def leave(self) -> None:
        """Nobody waits for it any more."""
        self.left = True
        self._parts.clear()
        if self._first is not None:
            self._stop_waiting()
        wake(self._when_read)


def wake(waiting: asyncio.Future[None] | None) -> None:
    """Let one go on that waits."""
    if waiting is not None and not waiting.done():
        waiting.set_result(None)


def anew(error: DragomanError) -> DragomanError:
    """The same error for one of several who are told of it: each has its own traceback."""
    return DragomanError(
        error.code,
        error.message,
        reason=error.reason,
        retry_after_s=error.retry_after_s,
        status=error.status,
    )
