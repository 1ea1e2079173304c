"""The classification extension: the highest values of an output as texts `value:index:label`."""

from collections.abc import Sequence
from math import prod
from typing import Final

import numpy as np

from dragoman.core.errors import DragomanError, invalid
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.tensors import INTEGERS, Array, DType, Tensor
from dragoman.wire.datatypes import DATATYPES

CLASSIFIED: Final = INTEGERS | {DType.FP32, DType.FP64}


def check_classified(name: str, signature: Signature) -> None:
    """The output is of a type whose values can be ranked.

    Errors: INVALID_ARGUMENT naming it, also where the model says nothing of its outputs.
    """
    if signature.untyped:
        raise invalid(f"output '{name}' is of no known type, without which there is no classification")
    spec = signature.outputs[name]
    if spec.dtype not in CLASSIFIED:
        raise cannot(name, spec.dtype)


def cannot(name: str, dtype: DType) -> DragomanError:
    """The error for an output whose values are not ranked."""
    return invalid(f"output '{name}' is of type {DATATYPES[dtype]}, for which there is no classification")


def classify(tensor: Tensor, classes: int, spec: TensorSpec, labels: Sequence[str]) -> Tensor:
    """The highest values of each row, highest first, the first of equal ones first.

    Shapes: (rows, k), or (k,) where the model does not take rows; k = `classes`, or all there are.
    """
    array = tensor.array
    rows = array.shape[:1] if has_rows(array, spec) else ()
    columns = prod(array.shape[len(rows) :])
    k = min(classes, columns)
    texts = [text for row in array.reshape(*(rows or (1,)), columns) for text in ranked(row, k, labels)]
    found = np.empty(len(texts), np.object_)
    found[:] = texts
    return Tensor(DType.BYTES, found.reshape(*rows, k))


def has_rows(array: Array, spec: TensorSpec) -> bool:
    """Whether the first dimension is one of rows, which a model can take any number of."""
    return array.ndim > 1 and (spec.shape is None or spec.shape[0] is None)


def ranked(row: Array, k: int, labels: Sequence[str]) -> list[bytes]:
    """The texts of one row."""
    values = np.where(np.isnan(row), -np.inf, row) if row.dtype.kind == "f" else row
    # A stable sort of what is turned round, turned round again: of equal values the first comes first.
    order = len(row) - 1 - np.argsort(values[::-1], kind="stable")[::-1][:k]
    form = "%.6f:%d" if row.dtype.kind == "f" else "%d:%d"
    return [
        (form % (row[index], index) + (f":{labels[index]}" if index < len(labels) else "")).encode()
        for index in order.tolist()
    ]
