"""Tensors as JSON text, in the row and the column form of TensorFlow Serving's answers.

float32 keeps its own shortest digits, never those of the double it would widen to; floats always show a
fraction or an exponent; NaN and the infinities are bare tokens. Texts that are no UTF-8, and outputs whose
name ends in `_bytes`, are written as base64 objects.
"""

from collections.abc import Mapping
from math import isnan
from typing import Final

import numpy as np
import orjson

from dragoman.core.errors import invalid
from dragoman.core.tensors import Array, DType, Tensor
from dragoman.wire.base64 import encode_base64

NUMPY: Final = orjson.OPT_SERIALIZE_NUMPY
BYTES_SUFFIX: Final = "_bytes"
Outputs = Mapping[str, Tensor]


def write_columns(outputs: Outputs) -> bytes:
    """The only tensor by itself; several as an object by name."""
    if len(outputs) == 1:
        ((name, tensor),) = outputs.items()
        return write_tensor(name, tensor)
    members = [
        b"%b:%b" % (orjson.dumps(name), write_tensor(name, tensor)) for name, tensor in outputs.items()
    ]
    return b"{%b}" % b",".join(members)


def write_rows(outputs: Outputs) -> bytes:
    """One entry per row: the value of the only output, or an object with the value of each.

    Errors: INVALID_ARGUMENT where an output has no rows or the outputs differ in how many they have.
    """
    rows = _row_count(outputs)
    if len(outputs) == 1:
        ((name, tensor),) = outputs.items()
        return write_tensor(name, tensor)
    columns = [_row_texts(name, tensor, rows) for name, tensor in outputs.items()]
    keys = [orjson.dumps(name).replace(b"%", b"%%") for name in outputs]
    form = b"{%b}" % b",".join([key + b":%b" for key in keys])
    return b"[%b]" % b",".join([form % values for values in zip(*columns, strict=True)])


def write_tensor(name: str, tensor: Tensor) -> bytes:
    """The tensor as a nested list, or as a bare value at rank 0."""
    if tensor.dtype is DType.BYTES:
        return orjson.dumps(_texts(name, tensor.array))
    return write_array(tensor.array, tensor.dtype)


def write_array(array: Array, dtype: DType) -> bytes:
    """An array of numbers or booleans as JSON."""
    if dtype is DType.BF16:
        with np.errstate(invalid="ignore"):  # of signalling NaNs
            array = array.astype(np.float32)
    if array.ndim == 0:
        return write_array(array.reshape(1), dtype)[1:-1]
    if not array.flags.c_contiguous:
        array = np.ascontiguousarray(array)
    text = orjson.dumps(array, option=NUMPY)
    return _with_non_finite(text, array) if b"null" in text else text


def _with_non_finite(text: bytes, array: Array) -> bytes:
    """Text in which every null, which stands for NaN or an infinity, is replaced by its token."""
    pieces = text.split(b"null")
    flat = array.reshape(-1)
    for index, value in enumerate(flat[~np.isfinite(flat)].tolist()):
        pieces[index] += b"NaN" if isnan(value) else (b"Infinity" if value > 0 else b"-Infinity")
    return b"".join(pieces)


def _texts(name: str, array: Array) -> object:
    """The nested list of a BYTES array's elements in the form that JSON can hold."""
    encode = _b64_object if name.endswith(BYTES_SUFFIX) else _text
    if array.ndim == 1:
        return [encode(element) for element in array]
    out = np.empty(array.shape, np.object_)
    out.reshape(-1)[:] = [encode(element) for element in array.reshape(-1)]
    return out.tolist()


def _b64_object(data: bytes) -> dict[str, str]:
    return {"b64": encode_base64(data)}


def _text(data: bytes) -> str | dict[str, str]:
    """The text, or a base64 object where the bytes are none: the reference would write invalid JSON there."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return _b64_object(data)


def _row_texts(name: str, tensor: Tensor, rows: int) -> list[bytes]:
    array = tensor.array
    return [write_tensor(name, Tensor(tensor.dtype, array[index, ...])) for index in range(rows)]


def _row_count(outputs: Outputs) -> int:
    """The size of dimension 0, on which all outputs must agree."""
    rows = -1
    for name, tensor in outputs.items():
        shape = tensor.array.shape
        if not shape:
            raise invalid(f"Tensor name: {name} has no shape information ")
        if rows not in (-1, shape[0]):
            raise invalid(f"Tensor name: {name} has inconsistent batch size: {shape[0]} expecting: {rows}")
        rows = shape[0]
    return rows
