"""One request to a handler: from its place in line to the last part of its answer."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from typing import Final

from dragoman.core.context import CallContext
from dragoman.core.errors import DragomanError
from dragoman.core.requests import PayloadRequest
from dragoman.core.responses import PayloadResponse
from dragoman.execution.deadlines import within

DESCRIBE: Final = "describe"
MOST_UNREAD: Final = 64  # parts; a handler waits for readers that are slower


class HandlerJob:
    """A request that waits, then gets its answer in parts. `left` = nobody waits for it any more."""

    __slots__ = (
        "_changed",
        "_ended",
        "_error",
        "_parts",
        "_read",
        "call",
        "envelope",
        "left",
        "request",
        "since_ns",
        "taken_ns",
    )

    def __init__(
        self, request: PayloadRequest, envelope: str | None, call: CallContext, since_ns: int
    ) -> None:
        self.request = request
        self.envelope = envelope
        self.call = call
        self.since_ns = since_ns
        self.taken_ns = since_ns  # when a worker began with it
        self.left = False
        self._parts: deque[PayloadResponse] = deque()
        self._ended = False
        self._error: DragomanError | None = None
        self._changed = asyncio.Event()
        self._read = asyncio.Event()

    @property
    def alone(self) -> bool:
        """Whether it must not share a batch: what asks the handler to describe itself, and an envelope's."""
        return self.envelope is not None or self.request.headers.get(DESCRIBE) == "True"

    async def room(self) -> None:
        """Wait until no more than `MOST_UNREAD` parts wait to be read, or nobody reads."""
        while len(self._parts) > MOST_UNREAD and not self.left:
            self._read.clear()
            await self._read.wait()

    def give(self, part: PayloadResponse, *, last: bool) -> None:
        """Hand over a part of the answer."""
        self._parts.append(part)
        self._ended = last
        self._changed.set()

    def fail(self, error: DragomanError) -> None:
        """End the answer with an error, after the parts that are there."""
        if not self._ended:
            self._ended = True
            self._error = error
            self._changed.set()

    async def parts(self) -> AsyncGenerator[tuple[PayloadResponse, bool], None]:
        """The parts of the answer as they come, each with whether it is the last.

        Errors: the one that ended it; those of the call's deadline.
        """
        try:
            while True:
                while self._parts:
                    part = self._parts.popleft()
                    self._read.set()
                    last = self._ended and self._error is None and not self._parts
                    yield part, last
                    if last:
                        return
                if self._error is not None:
                    raise DragomanError(
                        self._error.code,
                        self._error.message,
                        reason=self._error.reason,
                        retry_after_s=self._error.retry_after_s,
                        status=self._error.status,
                    )
                self._changed.clear()
                await within(self.call, self._changed.wait())
        finally:
            self.left = True
            self._read.set()
