"""Made-up inputs that fit a signature: to warm a model up, to check that its rows are independent."""

from math import prod
from typing import Final

import numpy as np

from dragoman.core.requests import TensorRequest
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.tensors import Array, DType, Tensor

SEED: Final = 7
OPEN_SIZE: Final = 1  # for an inner dimension of any size


def sample_request(signature: Signature, rows: int) -> TensorRequest:
    """A request in the engine's names, with `rows` unlike rows wherever the first dimension is open."""
    random = np.random.default_rng(SEED)
    specs = signature.inputs.values()
    inputs = {spec.source: Tensor(spec.dtype, sample_array(spec, rows, random)) for spec in specs}
    return TensorRequest(signature.source, inputs)


def sample_array(spec: TensorSpec, rows: int, random: np.random.Generator) -> Array:
    """Values that nearly every model takes: floats from 0 to 1; whole numbers 0 and 1, good as indices."""
    sizes = (None,) if spec.shape is None else spec.shape
    shape = tuple(
        size if size is not None else (rows if axis == 0 else OPEN_SIZE) for axis, size in enumerate(sizes)
    )
    if spec.dtype is DType.BYTES:
        texts = np.empty(prod(shape), np.object_)
        texts[:] = [b"%d" % number for number in range(texts.size)]
        return texts.reshape(shape)
    if spec.dtype.is_float:
        return random.random(shape).astype(spec.dtype.numpy)
    return random.integers(0, 2, shape).astype(spec.dtype.numpy)
