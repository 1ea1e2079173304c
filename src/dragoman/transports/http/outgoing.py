"""What leaves a connection: answers in the order of their requests, whole or in parts."""

import asyncio
from typing import Final

from dragoman.transports.departures import Departures
from dragoman.transports.http.answer import BODILESS, LAST_CHUNK, AnswerHeads, chunk
from dragoman.wire.messages import AnswerStream, WireResponse

JOINED_BYTES: Final = 16 * 1024  # larger bodies are handed to the transport as they are, not copied


class BrokenOffError(Exception):
    """An answer that ends before its end, which whoever made it has logged."""


class Outgoing:
    """Collects answers, writes them once a turn, and knows whether the reader keeps up."""

    __slots__ = ("_departures", "_heads", "_parts", "_resumed", "_transport", "stalled")

    def __init__(self, transport: asyncio.Transport, heads: AnswerHeads, departures: Departures) -> None:
        self._transport = transport
        self._heads = heads
        self._departures = departures
        self._parts: list[bytes | bytearray | memoryview] = []
        self._resumed: asyncio.Future[None] | None = None
        self.stalled = False

    def add(self, response: WireResponse, connection: bytes, *, bodiless: bool) -> None:
        """Put an answer at the end.

        Errors: ValueError for a header that holds a line break.
        """
        head = self._heads.whole(response, connection)
        body = response.body
        if bodiless or response.status in BODILESS:
            self._parts.append(head)
        elif len(body) <= JOINED_BYTES:
            self._parts.append(head + body)
        else:
            self._parts += (head, body)

    def leave(self) -> None:
        """Have what was collected written with what others have to say in this turn."""
        if self._parts:
            self._departures.add(self)

    def abort(self) -> None:
        """Hang up at once."""
        self._transport.abort()

    def drop(self) -> None:
        """Write nothing of it: nobody is there."""
        self._parts.clear()

    def flush(self) -> None:
        """Write what was collected."""
        parts = self._parts
        if len(parts) == 1:
            self._transport.write(parts[0])
            parts.clear()
        elif parts:
            self._parts = []
            self._transport.writelines(parts)

    def begin(self, response: WireResponse, connection: bytes, *, chunked: bool) -> None:
        """Put the head of an answer that comes in parts at the end.

        Errors: ValueError for a header that holds a line break.
        """
        self._parts.append(self._heads.streamed(response, connection, chunked=chunked))

    async def stream(self, parts: AnswerStream, *, chunked: bool, bodiless: bool) -> None:
        """Write the parts of an answer, as fast as the reader takes them.

        Where they break off, their exception comes out and no last chunk is written. BrokenOffError where
        they end with an error for the status, which is sent already.
        """
        try:
            self.flush()
            if bodiless:
                return
            async for part in parts:
                self._transport.write(chunk(part) if chunked else part)
                if self.stalled:
                    self._resumed = asyncio.get_running_loop().create_future()
                    await self._resumed
            if parts.ending is not None:
                raise BrokenOffError
            if chunked:
                self._transport.write(LAST_CHUNK)
        finally:
            await parts.aclose()

    def stall(self) -> None:
        """The reader does not keep up."""
        self.stalled = True

    def resume(self) -> None:
        """The reader has caught up."""
        self.stalled = False
        if self._resumed is not None:
            if not self._resumed.done():
                self._resumed.set_result(None)
            self._resumed = None

    def unsent(self) -> int:
        """How many bytes the reader has yet to take."""
        return self._transport.get_write_buffer_size()
