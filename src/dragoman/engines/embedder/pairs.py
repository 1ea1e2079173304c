"""Cross-encoders: models that read a query and a document together, and give one number for both.

Source: sentence-transformers, cross_encoder/CrossEncoder.py.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from msgspec import Struct

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError, Reason, invalid
from dragoman.core.generation import Ids, Usage, refused
from dragoman.core.requests import RankRequest, TensorRequest
from dragoman.core.responses import Chunk, RankResponse, TensorResponse
from dragoman.core.signatures import Signature
from dragoman.core.tensors import Array, DType, Tensor
from dragoman.core.text_signature import DOCUMENT, QUERY, SCORE, ranking_signature
from dragoman.engines.embedder.feed import feed_of
from dragoman.engines.embedder.options import EmbedderOptions
from dragoman.engines.embedder.runtimes import Graph
from dragoman.engines.embedding import batched, context_of, texts_of
from dragoman.engines.hugging_face import CONFIG
from dragoman.engines.text_files import read_json
from dragoman.settings.model import ModelSettings

ENDING: Final = "ForSequenceClassification"
OUTPUT: Final = "logits"
AT_ONCE: Final = 64  # pairs, after which a caller that has gone is noticed
MOST_CHARS: Final = 256  # of one token, at the most
OVERLAPPING_CALLS: Final = 1024


class PairRecipe(Struct, frozen=True):
    """What the files say: how long a pair may be, what fills a row, and whether scores stay as they are."""

    context: int
    pad_id: int
    plain: bool


def reads_pairs(folder: str) -> bool:
    """Whether config.json names a model that gives one number for a text."""
    config = read_json(folder, CONFIG)
    named = config.get("architectures") or []
    labels = config.get("id2label")
    count = len(labels) if isinstance(labels, dict) else config.get("num_labels")
    return count == 1 and any(str(name).endswith(ENDING) for name in named)


def read_pairs(folder: str, settings: ModelSettings) -> PairRecipe:
    """What the files say.

    Errors: INVALID_ARGUMENT where nobody tells the context; INTERNAL for a file that is no JSON.
    """
    config = read_json(folder, CONFIG)
    own = config.get("sentence_transformers")
    newer = own.get("activation_fn") if isinstance(own, dict) else None
    activation = str(newer or config.get("sbert_ce_default_activation_function") or "")
    pad = config.get("pad_token_id")
    return PairRecipe(
        settings.text.context or context_of(folder, config),
        pad if isinstance(pad, int) else 0,
        activation.endswith("Identity"),
    )


def scores_output(names: Sequence[str], ranks: Mapping[str, int]) -> str:
    """The output to read.

    Errors: FAILED_PRECONDITION.
    """
    if ranks.get(OUTPUT) != 2:
        raise DragomanError(
            Code.FAILED_PRECONDITION, f"none of the outputs {', '.join(names)} is {OUTPUT} of two dimensions"
        )
    return OUTPUT


class PairRanker:
    """A cross-encoder with its tokenizer, tried with one pair.

    Errors: FAILED_PRECONDITION where it gives more than one number.
    """

    def __init__(
        self, name: str, graph: Graph, tokenizer: Any, recipe: PairRecipe, options: EmbedderOptions
    ) -> None:
        self.concurrency = OVERLAPPING_CALLS
        signature = ranking_signature()
        self.signatures: Mapping[str, Signature] = {signature.name: signature}
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._graph = graph
        self._own = tokenizer
        self._recipe = recipe
        self._budget = options.batch_tokens
        self._cuts = options.truncate == "end"
        if self._cuts:
            tokenizer.enable_truncation(recipe.context, strategy="only_second")
        width = self._run([Pair([0], [0])]).shape[1]
        if width != 1:
            message = f"{name} gives {width} numbers for a pair of texts, and one is wanted"
            raise DragomanError(Code.FAILED_PRECONDITION, message)

    def rank(self, request: RankRequest, call: CallContext) -> RankResponse:
        """How well each document fits the query.

        Errors: INVALID_ARGUMENT naming `documents`; CANCELLED once nobody waits any more.
        """
        return self._ranked([(request.query, document) for document in request.documents], call)

    def infer(self, request: TensorRequest, call: CallContext) -> TensorResponse:
        """The same for tensors: each query with the document at its place.

        Errors: those of `rank`; INVALID_ARGUMENT for an input that is none.
        """
        queries, documents = (texts_of(request, name) for name in (QUERY, DOCUMENT))
        if len(queries) != len(documents):
            raise invalid(f"{len(queries)} queries and {len(documents)} documents: they go in pairs")
        found = self._ranked(list(zip(queries, documents, strict=True)), call).scores
        return TensorResponse({SCORE: Tensor(DType.FP32, found)})

    def stream(self, request: TensorRequest, call: CallContext) -> Iterator[Chunk]:
        """The whole answer as the only part."""
        yield Chunk(self.infer(request, call).outputs)

    def close(self) -> None:
        """Nothing is held but memory."""

    def _ranked(self, texts: Sequence[tuple[str, str]], call: CallContext) -> RankResponse:
        pairs = self._pairs(texts, call)
        scores = np.empty(len(pairs), np.float32)
        for places in batched([pair.ids for pair in pairs], self._budget):
            if call.cancelled:
                raise unwanted()
            scores[places] = self._run([pairs[place] for place in places])[:, 0]
        if not self._recipe.plain:
            scores = sigmoid(scores)
        return RankResponse(scores, Usage(sum(len(pair.ids) for pair in pairs)))

    def _pairs(self, texts: Sequence[tuple[str, str]], call: CallContext) -> list["Pair"]:
        """The tokens of each pair."""
        most = self._recipe.context * MOST_CHARS
        found: list[Pair] = []
        for start in range(0, len(texts), AT_ONCE):
            if call.cancelled:
                raise unwanted()
            part = texts[start : start + AT_ONCE]
            for place, pair in enumerate(part, start):
                if sum(map(len, pair)) > most:
                    raise self._too_long(place, f"{sum(map(len, pair))} characters")
            clean = [tuple(text.encode("utf-8", "replace").decode() for text in pair) for pair in part]
            try:
                encoded = self._own.encode_batch(clean)
            except Exception as error:  # a query alone that is longer than the context
                raise self._too_long(start, "more tokens in its query alone") from error
            for one in encoded:
                if len(one.ids) > self._recipe.context:
                    raise self._too_long(len(found), f"{len(one.ids)} tokens with the query")
                found.append(Pair(one.ids, one.type_ids))
        return found

    def _too_long(self, place: int, size: str) -> DragomanError:
        message = f"document {place} has {size}; the model takes {self._recipe.context} tokens"
        return refused("documents", message, Reason.CONTEXT_EXCEEDED)

    def _run(self, pairs: Sequence["Pair"]) -> Array:
        feed, _ = feed_of([pair.ids for pair in pairs], self._graph.inputs, self._recipe.pad_id)
        if (types := feed.get("token_type_ids")) is not None:
            for row, pair in zip(types, pairs, strict=True):
                row[: len(pair.types)] = pair.types
        return self._graph.run(feed)


class Pair(Struct, frozen=True):
    """The tokens of a query and a document, and which text each is of."""

    ids: Ids
    types: Ids


def sigmoid(scores: Array) -> Array:
    """Numbers from 0 to 1, in the same order."""
    made: Array = 1 / (1 + np.exp(-scores.astype(np.float64)))
    return made.astype(np.float32)


def unwanted() -> DragomanError:
    """The error for a call that nobody waits for any more."""
    return DragomanError(Code.CANCELLED, "nobody waits for these scores any more")
