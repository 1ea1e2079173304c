"""Kindnesses of rank and type: tensors that are nearly what their input takes."""

from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.tensors import Array, DType, Tensor


def with_trailing_axis(array: Array, spec: TensorSpec, signature: Signature) -> Array:
    """An [N] array as [N, 1] where the input takes that and the model's owner allows it."""
    if signature.add_trailing_axis and array.ndim == 1 and spec.shape is not None and spec.shape[1:] == (1,):
        return array.reshape(-1, 1)
    return array


def as_declared(tensor: Tensor, spec: TensorSpec) -> Tensor:
    """Numbers as the input's type of number, and a column as its values; else the tensor as it is."""
    array = tensor.array
    if spec.shape == (None,) and array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if DType.BYTES in (tensor.dtype, spec.dtype):
        return Tensor(tensor.dtype, array)
    return Tensor(spec.dtype, array.astype(spec.dtype.numpy, copy=False))
