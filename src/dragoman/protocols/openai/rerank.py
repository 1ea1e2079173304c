"""Reranking: documents in the order in which they are near a query, as Cohere's and vLLM's clients ask it.

A cross-encoder tells it of each pair. Else it is the cosine of the angle between both vectors, so any model
that makes vectors of texts does.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from dragoman.core.embedding import MOST_INPUTS
from dragoman.core.generation import Bounds, bounded, refused, shown
from dragoman.core.requests import EmbedRequest, Kind, RankRequest
from dragoman.core.responses import EmbedResponse, RankResponse, TensorResponse
from dragoman.core.signatures import Signature
from dragoman.core.tensors import Array
from dragoman.protocols.openai.embeddings import EmbedDraft, bind_embedding, vectors_of
from dragoman.protocols.openai.reading import read_fields, read_model, target_of
from dragoman.settings.limits import Limits
from dragoman.wire.json_exact import JsonObject, JsonValue
from dragoman.wire.json_tree import dump
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.surroundings import Surroundings
from dragoman.wire.text_fields import read_flag

TOP: Final = Bounds(1, 2**31 - 1, whole=True)
MOST_DOCUMENTS: Final = MOST_INPUTS - 1  # the query is one more text


class RerankDraft(EmbedDraft):
    """A call to rerank: its texts are the query, then the documents. `top` None = all are told."""

    id: str = ""
    top: int | None = None
    tells_documents: bool = False


def parse_rerank(surroundings: Surroundings, wire: WireRequest, limits: Limits) -> RerankDraft:
    """A query and documents.

    Errors: INVALID_ARGUMENT naming the field.
    """
    fields = read_fields(wire, limits)
    query = fields.get("query")
    if not isinstance(query, str) or not query:
        raise refused("query", "query must be a string that is not empty")
    documents = read_documents(fields)
    top = int(bounded("top_n", fields["top_n"], TOP)) if "top_n" in fields else None
    name = read_model(fields)
    return RerankDraft(
        target_of(name),
        name,
        [query, *documents],
        id="rerank-" + surroundings.new_id().replace("-", ""),
        top=top,
        tells_documents=read_flag(fields, "return_documents"),
    )


def read_documents(fields: JsonObject) -> Sequence[str]:
    """The documents: texts, or objects that have one.

    Errors: INVALID_ARGUMENT.
    """
    given = fields.get("documents")
    if not isinstance(given, list) or not 0 < len(given) <= MOST_DOCUMENTS:
        raise refused("documents", f"documents must be a list of from 1 to {MOST_DOCUMENTS} texts")
    return [read_document(document) for document in given]


def read_document(given: JsonValue) -> str:
    """The text of one document."""
    text = given.get("text") if isinstance(given, dict) else given
    if not isinstance(text, str):
        raise refused(
            "documents", f"a document must be a string, or an object with a text, not {shown(text)}"
        )
    if not text:
        raise refused("documents", "a document must not be empty")
    return text


def bind_rerank(draft: RerankDraft, signature: Signature) -> RankRequest | EmbedRequest:
    """The request for the model.

    Errors: INVALID_ARGUMENT for a model that neither ranks nor makes vectors.
    """
    if Kind.RANK in signature.accepts:
        query, *documents = (str(text) for text in draft.inputs)
        return RankRequest(signature.name, query, documents)
    return bind_embedding(draft, signature)


def encode_rerank(
    draft: RerankDraft, response: RankResponse | EmbedResponse | TensorResponse
) -> WireResponse:
    """The nearest first; of those that are equally near, the one that was named first."""
    if isinstance(response, RankResponse):
        scores, usage = response.scores, response.usage
    else:
        vectors, usage = vectors_of(draft, response)
        scores = cosines(vectors[0], vectors[1:])
    order = np.argsort(-scores, kind="stable")[: draft.top].tolist()
    results: list[dict[str, Any]] = []
    for index in order:
        result: dict[str, Any] = {"index": index, "relevance_score": float(scores[index])}
        if draft.tells_documents:
            result["document"] = {"text": draft.inputs[index + 1]}
        results.append(result)
    body = {
        "id": draft.id,
        "model": draft.asked_name or draft.target.model,
        "results": results,
        "usage": {"prompt_tokens": usage.prompt_tokens, "total_tokens": usage.total_tokens},
    }
    return WireResponse(200, dump(body))


def cosines(one: Array, others: Array) -> Array:
    """The cosine of the angle between one vector and each of others; 0 where either has no length."""
    lengths = np.linalg.norm(others, axis=1) * np.linalg.norm(one)
    found: Array = (others @ one) / np.where(lengths > 0, lengths, 1)
    return found.astype(np.float64)
