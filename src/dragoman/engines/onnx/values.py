"""bfloat16 tensors in and out of onnxruntime, whose NumPy conversion knows no such type."""

import ctypes
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, Final

import numpy as np

from dragoman.core.tensors import Array, DType

BFLOAT16: Final = 16  # TensorProto.BFLOAT16


def run_with_values(
    runtime: ModuleType, session: Any, outputs: Sequence[str], feed: Mapping[str, Array]
) -> list[Array]:
    """What `run` gives, through values that carry their ONNX type beside the data."""
    values = {name: to_value(runtime, array) for name, array in feed.items()}
    return [from_value(value) for value in session.run_with_ort_values(outputs, values)]


def to_value(runtime: ModuleType, array: Array) -> Any:
    """An OrtValue of this array."""
    if array.dtype != DType.BF16.numpy:
        return runtime.OrtValue.ortvalue_from_numpy(array)
    return runtime.OrtValue.ortvalue_from_numpy_with_onnx_type(array.view(np.uint16), BFLOAT16)


def from_value(value: Any) -> Array:
    """An array of this OrtValue, with memory of its own."""
    if value.element_type() != BFLOAT16:
        array: Array = value.numpy()
        return array
    shape = value.shape()
    bits = np.empty(shape, np.uint16)
    if bits.size:
        ctypes.memmove(bits.ctypes.data, value.data_ptr(), bits.nbytes)
    return bits.view(DType.BF16.numpy)
