"""Whether a model answers rows together as it answers them alone: the ground on which requests may be joined.

An open first dimension does not prove it (a transpose has one too), so it is tried when the model loads.
"""

from time import monotonic
from typing import Final

import numpy as np

from dragoman.core.context import CallContext
from dragoman.core.errors import DragomanError
from dragoman.core.requests import TensorRequest
from dragoman.core.signatures import Signature
from dragoman.core.tensors import Array, DType, Tensor
from dragoman.engines.base import LoadedModel
from dragoman.execution.samples import sample_request
from dragoman.execution.warmup import DEADLINE_S, UNFIT

ROWS: Final = 3
# One row at a time and several at once take other paths through a matrix product, so floats differ a little.
TOLERANCE: Final = {DType.FP64: 1e-9, DType.FP32: 1e-4, DType.FP16: 2e-2, DType.BF16: 1e-1}


def disagreement(model: LoadedModel, signature: Signature) -> str | None:
    """Why rows of this signature may not be joined; None if they may.

    Errors: UNAVAILABLE or DEADLINE_EXCEEDED where the model's worker ends or hangs over it.
    """
    if signature.untyped:
        return "the model does not say which tensors it takes"
    for spec in signature.inputs.values():
        if spec.shape is not None and (not spec.shape or spec.shape[0] is not None):
            return f'input "{spec.name}" has no open first dimension'
    call = CallContext("agreement", monotonic() + DEADLINE_S)
    together = sample_request(signature, ROWS)
    try:
        joined = model.infer(together, call).outputs
        alone = [model.infer(row(together, index), call).outputs for index in range(ROWS)]
    except DragomanError as error:
        if error.code in UNFIT:
            raise DragomanError(error.code, f"batching, tried at load: {error.message}") from error
        return f"it could not be tried: {error.message}"
    for name, tensor in joined.items():
        parts = [outputs[name].array for outputs in alone]
        if not same_rows(tensor, parts):
            return f'output "{name}" of {ROWS} rows together is not that of each row alone'
    return None


def row(request: TensorRequest, index: int) -> TensorRequest:
    """One row of a request."""
    inputs = {
        name: Tensor(tensor.dtype, tensor.array[index : index + 1]) for name, tensor in request.inputs.items()
    }
    return TensorRequest(request.signature, inputs)


def same_rows(joined: Tensor, parts: list[Array]) -> bool:
    """Whether an output is its rows put one under the other, within the tolerance of its type."""
    array = joined.array
    if any(part.ndim == 0 or part.shape[0] != 1 for part in parts):
        return False
    shapes = {part.shape for part in parts}
    if len(shapes) != 1 or array.shape != (len(parts), *parts[0].shape[1:]):
        return False
    stacked = np.concatenate(parts)
    tolerance = TOLERANCE.get(joined.dtype)
    if tolerance is None:
        return bool(np.array_equal(array, stacked))
    one, other = array.astype(np.float64), stacked.astype(np.float64)
    return bool(np.allclose(one, other, rtol=tolerance, atol=tolerance, equal_nan=True))
