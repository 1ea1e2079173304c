"""Serialized tf.train.Example messages, read straight from protobuf's wire format.

    Example  { Features features = 1; }
    Features { map<string, Feature> feature = 1; }      an entry is { string key = 1; Feature value = 2; }
    Feature  { oneof { BytesList = 1; FloatList = 2; Int64List = 3; } }      each is { repeated value = 1; }

Merging is protobuf's: a later map entry replaces an earlier one of the same key, a message or list that comes
twice goes on where it ended, the list that comes last decides a feature's kind. Unknown fields are skipped.
"""

import struct
from collections.abc import Iterator, Sequence
from typing import Any, Final

from dragoman.core.errors import DragomanError, invalid
from dragoman.core.requests import Feature, FeatureKind

Value = int | memoryview

VARINT: Final = 0
FIXED64: Final = 1
LENGTH: Final = 2
FIXED32: Final = 5
FIXED_BYTES: Final = {FIXED64: 8, FIXED32: 4}
KINDS: Final = {1: FeatureKind.BYTES, 2: FeatureKind.FLOAT, 3: FeatureKind.INT64}
MAX_VARINT_BYTES: Final = 10


def read_example(data: bytes) -> dict[str, Feature]:
    """The features of a serialized Example.

    Errors: INVALID_ARGUMENT for bytes that are no such message.
    """
    features: dict[str, Feature] = {}
    for message in _messages(memoryview(data), 1):
        for entry in _messages(message, 1):
            name = b"".join(bytes(key) for key in list(_messages(entry, 1))[-1:])
            features[_text(name)] = _feature(entry)
    return features


def _feature(entry: memoryview) -> Feature:
    kind = FeatureKind.FLOAT
    values: list[Any] = []  # of the kind's own type
    for message in _messages(entry, 2):
        for number, wire, value in _fields(message):
            if number not in KINDS or wire != LENGTH or not isinstance(value, memoryview):
                continue
            if KINDS[number] is not kind:
                kind = KINDS[number]
                values.clear()
            for field in _fields(value):
                values.extend(_elements(kind, *field))
    return Feature(kind, values)


def _elements(kind: FeatureKind, number: int, wire: int, value: Value) -> Sequence[bytes | float | int]:
    """The values in one field of a list; numbers may be packed or not. Other fields hold none."""
    if number != 1:
        return []
    if isinstance(value, int):
        return [_signed(value)] if kind is FeatureKind.INT64 and wire == VARINT else []
    if kind is FeatureKind.BYTES:
        return [bytes(value)] if wire == LENGTH else []
    if kind is FeatureKind.FLOAT:
        return _floats(value) if wire in (LENGTH, FIXED32) else []
    return _varints(value) if wire == LENGTH else []


def _floats(data: memoryview) -> list[float]:
    if len(data) % 4:
        raise _broken("a list of floats is cut off")
    return list(struct.unpack(f"<{len(data) // 4}f", data))


def _varints(data: memoryview) -> list[int]:
    numbers = []
    at = 0
    while at < len(data):
        number, at = _varint(data, at)
        numbers.append(_signed(number))
    return numbers


def _messages(data: memoryview, wanted: int) -> Iterator[memoryview]:
    """The length-delimited fields of that number."""
    for number, wire, value in _fields(data):
        if number == wanted and wire == LENGTH and isinstance(value, memoryview):
            yield value


def _fields(data: memoryview) -> Iterator[tuple[int, int, Value]]:
    """Every field: its number, its wire type, and its value as a varint or as bytes."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if not 0 < number < 2**29:
            raise _broken(f"field number {number} is none")
        if wire == VARINT:
            value, at = _varint(data, at)
            yield number, wire, value
            continue
        if wire == LENGTH:
            size, at = _varint(data, at)
        elif wire in FIXED_BYTES:
            size = FIXED_BYTES[wire]
        else:
            raise _broken(f"wire type {wire} is not supported")
        if size > len(data) - at:
            raise _broken("a field is cut off")
        yield number, wire, data[at : at + size]
        at += size


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """An unsigned number of up to 64 bits, and where it ends."""
    number = 0
    for index in range(MAX_VARINT_BYTES):
        if at + index >= len(data):
            raise _broken("a number is cut off")
        byte = data[at + index]
        number |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return number & (2**64 - 1), at + index + 1
    raise _broken("a number has more than 64 bits")


def _signed(number: int) -> int:
    return number - 2**64 if number >= 2**63 else number


def _text(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise _broken("a feature's name is no UTF-8") from None


def _broken(why: str) -> DragomanError:
    return invalid(f"Could not parse example input: {why}")
