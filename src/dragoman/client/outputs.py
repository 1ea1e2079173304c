"""The tensors of an answer: from raw bytes, and from elements one by one."""

from dragoman.client.errors import BadAnswer
from dragoman.core.errors import DragomanError
from dragoman.core.tensors import NUMPY, Array, DType
from dragoman.wire.elements import flatten, read_elements
from dragoman.wire.raw_tensors import check_shape, read_raw

Data = bytes | bytearray | memoryview


def raw_output(name: str, data: Data, dtype: DType, shape: tuple[int, ...]) -> Array:
    """The array that these bytes are: a view of them where they are numbers.

    Errors: BadAnswer for a shape that is none, and for bytes that are not exactly what it says.
    """
    try:
        count = check_shape(name, shape, dtype)
        expected = len(data) if dtype is DType.BYTES else count * NUMPY[dtype].itemsize
        if len(data) != expected:
            raise BadAnswer(
                f"output {name!r} has {len(data)} bytes, and {dtype.value} {list(shape)} takes {expected}"
            )
        return read_raw(name, data, dtype, shape)
    except DragomanError as error:
        raise BadAnswer(as_output(name, error.message)) from None


def json_output(name: str, data: list[object], dtype: DType, shape: tuple[int, ...]) -> Array:
    """The array of the elements, which may be nested in any way.

    Errors: BadAnswer where they are not of the type, or not as many as the shape says.
    """
    try:
        count = check_shape(name, shape, dtype)
    except DragomanError as error:
        raise BadAnswer(as_output(name, error.message)) from None
    nest = flatten(data, set(map(type, data)))
    elements = None if nest is None else read_elements(nest[1], nest[2], dtype)
    if elements is None:
        raise BadAnswer(f"output {name!r} holds what is no {dtype.value}")
    if len(elements) != count:
        raise BadAnswer(f"output {name!r} has {len(elements)} elements, and its shape {list(shape)} {count}")
    return own(elements).reshape(shape)


def own(array: Array) -> Array:
    """The array, writable: a copy where it is not."""
    return array if array.flags.writeable else array.copy()


def as_output(name: str, message: str) -> str:
    """A message about an input, which is what the functions of `wire` are made for, about an output."""
    return message.replace(f"input '{name}'", f"output {name!r}")
