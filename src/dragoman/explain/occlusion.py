"""The method `occlusion`: how much an answer falls when a block of the input is missing."""

from typing import Final

import numpy as np

from dragoman.core.tensors import Array
from dragoman.explain.blocks import SIDE, blocks
from dragoman.explain.task import Explained, Task, over_budget, places_among, spread

NAME: Final = "occlusion"
LEAST_SIDE: Final = 2


async def by_occlusion(task: Task) -> Explained:
    """What each block adds to all others, shared out among its values. The blocks get larger to save rows.

    Errors: INVALID_ARGUMENT where the budget is too small for the largest blocks.
    """
    labels = blocks_within(task)
    count = int(labels.max(initial=-1)) + 1
    made = np.zeros((task.instances.count, task.instances.width))
    groups = task.groups(labels, count)
    for row in range(task.instances.count):
        there = np.flatnonzero(groups[row])
        await task.model.turn()
        kept = np.concatenate([~np.eye(len(there), dtype=bool), np.ones((len(there), 1), bool)], axis=1)
        values = await task.ask(row, kept, places_among(there, labels, count))
        whole = task.whole(row)
        falls = whole - values
        falls[np.abs(falls) <= task.tiny(whole, float(np.abs(values).max(initial=0.0)))] = 0.0
        found = np.zeros(count)
        found[there] = falls
        made[row] = spread(found, labels)
    return made, f"{NAME}; blocks={count}"


def blocks_within(task: Task) -> Array:
    """The smallest blocks that the budget allows."""
    for side in range(SIDE, LEAST_SIDE - 1, -1):
        labels = blocks(task.shapes, task.layouts, side)
        needed = task.instances.count * (int(labels.max(initial=-1)) + 1)
        if needed <= task.budget:
            return labels
    raise over_budget(task, needed)
