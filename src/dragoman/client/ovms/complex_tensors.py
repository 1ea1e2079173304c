"""Complex numbers, which the server has no type for and other servers do."""

from collections.abc import Mapping
from math import prod
from typing import Any, Final

import numpy as np

from dragoman.core.errors import invalid
from dragoman.core.tensors import Array
from dragoman.wire.proto_fields import Data, fields
from dragoman.wire.protobuf import message_class, read_message
from dragoman.wire.tensor_proto import DTYPE, SHAPE, read_shape

TYPES: Final[Mapping[int, np.dtype[Any]]] = {  # tensorflow/core/framework/types.proto
    8: np.dtype(np.complex64),
    18: np.dtype(np.complex128),
}
VALUES: Final[Mapping[int, tuple[str, type]]] = {
    8: ("scomplex_val", np.float32),
    18: ("dcomplex_val", np.float64),
}


def write(array: Array) -> bytes:
    """A serialized TensorProto."""
    number = next(number for number, dtype in TYPES.items() if dtype == array.dtype)
    dims = [{"size": size} for size in array.shape]
    made: bytes = message_class("tensorflow.TensorProto")(
        dtype=number, tensor_shape={"dim": dims}, tensor_content=array.tobytes()
    ).SerializeToString()
    return made


def read(data: Data, limit_bytes: int) -> Array | None:
    """The array of a serialized TensorProto of complex numbers; None for one of other elements.

    Errors: INVALID_ARGUMENT, as in `wire/tensor_proto.py`.
    """
    parts = {key: value for key, value in fields(data) if key in (DTYPE, SHAPE)}
    number = parts.get(DTYPE, 0)
    if number not in TYPES:
        return None
    dtype, shape = TYPES[number], read_shape(parts.get(SHAPE, b""))
    count = prod(shape)
    message = read_message(message_class("tensorflow.TensorProto"), data)
    if message.tensor_content:
        if len(message.tensor_content) != count * dtype.itemsize:
            raise invalid(f"tensor_content holds {len(message.tensor_content)} bytes for shape {list(shape)}")
        return np.frombuffer(message.tensor_content, dtype).reshape(shape).copy()
    name, half = VALUES[number]
    halves: Array = np.array(getattr(message, name), half)
    if len(halves) % 2 or count * dtype.itemsize > limit_bytes:
        raise invalid(f"{name} holds {len(halves)} numbers for shape {list(shape)}")
    values = halves.view(dtype)[:count]
    last = values[-1] if values.size else 0
    return np.append(values, np.full(count - values.size, last, dtype)).reshape(shape)
