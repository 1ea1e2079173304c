"""Whole numbers that are written as decimal ones, such as 1.0, for inputs of whole numbers.

The reference takes those, and others, which it cuts off; what has a fraction is refused here.
"""

from collections.abc import Callable

import numpy as np
from msgspec.structs import replace

from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.tensors import INTEGERS, Array, DType, Tensor
from dragoman.protocols.ovms.retyped import read_retyped
from dragoman.wire.rows import Tensors


def read_whole(read: Callable[[Signature], Tensors], signature: Signature) -> Tensors | None:
    """What `read` gives for the signature, where that helps; None = something else is wrong."""
    tensors = read_retyped(read, signature, as_decimal)
    if tensors is None:
        return None
    for name, tensor in tensors.items():
        dtype = signature.inputs[name].dtype
        if dtype is tensor.dtype or tensor.dtype is not DType.FP64:
            continue
        array = whole(tensor.array, dtype)
        if array is None:
            return None
        tensors[name] = Tensor(dtype, array)
    return tensors


def as_decimal(spec: TensorSpec) -> TensorSpec:
    """The same input for numbers with a point, if it is one of whole numbers."""
    return replace(spec, dtype=DType.FP64) if spec.dtype in INTEGERS else spec


def whole(array: Array, dtype: DType) -> Array | None:
    """The numbers as ones of this type; None where one has a fraction or is out of range."""
    if array.size:
        bounds = np.iinfo(dtype.numpy)
        if not np.isfinite(array).all() or (array != np.floor(array)).any():
            return None
        if int(array.min()) < bounds.min or int(array.max()) > bounds.max:
            return None
    return array.astype(dtype.numpy)
