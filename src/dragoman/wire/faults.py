"""What is wrong with a nested list, in TensorFlow Serving's words (`util/json_tensor.cc`).

Looked for only after the fast way has refused the value. The reference names the first fault in reading
order; that is found by halving: a half that the fast way takes holds none, so the search costs about as much
as two readings.
"""

from collections.abc import Callable, Mapping
from typing import Final

from dragoman.core.errors import DragomanError, invalid
from dragoman.core.tensors import DType
from dragoman.wire.elements import MAX_RANK, read_array, text_bytes
from dragoman.wire.json_exact import JsonValue
from dragoman.wire.json_tree import excerpt, type_word

DTYPE_WORDS: Final[Mapping[DType, str]] = {
    DType.BOOL: "bool",
    DType.UINT8: "uint8",
    DType.UINT16: "uint16",
    DType.UINT32: "uint32",
    DType.UINT64: "uint64",
    DType.INT8: "int8",
    DType.INT16: "int16",
    DType.INT32: "int32",
    DType.INT64: "int64",
    DType.FP16: "half",
    DType.BF16: "bfloat16",
    DType.FP32: "float",
    DType.FP64: "double",
    DType.BYTES: "string",
}


def value_fault(value: JsonValue, dtype: DType) -> DragomanError:
    """The first fault of a value that the fast way has refused."""
    shape = first_shape(value)
    if len(shape) > MAX_RANK:
        return invalid(f"a tensor may have at most {MAX_RANK} dimensions, not {len(shape)}")
    level = 0
    while isinstance(value, list):
        if level >= len(shape):
            return invalid(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
        if len(value) != shape[level]:
            return invalid(
                f"Encountered list at unexpected size: {len(value)} at level: {level} "
                f"expected size: {shape[level]}"
            )
        level += 1
        value = value[first_refused(value, _takes(dtype, shape[level:]))]
    if level != len(shape):
        return invalid(
            f"JSON Value: {excerpt(value)} found at incorrect level: {level + 1} in the JSON DOM. "
            f"Expected at level: {len(shape)}"
        )
    return element_fault(value, dtype)


def element_fault(element: JsonValue, dtype: DType) -> DragomanError:
    """Why this is no element of the type."""
    if dtype is DType.BYTES and isinstance(element, dict):
        try:
            text_bytes(element)
        except DragomanError as error:
            return error
    return invalid(
        f"JSON Value: {excerpt(element)} Type: {type_word(element)} "
        f"is not of expected type: {DTYPE_WORDS[dtype]}"
    )


def first_refused(items: list[JsonValue], takes: Callable[[list[JsonValue]], bool]) -> int:
    """The index of the first item for which `takes` is false; there is one, and it is found by halving."""
    low, high = 0, len(items)
    while high - low > 1:
        middle = (low + high) // 2
        if takes(items[low:middle]):
            low = middle
        else:
            high = middle
    return low


def first_shape(value: JsonValue) -> list[int]:
    """The shape that the first elements suggest: the sizes of `value`, `value[0]`, `value[0][0]`, ..."""
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        value = value[0] if value else None
    return shape


def _takes(dtype: DType, shape: list[int]) -> Callable[[list[JsonValue]], bool]:
    def takes(items: list[JsonValue]) -> bool:
        array = read_array(items, dtype)
        return array is not None and list(array.shape[1:]) == shape

    return takes
