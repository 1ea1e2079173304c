"""Shapley values by permutations: each value's mean effect when the values appear in a random order.

Orders come in antithetic pairs, each with its reverse, which cancels much of what chance does. The sum of all
effects along one order is the whole difference, so the sum is exact with any number of pairs.
Source: Castro et al. 2009; Mitchell et al. 2022, "Sampling Permutations for Shapley Value Estimation".
"""

from itertools import islice, permutations
from math import factorial
from typing import Final

import numpy as np

from dragoman.core.tensors import Array

EVERY_ORDER: Final = 4  # features for which all orders are worth having


def most_pairs(features: int) -> int:
    """The pairs of orders that there are; no more than these are of use."""
    return max(1, factorial(features) // 2) if features <= EVERY_ORDER else 10**9


def orders(features: int, pairs: int, seed: int) -> Array:
    """The orders, each followed by its reverse; all there are where that is so few.

    Shapes: (2 * pairs, features).
    """
    if features <= EVERY_ORDER and pairs >= most_pairs(features):
        unlike = (one for one in permutations(range(features)) if one[0] < one[-1] or features == 1)
        forward = np.array(list(islice(unlike, most_pairs(features))), np.intp)
    else:
        random = np.random.default_rng(seed)
        forward = np.array([random.permutation(features) for _ in range(pairs)], np.intp)
    return np.stack([forward, forward[:, ::-1]], axis=1).reshape(-1, features)


def steps(order: Array) -> Array:
    """Which features are there at each step of each order, the first step and the last left out.

    Shapes: (orders * (features - 1), features).
    """
    places = np.argsort(order, axis=1)  # of each feature in its order
    inner = np.arange(1, order.shape[1])
    return (places[:, None, :] < inner[None, :, None]).reshape(-1, order.shape[1])


def effects(order: Array, inner: Array, nothing: float, everything: float, tiny: float) -> Array:
    """The mean effect of each feature; exactly 0 where none of its effects is above `tiny`.

    Shapes: inner, the model's values at `steps`, is (orders * (features - 1),); the result (features,).
    """
    count, features = order.shape
    walk = np.empty((count, features + 1))
    walk[:, 0], walk[:, -1] = nothing, everything
    walk[:, 1:-1] = inner.reshape(count, features - 1)
    found = np.empty((count, features))
    np.put_along_axis(found, order, np.diff(walk, axis=1), axis=1)
    mean: Array = found.mean(axis=0)
    mean[np.abs(found).max(axis=0) <= tiny] = 0.0
    return mean
