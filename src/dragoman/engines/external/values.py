"""Tensors as values of JSON, and back, and as the bytes that V2 has for them."""

import base64
import struct
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from dragoman.core.errors import invalid
from dragoman.core.tensors import Array, DType, Tensor
from dragoman.engines.external.pieces import ShapeError

NAMES: Final[Mapping[str, DType]] = {**{dtype.value: dtype for dtype in DType}, "string": DType.BYTES}


def plain(tensor: Tensor) -> list[Any]:
    """A tensor as a nested list; bytes that are no text as TensorFlow Serving's `{"b64": ...}`.

    Errors: INVALID_ARGUMENT for one without rows.
    """
    array = tensor.array
    if array.ndim == 0:
        raise invalid("an input has no rows")
    if tensor.dtype is DType.BYTES:
        texts = np.empty(array.shape, np.object_)
        texts.reshape(-1)[:] = [text_of(element) for element in array.reshape(-1).tolist()]
        array = texts
    elif tensor.dtype is DType.BF16:
        array = array.astype(np.float32)
    found: list[Any] = array.tolist()
    return found


def text_of(element: bytes) -> str | dict[str, str]:
    """An element of BYTES."""
    try:
        return element.decode()
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(element).decode()}


def array_of(values: list[Any], dtype: DType, shape: tuple[int, ...] | None = None) -> Array:
    """A nested list as an array of that type; `shape` = what a flat one is laid out as.

    Errors: ShapeError for a list that is ragged or holds other values; OverflowError, TypeError, ValueError.
    """
    if dtype is DType.BYTES:
        array = np.array(values, np.object_)
        flat = [bytes_of(value) for value in array.reshape(-1).tolist()]
        made = np.empty(array.shape, np.object_)
        made.reshape(-1)[:] = flat
    else:
        made = numbers_of(values, dtype)
    return made if shape is None else made.reshape(shape)


def numbers_of(values: list[Any], dtype: DType) -> Array:
    """A nested list of numbers as an array of that type, into which all of them fit.

    Errors: as `array_of`.
    """
    found = np.array(values)
    if found.size and found.dtype.kind not in "biuf":
        raise ShapeError("its values are no numbers of one shape")
    with np.errstate(all="ignore"):
        made = found.astype(dtype.numpy)
        fits = not dtype.is_integer or np.array_equal(made, found)
        if dtype.is_float:
            fits = bool(np.array_equal(np.isinf(made.astype(np.float64)), np.isinf(found)))
    if not fits:
        raise ShapeError(f"its values are no {dtype.value}")
    return made


def bytes_of(value: Any) -> bytes:
    """An element of BYTES.

    Errors: ShapeError.
    """
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, dict) and isinstance(value.get("b64"), str) and len(value) == 1:
        return base64.b64decode(value["b64"], validate=True)
    raise ShapeError("its values are no texts of one shape")


def packed(tensor: Tensor) -> bytes | memoryview:
    """A tensor as V2's bytes: little-endian, elements of BYTES each after its length."""
    if tensor.dtype is DType.BYTES:
        elements = tensor.array.reshape(-1).tolist()
        return b"".join([part for one in elements for part in (struct.pack("<I", len(one)), one)])
    array = np.ascontiguousarray(tensor.array)
    return array.reshape(-1).view(np.uint8).data if array.size else b""


def unpacked(data: memoryview, dtype: DType, shape: tuple[int, ...]) -> Array:
    """The array that V2's bytes are.

    Errors: ShapeError where they are not as many as they should be.
    """
    count = 1
    for size in shape:
        count *= size
    if dtype is not DType.BYTES:
        if len(data) != count * dtype.numpy.itemsize:
            raise ShapeError(f"{len(data)} bytes are no {dtype.value} of shape {list(shape)}")
        return np.frombuffer(data, dtype.numpy).reshape(shape)
    elements = []
    at = 0
    while at < len(data):
        if at + 4 > len(data):
            raise ShapeError("its texts are cut off")
        (size,) = struct.unpack_from("<I", data, at)
        at += 4 + size
        if at > len(data):
            raise ShapeError("its texts are cut off")
        elements.append(bytes(data[at - size : at]))
    if len(elements) != count:
        raise ShapeError(f"{len(elements)} texts are not of shape {list(shape)}")
    made = np.empty(count, np.object_)
    made[:] = elements
    return made.reshape(shape)
