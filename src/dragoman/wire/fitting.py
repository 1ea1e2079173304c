"""Kindnesses of rank: tensors one dimension short of their input."""

from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.tensors import Array


def with_trailing_axis(array: Array, spec: TensorSpec, signature: Signature) -> Array:
    """An [N] array as [N, 1] where the input takes that and the model's owner allows it."""
    if signature.add_trailing_axis and array.ndim == 1 and spec.shape is not None and spec.shape[1:] == (1,):
        return array.reshape(-1, 1)
    return array
