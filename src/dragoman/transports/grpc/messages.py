"""Messages of a call: each has a prefix that tells its size and whether it is compressed."""

import asyncio
import struct
import zlib
from collections.abc import Mapping
from typing import Final

from dragoman.transports.body import Pieces, SizedBody
from dragoman.transports.grpc.status import INTERNAL, RESOURCE_EXHAUSTED

PREFIX: Final = struct.Struct(">BI")
PREFIX_BYTES: Final = PREFIX.size
# How zlib reads each encoding; None = there is none.
ENCODINGS: Final[Mapping[bytes, int | None]] = {
    b"identity": None, b"gzip": zlib.MAX_WBITS | 16, b"deflate": zlib.MAX_WBITS,
}  # fmt: skip
INFLATED_AT_ONCE: Final = 8 * 1024  # which become 8 MiB at most, in a few milliseconds
DIRECT_BYTES: Final = 64 * 1024  # what is left of a message, from where on it is received in place


class Packed:
    """A compressed message, which takes long to inflate: on a thread, by whoever takes it."""

    __slots__ = ("_data", "_encoding", "_most")

    def __init__(self, data: memoryview, encoding: bytes, most: int) -> None:
        self._data = data
        self._encoding = encoding
        self._most = most

    async def message(self) -> bytes:
        """What was compressed.

        Errors: CallFault.
        """
        return await asyncio.to_thread(inflated, self._data, self._encoding, self._most)


Message = bytes | memoryview
Arrived = Message | Packed


class CallFault(Exception):
    """What ends a call with a status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class MessageReader:
    """Puts one call's messages together. `most` = bytes of a message, before and after it is inflated."""

    __slots__ = ("_body", "_compressed", "_encoding", "_most", "_pieces", "_prefix")

    def __init__(self, encoding: bytes, most: int, pieces: Pieces) -> None:
        self._pieces = pieces
        self._encoding = encoding
        self._most = most
        self._prefix = b""  # as much as there is of one
        self._body: SizedBody | None = None
        self._compressed = False

    @property
    def unfinished(self) -> bool:
        """Whether a message has begun."""
        return self._body is not None or self._prefix != b""

    @property
    def missing(self) -> int:
        """How many bytes of the message that has begun are to come."""
        return 0 if self._body is None else self._body.size - self._body.received

    def holds(self, piece: memoryview) -> bool:
        """Take a piece from inside a message, as most are of a large one; False = it is none, or ends it."""
        body, size = self._body, len(piece)
        if body is None or size >= body.size - body.received:
            return False
        room = body.space()
        if size > len(room):
            return False
        room[:size] = piece
        body.received += size
        return True

    def feed(self, piece: memoryview) -> list[Arrived]:
        """The messages that end in this piece.

        Errors: CallFault.
        """
        found: list[Arrived] = []
        position, end = 0, len(piece)
        while position < end:
            body = self._body
            if body is None:
                start = position + PREFIX_BYTES - len(self._prefix)
                self._prefix += piece[position:start]
                position = min(start, end)
                if len(self._prefix) == PREFIX_BYTES:
                    size = self._begin()
                    stop = min(position + size, end)
                    self._body = SizedBody(size, piece[position:stop], self._pieces)
                    position = stop
            else:
                room = body.space()
                stop = min(position + len(room), end)
                room[: stop - position] = piece[position:stop]
                body.received += stop - position
                position = stop
            if self._body is not None and self._body.done:
                found.append(self._finish(self._body))
        return found

    def space(self) -> memoryview | None:
        """Where the rest of a large message may be written."""
        body = self._body
        if body is None or body.size - body.received < DIRECT_BYTES:
            return None
        return body.space()

    def filled(self, count: int) -> list[Arrived]:
        """The message that ends with so many bytes, written there."""
        body = self._body
        if body is None:
            return []
        body.received += count
        return [self._finish(body)] if body.done else []

    def _begin(self) -> int:
        """The size that the prefix tells, if such a message may be."""
        flag: int
        size: int
        flag, size = PREFIX.unpack(self._prefix)
        self._prefix = b""
        self._compressed = check_prefix(flag, size, self._encoding, self._most)
        return size

    def _finish(self, body: SizedBody) -> Arrived:
        self._body = None
        if self._compressed:
            if body.size > INFLATED_AT_ONCE:
                return Packed(body.data, self._encoding, self._most)
            return inflated(body.data, self._encoding, self._most)
        return body.data if body.size >= DIRECT_BYTES else bytes(body.data)


def check_prefix(flag: int, size: int, encoding: bytes, most: int) -> bool:
    """Whether a message is compressed.

    Errors: CallFault where it cannot be taken.
    """
    if flag > 1:
        raise CallFault(INTERNAL, f"a message's first byte is {flag}; it is 0, or 1 where it is compressed")
    if flag and ENCODINGS[encoding] is None:
        raise CallFault(INTERNAL, "a message says that it is compressed, and grpc-encoding does not say how")
    if size > most:
        raise too_large(size, most)
    return bool(flag)


def inflated(data: memoryview, encoding: bytes, most: int) -> bytes:
    """What was compressed.

    Errors: CallFault.
    """
    reader = zlib.decompressobj(ENCODINGS[encoding] or 0)
    try:
        found = reader.decompress(data, most + 1)
    except zlib.error:
        raise CallFault(INTERNAL, f"a message is no valid {encoding.decode()}") from None
    if len(found) > most:
        raise CallFault(RESOURCE_EXHAUSTED, f"Decompressed message larger than max ({most})")
    if not reader.eof or reader.unused_data:
        raise CallFault(INTERNAL, f"a message is no whole {encoding.decode()}")
    return found


def too_large(size: int, most: int) -> CallFault:
    """In gRPC's own words, which clients look for."""
    return CallFault(RESOURCE_EXHAUSTED, f"Received message larger than max ({size} vs. {most})")
