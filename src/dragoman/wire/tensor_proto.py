"""tensorflow.TensorProto to and from tensors (tensorflow/core/framework/tensor.cc, `Tensor::FromProto`).

The values stand in `tensor_content`, or else in the dtype's own `*_val` field: more values than elements are
cut, fewer are filled up with the last one, none mean zeros. What clients send for numbers, raw contents and
packed floats, is viewed where it lies in the request, and a few strings are copied from there; everything
else is read by the protobuf library.
"""

from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from math import prod
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dragoman.core.errors import DragomanError, Reason, invalid
from dragoman.core.tensors import NUMPY, Array, DType, Tensor
from dragoman.wire.proto_fields import Data, broken, field, fields, read_varint, varint
from dragoman.wire.protobuf import message_class, read_message

if TYPE_CHECKING:
    from dragoman.wire.protos.dragoman.tensor_pb2 import PlainTensor
    from dragoman.wire.protos.tensorflow.core.framework.tensor_shape_pb2 import TensorShapeProto

DATA_TYPES: Final[Mapping[DType, int]] = {  # tensorflow/core/framework/types.proto
    DType.FP32: 1,
    DType.FP64: 2,
    DType.INT32: 3,
    DType.UINT8: 4,
    DType.INT16: 5,
    DType.INT8: 6,
    DType.BYTES: 7,
    DType.INT64: 9,
    DType.BOOL: 10,
    DType.BF16: 14,
    DType.UINT16: 17,
    DType.FP16: 19,
    DType.UINT32: 22,
    DType.UINT64: 23,
}
DTYPES: Final[Mapping[int, DType]] = {number: dtype for dtype, number in DATA_TYPES.items()}
VALUE_FIELDS: Final[Mapping[DType, str]] = {
    DType.FP32: "float_val",
    DType.FP64: "double_val",
    DType.INT32: "int_val",
    DType.UINT8: "int_val",
    DType.INT16: "int_val",
    DType.INT8: "int_val",
    DType.BYTES: "string_val",
    DType.INT64: "int64_val",
    DType.BOOL: "bool_val",
    DType.BF16: "half_val",
    DType.UINT16: "int_val",
    DType.FP16: "half_val",
    DType.UINT32: "uint32_val",
    DType.UINT64: "uint64_val",
}
HALVES: Final = frozenset({DType.FP16, DType.BF16})  # their values are the 16 bits of each as an integer

# Keys of the fields that are read without the protobuf library.
DTYPE: Final = 0x08
SHAPE: Final = 0x12
VERSION: Final = 0x18
CONTENT: Final = 0x22
FLOATS: Final = 0x2A
DOUBLES: Final = 0x32
STRING: Final = 0x42
PACKED: Final[Mapping[DType, int]] = {DType.FP32: FLOATS, DType.FP64: DOUBLES}
PLAIN: Final = frozenset({DTYPE, SHAPE, VERSION, CONTENT, FLOATS, DOUBLES})
FEW_STRINGS: Final = 16  # images, mostly: the protobuf library would copy them twice

MAX_RANK: Final = 32  # what every NumPy since 1.0 can hold; TensorFlow's is 254
MAX_SHAPE_BYTES: Final = 8192
CACHED_SHAPE_BYTES: Final = 64
MAX_ELEMENTS: Final = 2**59  # times 8 bytes is what an address space can hold
EXACT: Final = -1  # as the limit of what may be repeated: nothing is, nor cut


Written = tuple[bytes, bytes]  # the two parts of a message; the second may be large and is not copied again


def read_tensor(name: str, data: Data, limit_bytes: int, *, exact: bool = False) -> Tensor:
    """The tensor that a serialized TensorProto is. It may borrow `data`.

    `exact` = values are neither cut nor repeated.
    Errors: INVALID_ARGUMENT naming the tensor for what is no tensor, values that do not fit the shape, and
    values that are to be repeated beyond `limit_bytes`.
    """
    limit = EXACT if exact else limit_bytes
    try:
        plain = scan(data)
        if plain is None:
            return _read_message(read_message(_plain_tensor(), data), limit)
        return _read_plain(plain, limit)
    except DragomanError as error:
        raise invalid(f"tensor parsing error: {name}: {error.message}", error.reason) from None


def scan(data: Data) -> dict[int, Any] | None:
    """The fields by key, where each is there once and none needs the protobuf library; else None.

    Of a tensor of strings there may be a few, as a list.
    """
    found: dict[int, Any] = {}
    strings: list[Data] = []
    for key, value in fields(data):
        if key == STRING and len(strings) < FEW_STRINGS:
            strings.append(value)
        elif key in found or key not in PLAIN:
            return None
        else:
            found[key] = value
    if strings:
        if found.get(DTYPE) != DATA_TYPES[DType.BYTES]:
            return None
        found[STRING] = strings
    return found


def _read_plain(found: dict[int, Any], limit_bytes: int) -> Tensor:
    dtype = read_dtype(found.get(DTYPE, 0))
    shape = read_shape(found.get(SHAPE, b""))
    if content := found.get(CONTENT):
        return Tensor(dtype, _from_content(content, dtype, shape))
    if dtype is DType.BYTES:
        strings = list(map(bytes, found.get(STRING, [])))
        return Tensor(dtype, fill(objects(strings), dtype, shape, limit_bytes))
    key = PACKED.get(dtype)
    values = view(found[key], NUMPY[dtype]) if key in found else np.empty(0, NUMPY[dtype])
    return Tensor(dtype, fill(values, dtype, shape, limit_bytes))


def _read_message(message: "PlainTensor", limit_bytes: int) -> Tensor:
    dtype = read_dtype(message.dtype)
    shape = read_shape(message.tensor_shape)
    if message.tensor_content:
        return Tensor(dtype, _from_content(message.tensor_content, dtype, shape))
    listed = getattr(message, VALUE_FIELDS[dtype])
    if limit_bytes == EXACT and len(listed) != prod(shape):
        raise wrong_count(len(listed), shape)
    return Tensor(dtype, fill(_values(listed, dtype, prod(shape)), dtype, shape, limit_bytes))


def _values(listed: Iterable[Any], dtype: DType, count: int) -> Array:
    if dtype is DType.BYTES:
        return objects(list(listed)[:count])
    if dtype in HALVES:
        return np.array(listed, np.int64).astype(np.uint16).view(NUMPY[dtype])
    if VALUE_FIELDS[dtype] == "int_val":  # int32 on the wire; narrower types take its low bits
        return np.array(listed, np.int32).astype(NUMPY[dtype])
    return np.array(listed, NUMPY[dtype])


def read_dtype(number: int) -> DType:
    """The element type of this number.

    Errors: INVALID_ARGUMENT for none and for types that no model here has.
    """
    dtype = DTYPES.get(number)
    if dtype is None:
        raise invalid(f"dtype {number} is not supported" if number else "its dtype is not given")
    return dtype


def read_shape(data: Data) -> tuple[int, ...]:
    """The shape that a serialized TensorShapeProto is. `unknown_rank` is ignored, as the reference does.

    Errors: INVALID_ARGUMENT for negative and overflowing sizes and too many dimensions.
    """
    if len(data) <= CACHED_SHAPE_BYTES:
        return _cached_shape(bytes(data))
    return _parse_shape(data)


def _parse_shape(data: Data) -> tuple[int, ...]:
    if len(data) > MAX_SHAPE_BYTES:
        raise invalid(f"a tensor may have at most {MAX_RANK} dimensions")
    shape = tuple([dim.size for dim in read_message(_shape_proto(), data).dim])
    if len(shape) > MAX_RANK:
        raise invalid(f"a tensor may have at most {MAX_RANK} dimensions, not {len(shape)}")
    if any(size < 0 for size in shape):
        raise invalid(f"shape {list(shape)} has a negative size")
    if prod(size or 1 for size in shape) > MAX_ELEMENTS:
        raise invalid(f"shape {list(shape)} overflows")
    return shape


_cached_shape = lru_cache(4096)(_parse_shape)


def view(data: Data, dtype: np.dtype[Any]) -> Array:
    """A view of the elements in these bytes, which need not lie on the type's boundaries."""
    if len(data) % dtype.itemsize:
        raise invalid(f"{len(data)} bytes are no whole number of {dtype.name} values")
    return np.frombuffer(data, dtype)


def _from_content(content: Data, dtype: DType, shape: tuple[int, ...]) -> Array:
    if dtype is DType.BYTES:
        return objects(_content_strings(content, prod(shape))).reshape(shape)
    expected = prod(shape) * NUMPY[dtype].itemsize
    if len(content) != expected:
        raise invalid(
            f"tensor_content holds {len(content)} bytes, "
            f"{dtype.value} of shape {list(shape)} takes {expected}",
            Reason.TENSOR_BYTES,
        )
    if dtype is DType.BOOL:
        return np.frombuffer(content, np.uint8).astype(np.bool_).reshape(shape)
    return view(content, NUMPY[dtype]).reshape(shape)


def _content_strings(content: Data, count: int) -> list[bytes]:
    """Strings in raw form: all lengths as varints, then all bytes."""
    if count > len(content):
        raise invalid(f"tensor_content is too short for {count} strings")
    sizes = []
    at = 0
    try:
        for _ in range(count):
            size, at = read_varint(content, at)
            sizes.append(size)
    except IndexError:
        raise broken("a number is cut off") from None
    if at + sum(sizes) != len(content):
        raise invalid(f"tensor_content holds {len(content)} bytes, its strings take {at + sum(sizes)}")
    strings = []
    for size in sizes:
        strings.append(bytes(content[at : at + size]))
        at += size
    return strings


def fill(values: Array, dtype: DType, shape: tuple[int, ...], limit_bytes: int) -> Array:
    """The values in that shape: too many are cut, too few filled up with the last, none become zeros.

    Errors: INVALID_ARGUMENT where filling would take more than `limit_bytes`.
    """
    count = prod(shape)
    if limit_bytes == EXACT and values.size != count:
        raise wrong_count(values.size, shape)
    if values.size < count:
        size = count * NUMPY[dtype].itemsize
        if size > limit_bytes:
            raise invalid(
                f"shape {list(shape)} takes {size} bytes, {values.size} values are given; "
                f"values are repeated up to {limit_bytes} bytes only"
            )
        filled = np.empty(count, NUMPY[dtype])
        filled[: values.size] = values
        filled[values.size :] = values[-1] if values.size else _zero(dtype)
        values = filled
    return values[:count].reshape(shape) if values.size > count else values.reshape(shape)


def wrong_count(given: int, shape: tuple[int, ...]) -> DragomanError:
    """The error for other than one value for each element."""
    message = f"{given} values are given, shape {list(shape)} takes {prod(shape)}"
    return invalid(message, Reason.TENSOR_VALUES)


def _zero(dtype: DType) -> bytes | int:
    return b"" if dtype is DType.BYTES else 0


def objects(strings: list[bytes]) -> Array:
    """An array of byte strings; NumPy's own type for them would drop trailing zeros."""
    array = np.empty(len(strings), np.object_)
    array[:] = strings
    return array


def write_values(tensor: Tensor) -> Written:
    """A TensorProto with every element in the dtype's `*_val` field, the reference's usual form."""
    dtype, array = tensor.dtype, tensor.array
    head = write_head(dtype, array.shape)
    if not array.size:
        return head, b""
    key = PACKED.get(dtype)
    if key is not None:
        data = array.tobytes()
        return b"%b%c%b" % (head, key, varint(len(data))), data
    if dtype is DType.BYTES:
        return head, b"".join([field(STRING, element) for element in array.reshape(-1)])
    elements = (array.view(np.uint16) if dtype in HALVES else array).reshape(-1).tolist()
    message = _plain_tensor()()
    getattr(message, VALUE_FIELDS[dtype]).extend(elements)
    return head, message.SerializeToString()


def write_content(tensor: Tensor) -> Written:
    """A TensorProto with all elements in `tensor_content`, which is faster to write and to read."""
    dtype, array = tensor.dtype, tensor.array
    head = write_head(dtype, array.shape)
    if not array.size:
        return head, b""
    if dtype is DType.BYTES:
        strings = array.reshape(-1).tolist()
        data = b"".join([*[varint(len(string)) for string in strings], *strings])
    else:
        data = array.tobytes()
    return b"%b%c%b" % (head, CONTENT, varint(len(data))), data


@lru_cache(4096)
def write_head(dtype: DType, shape: tuple[int, ...]) -> bytes:
    """The fields of dtype and shape."""
    dims = b"".join([field(SHAPE, b"\x08" + varint(size) if size else b"") for size in shape])
    return bytes((DTYPE, DATA_TYPES[dtype])) + field(SHAPE, dims)


@cache
def _plain_tensor() -> "type[PlainTensor]":
    return message_class("dragoman.PlainTensor")


@cache
def _shape_proto() -> "type[TensorShapeProto]":
    return message_class("tensorflow.TensorShapeProto")
