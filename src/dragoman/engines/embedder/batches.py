"""Which texts run together, and what the graph is fed of them."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from dragoman.core.generation import Ids
from dragoman.core.tensors import Array


def batches(tokens: Sequence[Ids], budget: int) -> Iterator[list[int]]:
    """The places of texts of like length that together, each filled up to the longest, keep to the budget.

    A text that is longer than that runs alone.
    """
    places = sorted(range(len(tokens)), key=lambda place: len(tokens[place]), reverse=True)
    start = 0
    while start < len(places):
        longest = len(tokens[places[start]])
        count = max(1, budget // longest)
        yield places[start : start + count]
        start += count


def feed_of(tokens: Sequence[Ids], inputs: frozenset[str], pad_id: int) -> tuple[Mapping[str, Array], Array]:
    """What the graph takes of some texts, and how many tokens each has."""
    lengths = np.array([len(ids) for ids in tokens], np.int64)
    shape = (len(tokens), int(lengths.max()))
    mask = np.arange(shape[1]) < lengths[:, None]
    filled = np.full(shape, pad_id, np.int64)
    filled[mask] = np.concatenate([np.asarray(ids, np.int64) for ids in tokens])
    feed = {"input_ids": filled}
    if "attention_mask" in inputs:
        feed["attention_mask"] = mask.astype(np.int64)
    if "token_type_ids" in inputs:
        feed["token_type_ids"] = np.zeros(shape, np.int64)
    if "position_ids" in inputs:
        feed["position_ids"] = np.ascontiguousarray(np.broadcast_to(np.arange(shape[1]), shape))
    return feed, lengths
