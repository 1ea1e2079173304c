"""One explanation that needs nothing of a model but its answers."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

import numpy as np
from msgspec import Struct

from dragoman.core.errors import invalid
from dragoman.core.tensors import Array, DType, Tensor
from dragoman.explain.baseline import Baseline
from dragoman.explain.calls import Model
from dragoman.explain.instances import Instances
from dragoman.explain.output import Place

MOST_BUDGET: Final = 65_536
EQUAL_ULPS: Final = 4  # units in the last place by which a model's answers to equal questions may differ
EPSILON: Final = {DType.FP32: float(np.finfo(np.float32).eps), DType.FP64: float(np.finfo(np.float64).eps)}


class Task(Struct):
    """What is to be explained, and with what. `answers` are the model's for the rows as they came.

    `budget` = rows that the model may still be asked for; `given`: the caller named it.
    """

    model: Model
    instances: Instances
    place: Place
    answers: Array
    baseline: Baseline
    budget: int
    given: bool
    seed: int
    most_features: int

    @property
    def layouts(self) -> Sequence[str | None]:
        """The layouts of the inputs, where they are known."""
        specs = self.model.signature.inputs
        return [None if self.model.own_values else specs[one.name].layout for one in self.instances.columns]

    @property
    def shapes(self) -> Sequence[tuple[int, ...]]:
        """The shapes of the inputs' values in one row."""
        return [one.shape for one in self.instances.columns]

    def number(self, row: int, values: Array) -> Array:
        """The explained number of answers to variants of a row. Shapes: values is (variants, *value)."""
        return values.reshape(len(values), -1)[:, self.place.index[row]]

    def whole(self, row: int) -> float:
        """The explained number of a row as it came."""
        return float(self.number(row, self.answers[row : row + 1])[0])

    @property
    def wholes(self) -> Array:
        """The explained numbers of all rows as they came."""
        flat = self.answers.reshape(len(self.answers), -1)
        return flat[np.arange(len(flat)), self.place.index]

    def groups(self, labels: Array, count: int) -> Array:
        """In which groups of each row anything differs from the baseline. Any other adds nothing.

        Shapes: (rows, groups).
        """
        differ = self.instances.differ(self.baseline.values)
        if count == len(labels):
            return differ
        return np.stack([np.bincount(labels[row], minlength=count) > 0 for row in differ])

    def tiny(self, *values: float) -> float:
        """What two answers to equal questions may differ by."""
        dtype = self.model.signature.outputs[self.place.output].dtype
        return EQUAL_ULPS * EPSILON.get(dtype, 0.0) * max(map(abs, values), default=0.0)

    async def nothing(self) -> Array:
        """The answer where every value is missing. Shapes: (1, *value)."""
        none = np.zeros((1, self.instances.width), bool)

        def rows(_: int, __: int) -> dict[str, Tensor]:
            return self.instances.between(0, self.baseline.values, none)

        return await self.model.values(1, rows, self.place.output)

    async def ask(self, row: int, kept: Array, place_of: Array) -> Array:
        """The explained number of variants of a row, each with some of its groups.

        Shapes: kept is (variants, groups + 1), whose last is that of values which are kept always; place_of
        is (width,), each value's group.
        """
        if not len(kept):
            return np.empty(0)

        def rows(start: int, stop: int) -> dict[str, Tensor]:
            return self.instances.between(row, self.baseline.values, kept[start:stop][:, place_of])

        return self.number(row, await self.model.values(len(kept), rows, self.place.output))


Explained = tuple[Array, str]  # (rows, width), and the method in words
Method = Callable[[Task], Coroutine[Any, Any, Explained]]


def places_among(there: Array, labels: Array, count: int) -> Array:
    """Each value's place among the groups that differ; the place behind the last for all others."""
    local = np.full(count, len(there))
    local[there] = np.arange(len(there))
    return local[labels]


def spread(found: Array, labels: Array) -> Array:
    """What groups add, shared out evenly among their values."""
    return found[labels] / np.bincount(labels, minlength=len(found))[labels]


def over_budget(task: Task, needed: int) -> Exception:
    """The error for a request that takes more rows of the model than it may."""
    spent = task.instances.count
    return invalid(
        f"explaining {spent} rows of {task.instances.width} values asks the model for at least "
        f"{needed + spent} rows, and the budget is {task.budget + spent}: explain fewer at once, or raise "
        f"parameters.budget, to {MOST_BUDGET} at most"
    )
