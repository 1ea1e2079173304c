"""Protobuf's wire format, read and written field by field.

For messages on the hot path, and for large ones: the protobuf library copies every byte field twice, and
turns packed numbers into Python objects. A key is `number << 3 | wire type`, as it stands in the message.
"""

from collections.abc import Iterator
from typing import Any, Final

from dragoman.core.errors import DragomanError, invalid

Data = bytes | memoryview

VARINT: Final = 0
FIXED64: Final = 1
LENGTH: Final = 2
FIXED32: Final = 5
ENTRY_KEY: Final = 1 << 3 | LENGTH  # of a map's entry, which is a message of two fields
ENTRY_VALUE: Final = 2 << 3 | LENGTH
BY_VARINT: Final = frozenset({VARINT, LENGTH})  # what a varint follows: the value, or the value's size
FIXED_BYTES: Final = {FIXED64: 8, FIXED32: 4}
MAX_VARINT_BITS: Final = 63  # the shift of a tenth byte
COPY_BELOW_BYTES: Final = 4096  # short slices of bytes are made faster than slices of a view


def as_data(body: bytes | bytearray | memoryview) -> Data:
    """The body in the form that is sliced fastest."""
    return bytes(body) if len(body) < COPY_BELOW_BYTES else memoryview(body)


def fields(data: Data) -> Iterator[tuple[int, Any]]:
    """Every field: its key, and its value, an unsigned int for a varint and a slice of the data for others.

    Errors: INVALID_ARGUMENT for what is no message.
    """
    at, end = 0, len(data)
    try:
        while at < end:
            key = data[at]
            at += 1
            if key >= 0x80:
                key, at = read_varint(data, at - 1)
            if key < 8:
                raise broken("a field has the number 0")
            wire = key & 7
            if wire in BY_VARINT:
                value = data[at]
                at += 1
                if value >= 0x80:
                    value, at = read_varint(data, at - 1)
                if wire == VARINT:
                    yield key, value
                    continue
                stop = at + value
            elif wire in FIXED_BYTES:
                stop = at + FIXED_BYTES[wire]
            else:
                raise broken(f"wire type {wire} is not supported")
            if stop > end:
                raise broken("a field is cut off")
            yield key, data[at:stop]
            at = stop
    except IndexError:
        raise broken("a number is cut off") from None


def map_entry(data: Data) -> tuple[str, Data]:
    """The key and the serialized value in an entry of a map from texts to messages.

    Errors: INVALID_ARGUMENT for what is no message, and for a key that is no text.
    """
    name: Data = b""
    message: Data = b""
    for key, value in fields(data):
        if key == ENTRY_KEY:
            name = value
        elif key == ENTRY_VALUE:
            message = value
    return text(name), message


def read_varint(data: Data, at: int) -> tuple[int, int]:
    """An unsigned number of up to 64 bits, and where it ends.

    Errors: INVALID_ARGUMENT for a longer one; IndexError where the data ends within it.
    """
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number & 0xFFFF_FFFF_FFFF_FFFF, at
        shift += 7
        if shift > MAX_VARINT_BITS:
            raise broken("a number has more than 64 bits")


def varint(number: int) -> bytes:
    """The bytes of an unsigned number."""
    if number < 0x80:
        return b"%c" % number
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(key: int, value: bytes) -> bytes:
    """A length-delimited field."""
    return b"%b%b%b" % (varint(key), varint(len(value)), value)


def signed(number: int) -> int:
    """The int64 that an unsigned varint stands for."""
    return number - (1 << 64) if number >> 63 else number


def text(data: Data) -> str:
    """A string field's value.

    Errors: INVALID_ARGUMENT for what is no UTF-8.
    """
    try:
        return str(data, "utf-8")
    except UnicodeDecodeError:
        raise broken("a text is no UTF-8") from None


def broken(why: str) -> DragomanError:
    """The error for bytes that are no protobuf message."""
    return invalid(f"the message cannot be parsed: {why}")
