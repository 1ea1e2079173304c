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
from dragoman.wire.proto_fields import (
    FIXED32,
    LENGTH,
    VARINT,
    Data,
    broken,
    fields,
    read_varint,
    signed,
    text,
)

# Field 1 in three wire types, and field 2 with a length.
FIRST: Final = 1 << 3 | LENGTH
SECOND: Final = 2 << 3 | LENGTH
ONE_VARINT: Final = 1 << 3 | VARINT
ONE_FLOAT: Final = 1 << 3 | FIXED32
KINDS: Final = {
    1 << 3 | LENGTH: FeatureKind.BYTES,
    2 << 3 | LENGTH: FeatureKind.FLOAT,
    3 << 3 | LENGTH: FeatureKind.INT64,
}


def read_example(data: bytes) -> dict[str, Feature]:
    """The features of a serialized Example.

    Errors: INVALID_ARGUMENT for bytes that are no such message.
    """
    try:
        return {
            name: feature
            for features in _values(data, FIRST)
            for entry in _values(features, FIRST)
            for name, feature in [_entry(entry)]
        }
    except DragomanError as error:
        raise invalid(f"Could not parse example input: {error.message}") from None


def _entry(entry: Data) -> tuple[str, Feature]:
    name: Data = b""
    kind = FeatureKind.FLOAT
    values: list[Any] = []  # of the kind's own type
    for key, value in fields(entry):
        if key == FIRST:
            name = value
        elif key == SECOND:
            for list_key, message in fields(value):
                if list_key not in KINDS:
                    continue
                if KINDS[list_key] is not kind:
                    kind = KINDS[list_key]
                    values.clear()
                for element_key, element in fields(message):
                    values.extend(_elements(kind, element_key, element))
    return text(name), Feature(kind, values)


def _elements(kind: FeatureKind, key: int, value: Any) -> Sequence[bytes | float | int]:
    """The values in one field of a list; numbers may be packed or not. Other fields hold none."""
    if kind is FeatureKind.BYTES:
        return [bytes(value)] if key == FIRST else []
    if kind is FeatureKind.FLOAT:
        return _floats(value) if key in (FIRST, ONE_FLOAT) else []
    if key == ONE_VARINT:
        return [signed(value)]
    return _varints(value) if key == FIRST else []


def _floats(data: Data) -> list[float]:
    if len(data) % 4:
        raise broken("a list of floats is cut off")
    return list(struct.unpack(f"<{len(data) // 4}f", data))


def _varints(data: Data) -> list[int]:
    numbers = []
    at = 0
    try:
        while at < len(data):
            number, at = read_varint(data, at)
            numbers.append(signed(number))
    except IndexError:
        raise broken("a list of numbers is cut off") from None
    return numbers


def _values(data: Data, wanted: int) -> Iterator[Data]:
    """The values of the fields of that key."""
    return (value for key, value in fields(data) if key == wanted)
