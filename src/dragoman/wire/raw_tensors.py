"""Tensors as raw bytes, the form that V2's binary extension and its gRPC service share.

Numbers are little-endian in C order, a BOOL is one byte, and BF16 is the upper half of a float32. An element
of BYTES is its length, as a little-endian uint32, and then its bytes.
"""

import sys
from functools import lru_cache
from math import prod
from typing import Final

import numpy as np

from dragoman.core.errors import DragomanError, invalid
from dragoman.core.tensors import NUMPY, Array, DType, Tensor

Data = bytes | bytearray | memoryview

LENGTH_BYTES: Final = 4  # of the number before each element of BYTES
LONG_BYTES: Final = 1024  # of an element, on average
COPIED_BYTES: Final = 1024  # of a tensor: to make a view takes longer
MAX_ELEMENT_BYTES: Final = 2**32 - 1
MAX_RANK: Final = 32  # what every NumPy since 1.0 can hold
MAX_BYTES: Final = 2**63 - 1  # the reference counts elements and bytes in an int64

if sys.byteorder != "little":
    raise ImportError(
        "dragoman views tensors where they lie in a request, which takes a little-endian machine"
    )


def check_shape(name: str, shape: tuple[int, ...], dtype: DType) -> int:
    """The number of elements of input `name`, where its shape is one.

    Errors: INVALID_ARGUMENT for negative sizes, too many of them, and products beyond an int64.
    """
    if len(shape) > MAX_RANK:
        raise invalid(f"input '{name}' has {len(shape)} dimensions, and a tensor at most {MAX_RANK}")
    count = element_count(shape, dtype)
    if count is None:
        why = "with a negative size" if min(shape) < 0 else "whose size overflows 64 bits"
        raise invalid(f"input '{name}' has the shape {list(shape)}, {why}")
    return count


@lru_cache(4096)
def element_count(shape: tuple[int, ...], dtype: DType) -> int | None:
    """The number of elements; None where the shape is none. Requests repeat their shapes."""
    # Sizes beside a zero count too: NumPy multiplies all of them when it makes the array.
    most = prod(size or 1 for size in shape)
    if min(shape, default=0) < 0 or most * NUMPY[dtype].itemsize > MAX_BYTES:
        return None
    return prod(shape)


def read_raw(name: str, data: Data, dtype: DType, shape: tuple[int, ...], model: str = "") -> Array:
    """The array of input `name`. Numbers are a view of `data`, which need not lie on their boundaries.

    `model` is named in errors, where it is known.

    Shapes: as `shape` says, which `check_shape` has passed.
    Errors: INVALID_ARGUMENT naming the input where the bytes are not exactly that many elements.
    """
    count = prod(shape)
    if dtype is DType.BYTES:
        return _read_elements(name, data, count).reshape(shape)
    numpy_type = NUMPY[dtype]
    expected = count * numpy_type.itemsize
    if len(data) != expected:
        raise size_mismatch(name, expected, len(data), model)
    if dtype is DType.BOOL:
        bits = np.frombuffer(data, np.uint8)
        # Any other byte than 0 and 1 would be a bool that compares equal to neither.
        return (bits.view(np.bool_) if not count or bits.max() <= 1 else bits != 0).reshape(shape)
    return np.frombuffer(data, numpy_type).reshape(shape)


def size_mismatch(name: str, expected: int, given: int, model: str = "") -> DragomanError:
    """The error for an input whose bytes are too few or too many, in Triton's words."""
    owner = f" for model '{model}'" if model else ""
    return invalid(f"input byte size mismatch for input '{name}'{owner}. Expected {expected}, got {given}")


def _read_elements(name: str, data: Data, count: int) -> Array:
    """`count` elements of BYTES, which take exactly the data."""
    end = len(data)
    if count * LENGTH_BYTES > end:
        raise invalid(f"input '{name}' takes {count} BYTES elements, which {end} bytes cannot hold")
    # Short elements are soonest cut out of a copy; long ones are copied once only, where they lie.
    raw = memoryview(data) if end > count * LONG_BYTES else bytes(data)
    elements = np.empty(count, np.object_)
    read_length = int.from_bytes
    at = 0
    for index in range(count):
        start = at + LENGTH_BYTES
        if start > end:
            raise invalid(f"input '{name}': the length of BYTES element {index} is cut off")
        at = start + read_length(raw[at:start], "little")
        if at > end:
            raise invalid(
                f"input '{name}': BYTES element {index} has {at - start} bytes, and {end - start} are left"
            )
        elements[index] = bytes(raw[start:at])
    if at != end:
        raise invalid(f"input '{name}': {end - at} bytes are left over after {count} BYTES elements")
    return elements


def write_raw(tensor: Tensor) -> bytes | memoryview:
    """The tensor's bytes: a view of many numbers that lie in C order, else a copy.

    Errors: INVALID_ARGUMENT for an element of BYTES whose length no uint32 can tell.
    """
    array = tensor.array
    if tensor.dtype is DType.BYTES:
        parts: list[bytes] = []
        for element in array.reshape(-1):
            if len(element) > MAX_ELEMENT_BYTES:
                raise invalid(f"a BYTES element of {len(element)} bytes is too long for the binary form")
            parts += (len(element).to_bytes(LENGTH_BYTES, "little"), element)
        return b"".join(parts)
    if array.nbytes <= COPIED_BYTES or not array.flags.c_contiguous:
        return array.tobytes()
    # As bytes first: there is no buffer of float16 that everyone can read, and none of bfloat16 at all.
    return array.reshape(-1).view(np.uint8).data
