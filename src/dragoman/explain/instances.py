"""The rows of a request as flat vectors of values, and rows between one of them and a baseline."""

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np
from msgspec import Struct

from dragoman.core.errors import Reason, invalid
from dragoman.core.tensors import Array, DType, Tensor


class Column(Struct, frozen=True):
    """One input: the shape of its value in one row, and the values of all rows, flat."""

    name: str
    dtype: DType
    shape: tuple[int, ...]
    values: Array  # (rows, size)

    @property
    def size(self) -> int:
        """The values in one row."""
        return prod(self.shape)


Values = Sequence[Array]  # of one row, flat, for each column


class Instances:
    """Every input of a request, row by row.

    Errors: INVALID_ARGUMENT naming an input that has no rows, or another number of them than the first.
    """

    def __init__(self, inputs: Mapping[str, Tensor]) -> None:
        self.columns = [column(name, tensor) for name, tensor in inputs.items()]
        first = self.columns[0]
        self.count = len(first.values)
        for one in self.columns:
            if len(one.values) != self.count:
                message = f'input "{one.name}" has {len(one.values)} rows, input "{first.name}" {self.count}'
                raise invalid(message, Reason.INPUT_SHAPE)
        self.width = sum(one.size for one in self.columns)

    def sent(self, start: int, stop: int) -> dict[str, Tensor]:
        """Some of the rows as they came."""
        return {
            one.name: Tensor(one.dtype, one.values[start:stop].reshape(-1, *one.shape))
            for one in self.columns
        }

    def between(self, row: int, baseline: Values, kept: Array) -> dict[str, Tensor]:
        """Rows that have the values of this one where `kept` says so, and else the baseline's.

        Shapes: kept is (rows, width).
        """
        made, begin = {}, 0
        for one, missing in zip(self.columns, baseline, strict=True):
            here = kept[:, begin : begin + one.size]
            begin += one.size
            array = np.where(here, one.values[row], missing).astype(one.dtype.numpy, copy=False)
            made[one.name] = Tensor(one.dtype, array.reshape(-1, *one.shape))
        return made

    def differ(self, baseline: Values) -> Array:
        """Which values are others than the baseline's. Shapes: (rows, width)."""
        found = [one.values != missing for one, missing in zip(self.columns, baseline, strict=True)]
        return np.concatenate(found, axis=1).astype(bool)

    def shaped(self, numbers: Array) -> dict[str, Tensor]:
        """One number for each value of each row, in the shapes of the inputs. Shapes: (rows, width)."""
        made, begin = {}, 0
        for one in self.columns:
            array = numbers[:, begin : begin + one.size].reshape(-1, *one.shape)
            begin += one.size
            made[one.name] = Tensor(DType.FP64, np.ascontiguousarray(array))
        return made


def column(name: str, tensor: Tensor) -> Column:
    """One input, row by row."""
    array = tensor.array
    if not array.ndim:
        raise invalid(f'input "{name}" is one value, and what is explained is rows', Reason.INPUT_RANK)
    return Column(name, tensor.dtype, array.shape[1:], array.reshape(len(array), prod(array.shape[1:])))
