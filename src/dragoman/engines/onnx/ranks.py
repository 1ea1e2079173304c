"""Which inputs and outputs of an ONNX file have a shape at all.

onnxruntime says `[]` both for a scalar and where the rank is open; the file tells them apart. This walks over
the few protobuf fields that matter (ModelProto.graph, GraphProto.input and .output, ValueInfoProto.name and
.type, TypeProto.tensor_type, its .shape) and skips all else, weights included.
"""

import mmap
from collections.abc import Iterator
from typing import Final

GRAPH: Final = 7
INPUT: Final = 11
OUTPUT: Final = 12
VALUE_NAME: Final = 1
VALUE_TYPE: Final = 2
TENSOR_TYPE: Final = 1
TENSOR_SHAPE: Final = 2
VARINT, FIXED64, DELIMITED, FIXED32 = 0, 1, 2, 5

Span = tuple[int, int]  # where a field's bytes begin and end


def shaped_values(path: str) -> frozenset[str]:
    """Names of the graph's inputs and outputs whose rank the file fixes.

    Errors: ValueError where the file is no protobuf.
    """
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return frozenset(
            name
            for graph in members(data, (0, len(data)), GRAPH)
            for field in (INPUT, OUTPUT)
            for value in members(data, graph, field)
            for name in names_with_shape(data, value)
        )


def names_with_shape(data: mmap.mmap, value: Span) -> Iterator[str]:
    """The name of one ValueInfoProto, if it has a tensor shape."""
    shapes = [
        shape
        for kind in members(data, value, VALUE_TYPE)
        for tensor in members(data, kind, TENSOR_TYPE)
        for shape in members(data, tensor, TENSOR_SHAPE)
    ]
    if shapes:
        for begin, end in members(data, value, VALUE_NAME):
            yield data[begin:end].decode("utf-8", "replace")


def members(data: mmap.mmap, span: Span, wanted: int) -> Iterator[Span]:
    """The length-delimited fields of one number inside a message."""
    at, end = span
    while at < end:
        tag, at = varint(data, at, end)
        kind = tag & 7
        if kind == DELIMITED:
            length, at = varint(data, at, end)
            if length > end - at:
                raise ValueError("a field ends outside its message")
            if tag >> 3 == wanted:
                yield at, at + length
            at += length
        elif kind == VARINT:
            _, at = varint(data, at, end)
        elif kind in (FIXED64, FIXED32):
            at += 8 if kind == FIXED64 else 4
        else:
            raise ValueError("not a protobuf message")
    if at != end:
        raise ValueError("a field ends outside its message")


def varint(data: mmap.mmap, at: int, end: int) -> tuple[int, int]:
    """A base-128 number and where it ends."""
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError("a number without an end")
