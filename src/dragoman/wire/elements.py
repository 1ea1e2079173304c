"""Nested JSON lists to arrays: the fast way, which says yes or no.

A list is taken level by level with functions that loop in C. Whatever is not a regular nest of elements that
the type can hold gets None, and `faults` then finds the words for what is wrong. The rules for elements are
TensorFlow Serving's, with two kinder ends: a number that an integer type cannot hold is refused, not wrapped,
and uint16, half and bfloat16, which the reference cannot read, are read as numbers.
"""

from array import array
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any, Final

import numpy as np

from dragoman.core.errors import DragomanError, invalid
from dragoman.core.tensors import FLOATS, NUMPY, Array, DType
from dragoman.wire.base64 import decode_base64
from dragoman.wire.json_exact import JsonValue
from dragoman.wire.json_tree import excerpt

MAX_RANK: Final = 32  # what every NumPy since 1.0 can hold; no model has nearly as many dimensions
Elements = list[Any]  # what the kinds beside it say
Kinds = set[type]

# Array types of the standard library refuse what does not fit and turn doubles beyond float32 into infinities
# without a word, both of which NumPy's own conversion does in one release and not in another.
CODES: Final[Mapping[DType, str]] = {
    DType.INT8: "b",
    DType.UINT8: "B",
    DType.INT16: "h",
    DType.UINT16: "H",
    DType.INT32: "i",
    DType.UINT32: "I",
    DType.INT64: "q",
    DType.UINT64: "Q",
    DType.FP32: "f",
    DType.FP64: "d",
}
NUMBER_KINDS: Final[frozenset[type]] = frozenset({int, float})
INTEGER_KINDS: Final[frozenset[type]] = frozenset({int})
BOOL_KINDS: Final[frozenset[type]] = frozenset({bool})
TEXT_KINDS: Final[frozenset[type]] = frozenset({str, dict})
B64: Final = "b64"


def read_array(value: JsonValue, dtype: DType) -> Array | None:
    """The value as an array of its own shape, or None where it is none of this type."""
    if type(value) is not list:
        elements = read_elements([value], {type(value)}, dtype)
        return None if elements is None else elements.reshape(())
    kinds = set(map(type, value))
    if list not in kinds:
        return read_elements(value, kinds, dtype)
    nest = flatten(value, kinds)
    if nest is None:
        return None
    shape, flat, kinds = nest
    elements = read_elements(flat, kinds, dtype)
    return None if elements is None else elements.reshape(shape)


def flatten(value: Elements, kinds: Kinds) -> tuple[list[int], Elements, Kinds] | None:
    """Shape, elements and their types, for a list that holds lists; None where it is ragged or too deep."""
    shape = [len(value)]
    flat: list[Any] = value
    while list in kinds:
        if len(kinds) != 1 or len(shape) == MAX_RANK:
            return None
        sizes = set(map(len, flat))
        if len(sizes) != 1:
            return None
        shape.append(sizes.pop())
        flat = list(chain.from_iterable(flat))
        kinds = set(map(type, flat))
    return shape, flat, kinds


def read_elements(flat: Elements, kinds: Kinds, dtype: DType) -> Array | None:
    """Elements as an array of one dimension, or None where one does not fit the type."""
    code = CODES.get(dtype)
    if code is None:
        return READERS[dtype](flat, kinds)
    if not kinds <= (NUMBER_KINDS if dtype in FLOATS else INTEGER_KINDS):
        return None
    try:
        return np.frombuffer(array(code, flat), NUMPY[dtype]) if flat else np.empty(0, NUMPY[dtype])
    except OverflowError:
        return None


def _read_narrow_float(flat: Elements, kinds: Kinds, dtype: DType) -> Array | None:
    wide = read_elements(flat, kinds, DType.FP64)
    if wide is None:
        return None
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        narrow: Array = wide.astype(dtype.numpy)
        fits = np.isfinite(narrow) | ~np.isfinite(wide)
    return narrow if fits.all() else None


def _read_half(flat: Elements, kinds: Kinds) -> Array | None:
    return _read_narrow_float(flat, kinds, DType.FP16)


def _read_bfloat16(flat: Elements, kinds: Kinds) -> Array | None:
    return _read_narrow_float(flat, kinds, DType.BF16)


def _read_bool(flat: Elements, kinds: Kinds) -> Array | None:
    return np.array(flat, np.bool_) if kinds <= BOOL_KINDS else None


def _read_bytes(flat: Elements, kinds: Kinds) -> Array | None:
    if not kinds <= TEXT_KINDS:
        return None
    out = np.empty(len(flat), np.object_)
    try:
        out[:] = [text_bytes(element) for element in flat]
    except DragomanError:
        return None
    return out


READERS: Final[Mapping[DType, Callable[[Elements, Kinds], Array | None]]] = {
    DType.FP16: _read_half,
    DType.BF16: _read_bfloat16,
    DType.BOOL: _read_bool,
    DType.BYTES: _read_bytes,
}


def is_b64_object(value: JsonValue) -> bool:
    """Whether the value is `{"b64": "..."}`, which stands for bytes wherever a text may stand."""
    return type(value) is dict and len(value) == 1 and type(value.get(B64)) is str


def text_bytes(element: JsonValue) -> bytes:
    """The bytes that a text or a b64 object stands for.

    Errors: INVALID_ARGUMENT for any other value and for bad base64.
    """
    if isinstance(element, str):
        return element.encode()
    encoded = element.get(B64) if isinstance(element, dict) and len(element) == 1 else None
    if not isinstance(encoded, str):
        raise invalid(f"JSON Value: {excerpt(element)} not formatted correctly for base64 data")
    return decode_base64(encoded)
