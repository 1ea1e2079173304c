"""The method `shapley`: Shapley values by permutations, of single values or of blocks of them."""

from typing import Final

import numpy as np

from dragoman.core.tensors import Array
from dragoman.explain import shapley
from dragoman.explain.blocks import SIDE, blocks, singles
from dragoman.explain.task import Explained, Task, over_budget, places_among, spread

NAME: Final = "shapley"
PAIRS: Final = 4  # of orders, unless the caller names a budget, which is then used up
MOST_PAIRS: Final = 4096


async def by_permutations(task: Task) -> Explained:
    """What each value adds; of blocks, shared out among their values.

    Errors: INVALID_ARGUMENT where not even one pair of orders is within the budget.
    """
    instances = task.instances
    labels, in_blocks = grouped(task)
    count = int(labels.max(initial=-1)) + 1
    groups = task.groups(labels, count)
    pairs = pairs_within(task, groups.sum(axis=1))
    nothing = await task.nothing()
    made = np.zeros((instances.count, instances.width))
    for row in np.flatnonzero(groups.any(axis=1)).tolist():
        there = np.flatnonzero(groups[row])
        await task.model.turn()
        found = np.zeros(count)
        found[there] = await of_row(task, row, there, places_among(there, labels, count), pairs, nothing)
        made[row] = spread(found, labels)
    return made, f"{NAME}; pairs={pairs}" + (f"; blocks={count}" if in_blocks else "")


async def of_row(task: Task, row: int, there: Array, place_of: Array, pairs: int, nothing: Array) -> Array:
    """What the groups that differ add to one row's number. Shapes: (groups,)."""
    order = shapley.orders(len(there), pairs, task.seed)
    inner = shapley.steps(order)
    kept = np.concatenate([inner, np.ones((len(inner), 1), bool)], axis=1)
    values = await task.ask(row, kept, place_of)
    least, whole = float(task.number(row, nothing)[0]), task.whole(row)
    tiny = task.tiny(least, whole, float(np.abs(values).max(initial=0.0)))
    return shapley.effects(order, values, least, whole, tiny)


def grouped(task: Task) -> tuple[Array, bool]:
    """The group of each value, and whether groups are blocks."""
    if task.instances.width <= task.most_features:
        return singles(task.instances.width), False
    return blocks(task.shapes, task.layouts, SIDE), True


def pairs_within(task: Task, features: Array) -> int:
    """How many pairs of orders are gone through. Shapes: features, how many differ in each row, is (rows,).

    Errors: INVALID_ARGUMENT where there is room for none.
    """
    one_pair = 2 * int(np.maximum(features - 1, 0).sum())
    most = MOST_PAIRS if task.given else PAIRS
    pairs = min(most, (task.budget - 1) // one_pair) if one_pair else 1
    if pairs < 1 or task.budget < 1:
        raise over_budget(task, one_pair + 1)
    return pairs
