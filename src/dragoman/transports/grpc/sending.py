"""The way back of one RPC: head, messages, and the status that ends it."""

import asyncio
from typing import Final

import structlog

from dragoman.transports.grpc.head import Head
from dragoman.transports.grpc.http2.connection import Connection
from dragoman.transports.grpc.http2.frames import (
    DATA,
    END_HEADERS,
    END_STREAM,
    FRAME_HEAD,
    HEADERS,
    frame,
)
from dragoman.transports.grpc.http2.outgoing import JOINED_BYTES
from dragoman.transports.grpc.http2.stream import Stream
from dragoman.transports.grpc.messages import PREFIX, PREFIX_BYTES
from dragoman.transports.grpc.status import HEAD, INTERNAL, OK, OK_TRAILERS, trailers
from dragoman.wire.messages import Headers

LOG: Final = structlog.get_logger("dragoman.grpc")
FAILED: Final = "the server failed to answer; its log says why"
HEAD_START: Final = FRAME_HEAD.pack(0, len(HEAD), HEADERS, END_HEADERS, 0)[:5]
LAST: Final = END_HEADERS | END_STREAM
SHORT: Final = 0xFF  # of a block, whose frame can be written at once

Body = bytes | bytearray | memoryview


class Sending(Stream):
    """A stream that is answered. It ends once, with `finish` or `fail`."""

    __slots__ = ("_trailers", "_waiter", "begun", "connection", "head")

    def __init__(self, connection: Connection[Head], number: int, head: Head) -> None:
        super().__init__(number, connection.session.initial_window)
        self.connection = connection
        self.head = head
        self.begun = False  # something of the answer is written
        self._trailers: bytes | None = None  # what ends the call once the queue is empty
        self._waiter: asyncio.Future[None] | None = None

    def sent(self) -> None:
        """What was queued has left: end, or write on."""
        if self._trailers is not None:
            self._end(self._trailers)
        elif self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def write_whole(self, body: Body, headers: Headers) -> None:
        """The only message of an answer, and its end: in one piece where windows allow it."""
        try:
            block = trailers(OK, "", headers, alone=False) if headers else OK_TRAILERS
        except ValueError:
            LOG.exception("answer cannot be written", method=self.head.path)
            self.fail(INTERNAL, FAILED)
            return
        if isinstance(body, memoryview):
            body = body.cast("B") if body.c_contiguous else body.tobytes()
        size = len(body) + PREFIX_BYTES
        out, number = self.connection.out, self.id
        if size <= out.free and size <= self.window and len(block) <= SHORT:
            out.window -= size
            out.write(
                b"".join((
                    HEAD_START, number.to_bytes(4, "big"), HEAD,
                    FRAME_HEAD.pack(size >> 8, size & 0xFF, DATA, 0, number),
                    PREFIX.pack(0, size - PREFIX_BYTES), body,
                    FRAME_HEAD.pack(0, len(block), HEADERS, LAST, number), block,
                ))
            )  # fmt: skip
            self.over()
        else:
            self._trailers = block
            self._queue(body)

    async def write(self, body: Body) -> None:
        """One message of several; returns when the client, and the socket, have room for the next."""
        self._queue(body)
        while self.queued and not self.closed:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        if self.connection.out.stalled:
            await self.connection.writable()

    def finish(self, headers: Headers) -> None:
        """The end of an answer of several messages."""
        if not self.closed:
            self._write_head()
            self._end(self._block(OK, "", headers))

    def fail(self, status: int, message: str, headers: Headers | None = None) -> None:
        """End the call with this status; what was not sent of it is not sent any more."""
        if not self.closed:
            block = self._block(status, message, headers or [])
            self.connection.out.drop(self)
            self._end(block)
            self.gone()

    def refuse(self, block: bytes) -> None:
        """End the call with this block and nothing else."""
        self._end(block)

    def _block(self, status: int, message: str, headers: Headers) -> bytes:
        """The block that ends the call. Where the answer's headers cannot be sent, it fails."""
        alone = not self.begun
        try:
            return trailers(status, message, headers, alone=alone)
        except ValueError:
            LOG.exception("answer cannot be written", method=self.head.path)
            return trailers(INTERNAL, FAILED, [], alone=alone)

    def _queue(self, body: Body) -> None:
        """Send a message as soon as it may leave."""
        self._write_head()
        prefix = PREFIX.pack(0, len(body))
        if len(body) <= JOINED_BYTES:
            self.queue.append(prefix + body)
        else:
            self.queue += (prefix, body)
        self.queued += len(body) + PREFIX_BYTES
        self.connection.out.send(self)
        if self.queued:
            self.connection.slow()

    def _write_head(self) -> None:
        if not self.begun:
            self.begun = True
            self.connection.out.write(HEAD_START + self.id.to_bytes(4, "big") + HEAD)

    def _end(self, block: bytes) -> None:
        self.connection.out.write(frame(HEADERS, LAST, self.id, block))
        self.over()

    def over(self) -> None:
        """Everything is written."""
        self.begun = True
        self.connection.session.close(self)
