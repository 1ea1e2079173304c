"""Cutting tensors into branches, and putting branches together again. Pure: no queue, no clock."""

from collections.abc import Sequence

import numpy as np

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.tensors import Tensor, show_shape
from dragoman.settings.pipeline import MOST_BRANCHES


def branch_count(tensors: Sequence[tuple[str, Tensor]], wanted: int | None, blame: Code) -> int:
    """How many branches these tensors are cut into, along their first axis.

    Errors: `blame`, naming the tensor that has no first axis, not the wanted number, or another one than the
    first tensor; FAILED_PRECONDITION with reason NO_CONTENT for none.
    """
    count = wanted
    for name, tensor in tensors:
        shape = tensor.array.shape
        if not shape:
            message = f'Wrong number of dimensions in a tensor to be sharded - "{name}" is a single value'
            raise DragomanError(blame, message)
        if count is not None and shape[0] != count:
            detail = f'"{name}" has shape {show_shape(shape)}, and there are {count} branches'
            raise DragomanError(blame, f"Wrong dimension size. Should match demultiply count - {detail}")
        count = shape[0]
    if not count:
        raise DragomanError(
            Code.FAILED_PRECONDITION,
            "Pipeline execution aborted due to no content from custom node",
            reason=Reason.NO_CONTENT,
        )
    if count > MOST_BRANCHES:
        detail = f"{count} branches; {MOST_BRANCHES} are allowed"
        raise DragomanError(blame, f"Too large dynamic demultiplication requested. - {detail}")
    return count


def branch(tensor: Tensor, index: int) -> Tensor:
    """One branch; it borrows the tensor's memory."""
    return Tensor(tensor.dtype, tensor.array[index, ...])  # `...` keeps what has no axes left an array


def gathered(parts: Sequence[Tensor]) -> Tensor:
    """The branches of a tensor, one behind the other along a new first axis.

    Errors: INTERNAL for branches that are not alike.
    """
    first = parts[0]
    for part in parts:
        if part.array.shape != first.array.shape or part.dtype is not first.dtype:
            raise DragomanError(
                Code.INTERNAL,
                f"Gathered tensor shards dimensions are different - {shown(first)} in the first branch, "
                f"{shown(part)} in another",
            )
    return Tensor(first.dtype, np.stack([part.array for part in parts]))


def shown(tensor: Tensor) -> str:
    """Type and shape for a message."""
    return f"{tensor.dtype.value} {show_shape(tensor.array.shape)}"
