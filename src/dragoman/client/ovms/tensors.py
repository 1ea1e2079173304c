"""TensorProtos: made of what callers give, and read from answers."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from google.protobuf.message import Message

from dragoman.client.errors import BadAnswer
from dragoman.client.outputs import own
from dragoman.client.ovms import complex_tensors
from dragoman.client.ovms.values import COMPLEX, as_array, given_array, shown_texts, tensor_array
from dragoman.core.errors import DragomanError
from dragoman.core.tensors import BY_NUMPY, NUMPY, Array, DType, Tensor
from dragoman.wire.proto_fields import Data
from dragoman.wire.protobuf import message_class
from dragoman.wire.tensor_proto import DTYPES, Written, read_tensor, write_content, write_values

TENSOR_PROTO: Final = "tensorflow.TensorProto"
MAX_REPEATED_BYTES: Final = 2**30  # what an answer may make of values that it repeats
TYPES: Final[Mapping[int, np.dtype[Any]]] = {
    **{number: NUMPY[dtype] for number, dtype in DTYPES.items()},
    **complex_tensors.TYPES,
}


def make_tensor_proto(values: Any, dtype: int | None = None, shape: Sequence[int] | None = None) -> Message:
    """A TensorProto of a scalar, a list or an array, which `predict` takes for an input over gRPC.

    `dtype` is TensorFlow's number of a type, such as 1 for DT_FLOAT; None = that of the values. Bytes become
    elements of it. `shape` None = that of the values, which is (1,) for a scalar.

    Errors: TypeError for what is no such thing; ValueError for values that have not that type or shape.
    """
    if shape is not None and not is_shape(shape):
        raise TypeError("shape type should be list or tuple with unsigned integers")
    array = given_array(values) if dtype is None else typed_array(values, dtype)
    if shape:
        array = array.reshape(shape)
    made: Message = message_class(TENSOR_PROTO).FromString(b"".join(written(array)))
    return made


def is_shape(shape: object) -> bool:
    """Whether this is a list or tuple of sizes."""
    if not isinstance(shape, list | tuple):
        return False
    return all(isinstance(size, int) and size >= 0 for size in shape)


def typed_array(values: Any, number: int) -> Array:
    """The values as elements of TensorFlow's type of this number.

    Errors: TypeError for no such number, ValueError for values that are no such elements.
    """
    dtype = TYPES.get(number)
    if dtype is None:
        raise TypeError(f"{number} is not valid dtype value")
    if isinstance(values, bytes) and dtype != np.object_:
        return np.frombuffer(values, dtype)
    array = as_array(values)
    if dtype == np.object_:
        return tensor_array(array if array.dtype == np.object_ else array.astype(np.bytes_))
    return array.astype(dtype)


def written(array: Array) -> Written:
    """A serialized TensorProto: numbers as they lie in memory, texts one by one."""
    if array.dtype in COMPLEX:
        return complex_tensors.write(array), b""
    tensor = Tensor(BY_NUMPY[array.dtype], array)
    return write_values(tensor) if tensor.dtype is DType.BYTES else write_content(tensor)


def is_tensor_proto(value: object) -> bool:
    """Whether this is a TensorProto, of whichever package: ours, TensorFlow's or ovmsclient's."""
    return isinstance(value, Message) and value.DESCRIPTOR.name == "TensorProto"


def read_output(name: str, data: Data) -> Array:
    """The array that an answer's TensorProto is.

    Errors: BadAnswer.
    """
    try:
        found = complex_tensors.read(data, MAX_REPEATED_BYTES)
        if found is not None:
            return found
        tensor = read_tensor(name, data, MAX_REPEATED_BYTES)
    except DragomanError as error:
        raise BadAnswer(error.message) from None
    return shown_texts(tensor.array) if tensor.dtype is DType.BYTES else own(tensor.array)
