"""A client that sends what a test says, frame by frame, and reads the server's frames."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

from dragoman.settings.limits import Limits
from dragoman.transports.grpc.http2.frames import (
    ACK,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PING,
    PREFACE,
    RST_STREAM,
    frame,
    settings,
)
from dragoman.transports.grpc.http2.hpack import HeaderDecoder, encoded
from tests.unit.transports.grpc.servers import Handler, Served, echo, serving

HEAD: Final = {
    b":method": b"POST",
    b":scheme": b"http",
    b":path": b"/t.Test/Plain",
    b"content-type": b"application/grpc",
    b"te": b"trailers",
}
PROBE: Final = b"are you?"


class Frame(NamedTuple):
    """A frame that came."""

    kind: int
    flags: int
    stream: int
    payload: bytes


def head(stream: int, flags: int = END_HEADERS, path: bytes = b"/t.Test/Plain", **more: bytes) -> bytes:
    """HEADERS of a call; `_` in a name stands for `-`."""
    fields = {
        **HEAD,
        b":path": path,
        **{name.replace("_", "-").encode(): value for name, value in more.items()},
    }
    return frame(HEADERS, flags, stream, encoded(list(fields.items())))


def message(data: bytes, flag: int = 0) -> bytes:
    return struct.pack(">BI", flag, len(data)) + data


def data(stream: int, payload: bytes, flags: int = END_STREAM) -> bytes:
    return frame(DATA, flags, stream, payload)


class Wire:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._decoder = HeaderDecoder(1 << 20)
        self._newest = -1
        self.blocks: dict[int, list[dict[bytes, bytes]]] = {}
        self.messages: dict[int, bytes] = {}
        self.sizes: list[int] = []  # of frames of DATA

    @property
    def next_stream(self) -> int:
        """A number that no call has had."""
        self._newest += 2
        return self._newest

    def send(self, *frames: bytes) -> None:
        self._writer.write(b"".join(frames))

    async def next(self) -> Frame | None:
        """The next frame; None when there are no more."""
        try:
            start = await self._reader.readexactly(9)
        except (asyncio.IncompleteReadError, ConnectionResetError):
            return None
        size = int.from_bytes(start[:3], "big")
        payload = await self._reader.readexactly(size)
        found = Frame(start[3], start[4], int.from_bytes(start[5:], "big"), payload)
        if found.kind == HEADERS:
            self.blocks.setdefault(found.stream, []).append(dict(self._decoder.decode(payload)))
        if found.kind == DATA:
            self.sizes.append(size)
            self.messages[found.stream] = self.messages.get(found.stream, b"") + payload
        return found

    async def until(self, kind: int, stream: int | None = None, flags: int = 0) -> Frame:
        """The first frame of that kind, of that stream, with these flags."""
        while True:
            found = await self.next()
            assert found is not None, f"the connection ended without frame {kind}"
            if found.kind == kind and stream in (None, found.stream) and found.flags & flags == flags:
                return found

    async def status(self, stream: int = 1) -> dict[bytes, bytes]:
        """The block that ends a stream."""
        await self.until(HEADERS, stream, END_STREAM)
        return self.blocks[stream][-1]

    async def goaway(self) -> tuple[int, str]:
        """The code and the words with which the connection ends; and it does end."""
        found = await self.until(GOAWAY)
        while await self.next() is not None:
            pass
        return int.from_bytes(found.payload[4:8], "big"), found.payload[8:].decode()

    async def reset(self, stream: int = 1) -> int:
        """The code with which a stream ends."""
        return int.from_bytes((await self.until(RST_STREAM, stream)).payload, "big")

    async def alive(self) -> list[Frame]:
        """Check that the connection is one still; what came before the answer to that."""
        self.send(frame(PING, 0, 0, PROBE))
        before: list[Frame] = []
        while True:
            found = await self.next()
            assert found is not None
            if found == (PING, ACK, 0, PROBE):
                return before
            before.append(found)

    async def call(self, stream: int, body: bytes = b"x") -> bytes:
        """What a call answers."""
        self.send(head(stream), data(stream, message(body)))
        assert (await self.status(stream))[b"grpc-status"] == b"0"
        return self.messages[stream][5:]


@asynccontextmanager
async def connected(served: Served, greeting: bytes = PREFACE + settings({})) -> AsyncIterator[Wire]:
    """A connection that has begun like this."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    wire = Wire(reader, writer)
    wire.send(greeting)
    try:
        yield wire
    finally:
        writer.close()


@asynccontextmanager
async def wired(handler: Handler = echo, limits: Limits | None = None, **options: Any) -> AsyncIterator[Wire]:
    """A server, and a connection to it."""
    async with serving(handler, limits) as served, connected(served, **options) as wire:
        yield wire
