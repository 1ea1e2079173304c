"""Which number of an answer is explained: one output, and one place in its value."""

from collections.abc import Mapping
from math import prod

import numpy as np
from msgspec import Struct

from dragoman.core.errors import Code, DragomanError, Reason, invalid
from dragoman.core.explanation import Wish
from dragoman.core.requests import Kind
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.tensors import Array


class Place(Struct, frozen=True):
    """An output's place for each row. Shapes: index is (rows,), into the flat value of `shape`."""

    output: str
    shape: tuple[int, ...]
    index: Array


def no_explainer(model: str, why: str = "") -> DragomanError:
    """The error for a model that nothing explains."""
    message = f"model {model} has no explainer{f': {why}' if why else ''}"
    return DragomanError(Code.UNIMPLEMENTED, message, reason=Reason.NO_EXPLAINER)


def explained_signature(signatures: Mapping[str, Signature], signature: Signature, model: str) -> Signature:
    """The signature that is called: the one that is asked for, else one that gives numbers for its inputs.

    So a classifier whose labels are asked for is explained by its probabilities.
    Errors: UNIMPLEMENTED with reason NO_EXPLAINER.
    """
    if Kind.TENSORS not in signature.accepts or signature.untyped or not signature.inputs:
        raise no_explainer(model, f"its signature {signature.name!r} takes no tensors of known types")
    for other in (signature, *signatures.values()):
        if other.inputs == signature.inputs and Kind.TENSORS in other.accepts and first_float(other):
            return other
    raise no_explainer(model, "none of its outputs is of floats")


def first_float(signature: Signature) -> TensorSpec | None:
    """The first output of floats."""
    return next((spec for spec in signature.outputs.values() if spec.dtype.is_float), None)


def wanted_output(signature: Signature, wish: Wish) -> str:
    """The output that is explained.

    Errors: INVALID_ARGUMENT for one that is not there, or not of floats.
    """
    if wish.output is None:
        found = first_float(signature)
        return found.name if found is not None else ""
    spec = signature.outputs.get(wish.output)
    floats = ", ".join(name for name, one in signature.outputs.items() if one.dtype.is_float)
    if spec is None:
        raise invalid(f"parameters.output: there is no output {wish.output!r}; of floats there is {floats}")
    if not spec.dtype.is_float:
        message = f"parameters.output: {wish.output!r} is of {spec.dtype.value}; of floats there is {floats}"
        raise invalid(message)
    return wish.output


def place(output: str, values: Array, target: tuple[int, ...] | None) -> Place:
    """What is explained of an output's values: `target`, else the greatest of each row.

    Shapes: values is (rows, *value).
    Errors: INVALID_ARGUMENT for a target that is none.
    """
    shape = values.shape[1:]
    size = prod(shape)
    if not size:
        raise invalid(f"output {output!r} is empty, so there is nothing to explain")
    flat = values.reshape(len(values), size)
    if target is None:
        return Place(output, shape, flat.argmax(axis=1))
    if len(target) == 1 and target[0] < size:
        return Place(output, shape, np.full(len(flat), target[0]))
    if len(target) != len(shape) or any(at >= size for at, size in zip(target, shape, strict=True)):
        given = target[0] if len(target) == 1 else list(target)
        takes = f"a number from 0 to {size - 1}"
        also = f", or a list of {len(shape)}" if len(shape) > 1 else ""
        raise invalid(f"parameters.target: {given} is not in output {output!r}; it takes {takes}{also}")
    return Place(output, shape, np.full(len(flat), int(np.ravel_multi_index(target, shape))))
