"""What a graph is fed of some texts, and the vectors that it gives."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from dragoman.core.generation import Ids
from dragoman.core.tensors import Array
from dragoman.engines.embedder.runtimes import Graph
from dragoman.engines.embedding import Recipe, pooled, unit


def vectors_of(graph: Graph, recipe: Recipe) -> Callable[[Sequence[Ids]], Array]:
    """What makes a vector of the tokens of each text."""

    def vectors(tokens: Sequence[Ids]) -> Array:
        feed, lengths = feed_of(tokens, graph.inputs, recipe.pad_id)
        found = graph.run(feed)
        if found.dtype != np.float32:
            found = found.astype(np.float32)
        made = pooled(found, lengths, recipe.modes) if found.ndim == 3 else found
        return unit(made) if recipe.normalize else made

    return vectors


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
