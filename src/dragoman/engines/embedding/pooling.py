"""How the vectors of a text's tokens become the text's own.

Tokens that only fill a row up to the longest of its batch are masked: no vector depends on its neighbours.
Source: sentence-transformers, models/Pooling.py.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from dragoman.core.tensors import Array

Pool = Callable[[Array, Array], Array]  # of [texts, tokens, width] and how many tokens each text has


def mask_of(hidden: Array, lengths: Array) -> Array:
    """1 for each token of a text, 0 for those that fill the row."""
    mask: Array = np.less(np.arange(hidden.shape[1]), lengths[:, None])
    return mask.astype(np.float32)


def weighted(hidden: Array, weights: Array) -> Array:
    """The sum of token vectors, each times its weight."""
    summed: Array = np.matmul(weights[:, None, :], hidden)[:, 0]
    return summed


def mean(hidden: Array, lengths: Array) -> Array:
    """The mean of all."""
    return weighted(hidden, mask_of(hidden, lengths)) / lengths[:, None].astype(np.float32)


def mean_sqrt_len(hidden: Array, lengths: Array) -> Array:
    """The sum of all by the root of their number."""
    roots: Array = np.sqrt(lengths[:, None].astype(np.float32))
    return weighted(hidden, mask_of(hidden, lengths)) / roots


def weighted_mean(hidden: Array, lengths: Array) -> Array:
    """The mean of all, the later the heavier."""
    weights: Array = mask_of(hidden, lengths) * np.arange(1, hidden.shape[1] + 1, dtype=np.float32)
    sums: Array = weights.sum(axis=1, keepdims=True)
    return weighted(hidden, weights) / sums


def greatest(hidden: Array, lengths: Array) -> Array:
    """The greatest number at each place."""
    masked = np.where(mask_of(hidden, lengths)[:, :, None] > 0, hidden, -np.inf)
    found: Array = masked.max(axis=1).astype(np.float32)
    return found


def first(hidden: Array, lengths: Array) -> Array:
    """The first token's."""
    return hidden[:, 0]


def last(hidden: Array, lengths: Array) -> Array:
    """The last token's."""
    found: Array = hidden[np.arange(len(hidden)), lengths - 1]
    return found


POOLS: Final[Mapping[str, Pool]] = {
    "mean": mean,
    "cls": first,
    "max": greatest,
    "last": last,
    "lasttoken": last,
    "mean_sqrt_len_tokens": mean_sqrt_len,
    "weightedmean": weighted_mean,
}
# The older flags of 1_Pooling/config.json, in the order in which vectors of several are joined.
FLAGS: Final[Mapping[str, str]] = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}


def pooled(hidden: Array, lengths: Array, modes: Sequence[str]) -> Array:
    """The vectors of texts, those of several ways one after the other."""
    parts = [POOLS[mode](hidden, lengths) for mode in modes]
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def unit(vectors: Array) -> Array:
    """The same with length 1."""
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    scaled: Array = vectors / np.maximum(lengths, 1e-12)[:, None]
    return scaled
