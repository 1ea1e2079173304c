"""What callers give, as arrays: numbers of NumPy's types, texts as `bytes` in object arrays; and back.

An array keeps its type. A number or a list becomes float32 or int32, where that loses no integer.
"""

from typing import Any, Final

import numpy as np

from dragoman.client.arrays import as_lists
from dragoman.core.tensors import BY_NUMPY, Array
from dragoman.wire.tensor_proto import objects

COMPLEX: Final = (np.dtype(np.complex64), np.dtype(np.complex128))
TEXTS: Final = "SUT"  # NumPy's letters: bytes, str, StringDType


def given_array(value: Any) -> Array:
    """A scalar, a list or an array as an array of what a tensor holds, a scalar in the shape (1,).

    Errors: TypeError for anything else, and for other elements; ValueError for uneven lists.
    """
    array = as_array(value)
    return tensor_array(array if isinstance(value, np.ndarray) else narrowed(array))


def as_array(value: Any) -> Array:
    """The array that a scalar, a list or an array is, whatever its elements.

    Errors: TypeError for anything else, ValueError for uneven lists.
    """
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, list):
        return listed(value)
    if np.isscalar(value):
        return listed([value])
    raise TypeError(f"values type should be (list, np.ndarray, scalar), but is {type(value).__name__}")


def listed(value: list[Any]) -> Array:
    """The list as NumPy makes an array of it, but that its texts are kept whole.

    Errors: ValueError for uneven lists.
    """
    array = np.array(value)
    if array.dtype.kind == "O":
        raise ValueError(f"the list is uneven, or holds what no tensor does, below its shape {array.shape}")
    if array.dtype.kind in TEXTS:
        kept = np.array(as_lists(value), np.object_)
        if len(set(map(type, kept.reshape(-1)))) == 1:  # else NumPy has made texts of numbers, too
            return kept
    return array


def narrowed(array: Array) -> Array:
    """float64 as float32, and int64 as int32 where it holds all of them: what servers' models mostly take."""
    if array.dtype == np.float64:
        with np.errstate(over="ignore"):  # beyond float32 is infinity, as everywhere else
            return array.astype(np.float32)
    if array.dtype == np.int64:
        narrow = array.astype(np.int32)
        return narrow if np.array_equal(narrow, array) else array
    return array


def tensor_array(array: Array) -> Array:
    """The array, of a type that tensors have: texts in objects, numbers in this machine's order of bytes.

    Errors: TypeError; ValueError for a text that is none.
    """
    if array.dtype.kind in TEXTS or array.dtype == np.object_:
        elements = [e.encode() if isinstance(e, str) else e for e in array.reshape(-1).tolist()]
        if all(isinstance(element, bytes) for element in elements):
            return objects(elements).reshape(array.shape)
    else:
        native = array.astype(array.dtype.newbyteorder("="), copy=False)
        if native.dtype in BY_NUMPY or native.dtype in COMPLEX:
            return native
    raise TypeError(f"provided values type is not valid: no tensor holds elements of {array.dtype}")


def shown_texts(array: Array) -> Array:
    """Bytes as callers get them: in NumPy's own type, in objects where that would drop zeros at an end."""
    elements = array.reshape(-1).tolist()
    if any(element.endswith(b"\0") for element in elements):
        return array
    return np.array(elements, np.bytes_).reshape(array.shape)
