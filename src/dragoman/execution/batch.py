"""Joining requests into one, and dividing the answer again. Pure: no queue, no clock.

Requests are joined along the first dimension. Whatever may not be joined has no key or another key.
"""

from collections.abc import Hashable, Sequence
from itertools import accumulate

import numpy as np

from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import TensorRequest
from dragoman.core.responses import TensorResponse
from dragoman.core.tensors import Array, Tensor


def rows_of(request: TensorRequest) -> int:
    """The size of the first dimension that all inputs share; 0 where they share none."""
    rows = 0
    for tensor in request.inputs.values():
        shape = tensor.array.shape
        if not shape or (rows and shape[0] != rows):
            return 0
        rows = shape[0]
    return rows


def join_key(request: TensorRequest, pad: bool) -> Hashable:
    """What two requests must have in common to be joined; with padding, the ranks and not the inner sizes."""
    parts: list[Hashable] = [request.signature]
    for name in sorted(request.inputs):
        array = request.inputs[name].array
        parts.append((name, array.dtype.num, array.ndim if pad else array.shape[1:]))
    if request.outputs is not None:
        parts.extend(request.outputs)
    return tuple(parts)


def join(requests: Sequence[TensorRequest], rows: int) -> TensorRequest:
    """One request of `rows` rows: those of all the requests, then copies of the first row to fill up."""
    first = requests[0]
    inputs = {}
    for name, tensor in first.inputs.items():
        arrays = evened([request.inputs[name].array for request in requests])
        missing = rows - sum(array.shape[0] for array in arrays)
        if missing:
            arrays.append(np.repeat(arrays[0][:1], missing, axis=0))
        inputs[name] = Tensor(tensor.dtype, arrays[0] if len(arrays) == 1 else np.concatenate(arrays))
    return TensorRequest(first.signature, inputs, first.outputs)


def evened(arrays: list[Array]) -> list[Array]:
    """The arrays with one inner shape: smaller ones get their own first element behind their data.

    That is TensorFlow Serving's padding value, with `pad_variable_length_inputs`.
    """
    shapes = {array.shape[1:] for array in arrays}
    if len(shapes) == 1:
        return arrays
    inner = tuple(max(sizes) for sizes in zip(*shapes, strict=True))
    padded = []
    for array in arrays:
        fill = array.flat[0] if array.size else np.zeros(1, array.dtype)[0]
        whole = np.full((array.shape[0], *inner), fill, array.dtype)
        whole[tuple(map(slice, array.shape))] = array
        padded.append(whole)
    return padded


def divide(response: TensorResponse, sizes: Sequence[int], rows: int) -> list[TensorResponse]:
    """Each request's own rows of every output.

    Errors: INTERNAL for an output whose first dimension is not the batch's.
    """
    for name, tensor in response.outputs.items():
        if tensor.array.ndim == 0 or tensor.array.shape[0] != rows:
            raise DragomanError(Code.INTERNAL, f'output "{name}" does not have the {rows} rows of its batch')
    ends = list(accumulate(sizes))
    return [
        TensorResponse(
            {
                name: Tensor(tensor.dtype, tensor.array[end - size : end])
                for name, tensor in response.outputs.items()
            }
        )
        for size, end in zip(sizes, ends, strict=True)
    ]
