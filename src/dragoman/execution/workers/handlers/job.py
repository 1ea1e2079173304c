"""One request to a handler: from its place in line to the last part of its answer."""

import asyncio
from collections import deque
from typing import Final

from dragoman.core.context import CallContext
from dragoman.core.errors import DragomanError
from dragoman.core.requests import PayloadRequest
from dragoman.core.responses import PayloadResponse
from dragoman.core.statistics import VersionStatistics
from dragoman.execution.deadlines import within
from dragoman.execution.workers.handlers.bodies import size_bytes

DESCRIBE: Final = "describe"
MOST_UNREAD: Final = 64  # parts; a handler waits for readers that are slower
MOST_UNREAD_BYTES: Final = 1024 * 1024


class HandlerJob:
    """A request that waits, then gets its answer in parts. `left` = nobody waits for it any more."""

    __slots__ = (
        "_changed",
        "_ended",
        "_error",
        "_parts",
        "_read",
        "_unread_bytes",
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
        self._changed = asyncio.Event()
        self._read = asyncio.Event()

    @property
    def alone(self) -> bool:
        """Whether it must not share a batch: what asks the handler to describe itself, and an envelope's."""
        return self.envelope is not None or self.request.headers.get(DESCRIBE) == "True"

    async def room(self) -> None:
        """Wait until not too much waits to be read, or nobody reads."""
        while not self.left and (
            len(self._parts) > MOST_UNREAD or (self._parts and self._unread_bytes > MOST_UNREAD_BYTES)
        ):
            self._read.clear()
            await self._read.wait()

    def give(self, part: PayloadResponse, *, last: bool) -> None:
        """Hand over a part of the answer; what nobody waits for is dropped."""
        self.begun = True
        if self.left:
            return
        self._parts.append(part)
        self._unread_bytes += len(part.body)
        self._ended = last
        self._changed.set()

    def fail(self, error: DragomanError) -> None:
        """End the answer with an error, after the parts that are there."""
        if not self._ended:
            self._ended = True
            self._error = error
            self._changed.set()

    async def next(self) -> tuple[PayloadResponse, bool]:
        """The next part of the answer, and whether it is the last.

        Errors: the one that ended it; those of the call's deadline.
        """
        while not self._parts:
            if self._error is not None:
                raise anew(self._error)
            self._changed.clear()
            await within(self.call, self._changed.wait())
        part = self._parts.popleft()
        self._unread_bytes -= len(part.body)
        self._read.set()
        return part, self._ended and self._error is None and not self._parts

    def leave(self) -> None:
        """Nobody waits for it any more."""
        self.left = True
        self._parts.clear()
        self._read.set()


def anew(error: DragomanError) -> DragomanError:
    """The same error for one of several who are told of it: each has its own traceback."""
    return DragomanError(
        error.code,
        error.message,
        reason=error.reason,
        retry_after_s=error.retry_after_s,
        status=error.status,
    )
