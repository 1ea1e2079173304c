"""The method `integrated_gradients`: gradients on the way from the baseline to an instance, times the way.

Source: Sundararajan et al. 2017; the steps are those of the Gauss-Legendre rule, as Captum takes them.
"""

from typing import Final

import numpy as np
from msgspec.structs import replace

from dragoman.core.explanation import INTEGRATED_GRADIENTS, PLACES, Attribution
from dragoman.core.signatures import TensorSpec
from dragoman.core.tensors import Array, DType, Tensor
from dragoman.explain.attributions import NAME, own_order
from dragoman.explain.task import Explained, Task, over_budget

STEPS: Final = 32
LEAST_STEPS: Final = 4


async def by_gradients(task: Task, attribution: Attribution) -> Explained:
    """What each value adds; the numbers add up to the difference as nearly as the steps allow.

    Errors: INVALID_ARGUMENT where the budget is too small for a few steps.
    """
    instances, signature = task.instances, task.model.signature
    count = min(STEPS, task.budget // instances.count)
    if count < LEAST_STEPS:
        raise over_budget(task, LEAST_STEPS * instances.count)
    output = TensorSpec(NAME, DType.FP64, None, attribution.output)
    model = task.model.as_signature(
        replace(signature, name=f"{signature.name} {NAME}", outputs={NAME: output})
    )
    points, weights = np.polynomial.legendre.leggauss(count)
    order = own_order(task, attribution)
    made = np.zeros((instances.count, instances.width))
    for row in range(instances.count):
        way = Way(task, row, (points + 1) / 2)
        given = await model.values(count, way.rows, NAME)
        made[row] = (weights[:, None] / 2 * given.reshape(count, -1)).sum(axis=0)[order] * way.length
    task.model.infer_ns = model.infer_ns
    return made, f"{INTEGRATED_GRADIENTS}; steps={count}"


class Way:
    """The points between the baseline and an instance."""

    def __init__(self, task: Task, row: int, shares: Array) -> None:
        self._columns = task.instances.columns
        self._shares = shares
        self._place = int(task.place.index[row])
        self._from = [values.astype(np.float64) for values in task.baseline.values]
        self._by = [
            one.values[row].astype(np.float64) - values
            for one, values in zip(self._columns, self._from, strict=True)
        ]
        self.length = np.concatenate(self._by)

    def rows(self, start: int, stop: int) -> dict[str, Tensor]:
        """Some of the points, and which number's gradients are wanted."""
        shares = self._shares[start:stop, None]
        made = {PLACES: Tensor(DType.INT64, np.full(stop - start, self._place))}
        for one, begin, by in zip(self._columns, self._from, self._by, strict=True):
            array = (begin + shares * by).astype(one.dtype.numpy)
            made[one.name] = Tensor(one.dtype, array.reshape(-1, *one.shape))
        return made
