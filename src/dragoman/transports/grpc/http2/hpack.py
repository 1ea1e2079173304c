"""Header blocks: HPACK's decoder, and an encoder that needs no table (RFC 7541)."""

from collections import deque
from typing import Final

from dragoman.transports.grpc.http2.errors import ConnectionFault, ErrorCode
from dragoman.transports.grpc.http2.huffman import decoded
from dragoman.transports.grpc.http2.static_table import STATIC, Field

TABLE_BYTES: Final = 4096  # the usual size, which we do not change
ENTRY_BYTES: Final = 32  # that an entry counts for beside its name and value
FIRST_DYNAMIC: Final = len(STATIC)
LONGEST_SHIFT: Final = 28  # of an integer's bits; more would be beyond any length


class HeaderDecoder:
    """The fields of one connection's header blocks. `changes` counts those of the table.

    As long as it does not move, equal blocks are equal fields. Blocks must come in their order, all of them.
    """

    __slots__ = ("_bytes", "_most", "_size", "_table", "changes", "too_large")

    def __init__(self, most: int) -> None:
        self._most = most
        self._table: deque[Field] = deque()  # the newest first
        self._bytes = 0
        self._size = TABLE_BYTES
        self.changes = 0
        self.too_large = False  # the last block: its fields are not all there

    def decode(self, block: bytes) -> list[Field]:
        """The fields, as far as they may go together.

        Errors: ConnectionFault, after which nothing of the connection can be read any more.
        """
        try:
            return self._decode(block)
        except (ValueError, IndexError) as error:
            raise ConnectionFault(ErrorCode.COMPRESSION_ERROR, str(error)) from None

    def _decode(self, block: bytes) -> list[Field]:
        fields: list[Field] = []
        position, end, left = 0, len(block), self._most
        self.too_large = False
        while position < end:
            byte = block[position]
            if byte & 0x80:
                index, position = integer(block, position, 0x7F)
                field = self._indexed(index)
            elif byte & 0xE0 == 0x20:
                size, position = integer(block, position, 0x1F)
                self._resize(size, first=not fields and left == self._most)
                continue
            else:
                keeps = byte & 0x40
                index, position = integer(block, position, 0x3F if keeps else 0x0F)
                name, position = (self._indexed(index)[0], position) if index else string(block, position)
                value, position = string(block, position)
                field = name, value
                if keeps:
                    self._insert(field)
            left -= len(field[0]) + len(field[1]) + ENTRY_BYTES
            if left >= 0:
                fields.append(field)
        self.too_large = left < 0
        return fields

    def _indexed(self, index: int) -> Field:
        if 0 < index < FIRST_DYNAMIC:
            return STATIC[index]
        if not index or index - FIRST_DYNAMIC >= len(self._table):
            raise ValueError(f"there is no header field {index}")
        return self._table[index - FIRST_DYNAMIC]

    def _insert(self, field: Field) -> None:
        self.changes += 1
        self._table.appendleft(field)
        self._bytes += size_of(field)
        self._evict()

    def _resize(self, size: int, *, first: bool) -> None:
        if size > TABLE_BYTES or not first:
            raise ValueError(f"the header table cannot have {size} bytes, or not from here on")
        self.changes += 1
        self._size = size
        self._evict()

    def _evict(self) -> None:
        while self._bytes > self._size:
            self._bytes -= size_of(self._table.pop())


def size_of(field: Field) -> int:
    """What a field counts for in a table."""
    return len(field[0]) + len(field[1]) + ENTRY_BYTES


def integer(block: bytes, position: int, mask: int) -> tuple[int, int]:
    """The number that begins in the low bits there, and where it ends."""
    value = block[position] & mask
    position += 1
    if value < mask:
        return value, position
    shift = 0
    while True:
        byte = block[position]
        position += 1
        value += (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, position
        shift += 7
        if shift > LONGEST_SHIFT:
            raise ValueError("a number in a header block has no end")


def string(block: bytes, position: int) -> tuple[bytes, int]:
    """The string there, and where it ends."""
    packed = block[position] & 0x80
    size, position = integer(block, position, 0x7F)
    end = position + size
    if end > len(block):
        raise ValueError("a header string goes beyond its block")
    data = block[position:end]
    return decoded(data) if packed else data, end


def encoded(fields: list[Field]) -> bytes:
    """A block of these fields that changes nobody's table."""
    return b"".join(b"\0%b%b%b%b" % (length(name), name, length(value), value) for name, value in fields)


def length(text: bytes) -> bytes:
    """A string's length, as it stands before it."""
    size = len(text)
    if size < 0x7F:
        return bytes((size,))
    size -= 0x7F
    found = bytearray((0x7F,))
    while size >= 0x80:
        found.append(size & 0x7F | 0x80)
        size >>= 7
    found.append(size)
    return bytes(found)
