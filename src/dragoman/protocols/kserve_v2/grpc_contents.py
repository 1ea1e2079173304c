"""`InferTensorContents`: the elements of a tensor as numbers, not as raw bytes.

Each datatype has its field; 8 and 16 bits travel in the fields of 32. FP16 and BF16 have none: they are sent
raw. float32 and float64 lie in the message as they lie in memory, and are read where they lie; so are
booleans. Other numbers are varints, which the protobuf library reads and writes.
"""

from collections.abc import Mapping
from math import prod
from typing import Any, Final

import numpy as np
from msgspec import Struct

from dragoman.core.errors import DragomanError, invalid
from dragoman.core.tensors import NUMPY, Array, DType, Tensor
from dragoman.protocols.kserve_v2.grpc_messages import messages
from dragoman.wire.datatypes import DATATYPES
from dragoman.wire.proto_fields import Data, field, fields
from dragoman.wire.protobuf import read_message
from dragoman.wire.raw_tensors import size_mismatch


class Field(Struct, frozen=True):
    """A field of the message: its key in packed form, its name, and the type that it is made for."""

    key: int
    name: str
    dtype: DType


BOOLS: Final = Field(0x0A, "bool_contents", DType.BOOL)
INTS: Final = Field(0x12, "int_contents", DType.INT32)
INT64S: Final = Field(0x1A, "int64_contents", DType.INT64)
UINTS: Final = Field(0x22, "uint_contents", DType.UINT32)
UINT64S: Final = Field(0x2A, "uint64_contents", DType.UINT64)
FLOATS: Final = Field(0x32, "fp32_contents", DType.FP32)
DOUBLES: Final = Field(0x3A, "fp64_contents", DType.FP64)
TEXTS: Final = Field(0x42, "bytes_contents", DType.BYTES)
ALL: Final = (BOOLS, INTS, INT64S, UINTS, UINT64S, FLOATS, DOUBLES, TEXTS)
BY_KEY: Final[Mapping[int, Field]] = {each.key: each for each in ALL}
BY_NAME: Final[Mapping[str, Field]] = {each.name: each for each in ALL}
FIELDS: Final[Mapping[DType, Field]] = {
    DType.BOOL: BOOLS,
    DType.INT8: INTS,
    DType.INT16: INTS,
    DType.INT32: INTS,
    DType.INT64: INT64S,
    DType.UINT8: UINTS,
    DType.UINT16: UINTS,
    DType.UINT32: UINTS,
    DType.UINT64: UINT64S,
    DType.FP32: FLOATS,
    DType.FP64: DOUBLES,
    DType.BYTES: TEXTS,
}
AS_IN_MEMORY: Final[Mapping[DType, Field]] = {DType.BOOL: BOOLS, DType.FP32: FLOATS, DType.FP64: DOUBLES}


def read_contents(model: str, name: str, data: Data, dtype: DType, shape: tuple[int, ...]) -> Array:
    """The array of the model's input `name`, out of a serialized InferTensorContents. It may borrow the data.

    Shapes: as `shape` says.
    Errors: INVALID_ARGUMENT naming the input, for elements in another type's field, too many or too few of
    them, and numbers out of the type's range.
    """
    flat = read_texts(model, name, data) if dtype is DType.BYTES else read_in_memory(data, dtype)
    if flat is None:
        flat = read_numbers(model, name, data, dtype)
    count = prod(shape)
    if flat.size == count:
        return flat.reshape(shape)
    if dtype is DType.BYTES:
        raise invalid(
            f"input '{name}' for model '{model}' takes {count} BYTES elements, and {flat.size} are given"
        )
    size = NUMPY[dtype].itemsize
    raise size_mismatch(name, count * size, flat.size * size, model)


def read_texts(model: str, name: str, data: Data) -> Array:
    """Elements of BYTES, one after the other: as a list of fields they would take many times the message."""
    found = []
    for key, value in fields(data):
        if key == TEXTS.key:
            found.append(bytes(value))
        elif key in BY_KEY:
            raise wrong_field(model, name, BY_KEY[key], DType.BYTES)
    flat = np.empty(len(found), np.object_)
    flat[:] = found
    return flat


def read_in_memory(data: Data, dtype: DType) -> Array | None:
    """Elements as they lie there; None where the message is not just them, packed."""
    own = AS_IN_MEMORY.get(dtype)
    if own is None:
        return None
    packed = None
    for key, value in fields(data):
        if packed is not None or key != own.key:
            return None
        packed = value
    if packed is None or len(packed) % NUMPY[dtype].itemsize:
        return None
    if dtype is not DType.BOOL:
        return np.frombuffer(packed, NUMPY[dtype])
    bits = np.frombuffer(packed, np.uint8)
    return bits.view(np.bool_) if not bits.size or bits.max() <= 1 else None


def read_numbers(model: str, name: str, data: Data, dtype: DType) -> Array:
    """Elements of any form that the protocol buffer may have.

    Errors: as `read_contents`.
    """
    message = read_message(messages().InferTensorContents, data)
    own = FIELDS.get(dtype)
    for descriptor, _ in message.ListFields():
        given = BY_NAME[descriptor.name]
        if given is not own:
            raise wrong_field(model, name, given, dtype)
    if own is None:
        return np.empty(0, NUMPY[dtype])
    values = getattr(message, own.name)
    flat = np.fromiter(values, NUMPY[own.dtype], len(values))
    if own.dtype is dtype:
        return flat
    bounds = np.iinfo(NUMPY[dtype])
    beyond = (flat < bounds.min) | (flat > bounds.max)
    if beyond.any():
        worst = flat[beyond][0]
        raise invalid(
            f"input '{name}' for model '{model}': {worst} is out of the range of {DATATYPES[dtype]}"
        )
    return flat.astype(NUMPY[dtype])


def wrong_field(model: str, name: str, given: Field, dtype: DType) -> DragomanError:
    """The error for elements in the field of another type."""
    return invalid(
        f"unexpected explicit tensor data for input tensor '{name}' for model '{model}' of type "
        f"'{DATATYPES[given.dtype]}', expected datatype '{DATATYPES[dtype]}'"
    )


def write_contents(tensor: Tensor) -> bytes | None:
    """The tensor as a serialized InferTensorContents; None for a type that has no field."""
    own = FIELDS.get(tensor.dtype)
    if own is None:
        return None
    if own is TEXTS:
        return b"".join([field(TEXTS.key, element) for element in tensor.array.reshape(-1)])
    if tensor.dtype in AS_IN_MEMORY:
        return field(own.key, tensor.array.tobytes()) if tensor.array.size else b""
    values: dict[str, Any] = {own.name: tensor.array.reshape(-1).tolist()}
    return messages().InferTensorContents(**values).SerializeToString()
