"""Reranking: what may be sent, and the order of what is answered."""

import json
from typing import Any

import numpy as np
import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.core.generation import Usage
from dragoman.core.responses import EmbedResponse
from dragoman.protocols.openai.embeddings import bind_embedding
from dragoman.protocols.openai.rerank import encode_rerank, parse_rerank
from tests.unit.protocols.openai.requests import LIMITS, SURROUNDINGS, fields
from tests.unit.protocols.openai.test_embeddings import OF_TENSORS

VECTORS = np.array([[2, 0], [0, 3], [5, 0], [1, 1], [0, 0], [1, 0]], np.float32)
DOCUMENTS = ["across", {"text": "along"}, "between", "nowhere", "along, too"]


def told(**given: Any) -> Any:
    draft = parse_rerank(SURROUNDINGS, fields(query="q", documents=DOCUMENTS, **given), LIMITS)
    assert bind_embedding(draft, OF_TENSORS).inputs[:3] == ["q", "across", "along"]
    return json.loads(encode_rerank(draft, EmbedResponse(VECTORS, Usage(9))).body)


def test_the_nearest_come_first_and_equals_in_the_order_they_were_sent_in() -> None:
    answer = told()
    assert [result["index"] for result in answer["results"]] == [1, 4, 2, 0, 3]
    scores = [result["relevance_score"] for result in answer["results"]]
    assert scores == pytest.approx([1, 1, 0.5**0.5, 0, 0])
    assert (answer["id"], answer["model"]) == ("rerank-1234", "m")
    assert answer["usage"] == {"prompt_tokens": 9, "total_tokens": 9}


def test_as_many_are_told_as_is_asked_with_their_texts() -> None:
    results = told(top_n=2, return_documents=True)["results"]
    assert [result["document"]["text"] for result in results] == ["along", "along, too"]
    assert len(told(top_n=50)["results"]) == len(DOCUMENTS)


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"documents": ["a"]}, "query"),
        ({"query": "", "documents": ["a"]}, "query"),
        ({"query": ["q"], "documents": ["a"]}, "query"),
        ({"query": "q"}, "documents"),
        ({"query": "q", "documents": []}, "documents"),
        ({"query": "q", "documents": "a"}, "documents"),
        ({"query": "q", "documents": ["a"] * 2048}, "documents"),
        ({"query": "q", "documents": ["a", ""]}, "documents"),
        ({"query": "q", "documents": [{"title": "a"}]}, "documents"),
        ({"query": "q", "documents": [[1, 2]]}, "documents"),
        ({"query": "q", "documents": ["a"], "top_n": 0}, "top_n"),
        ({"query": "q", "documents": ["a"], "top_n": "1"}, "top_n"),
        ({"query": "q", "documents": ["a"], "return_documents": 1}, "return_documents"),
    ],
)
def test_what_is_wrong_is_named(given: dict[str, Any], param: str) -> None:
    with pytest.raises(DragomanError) as caught:
        parse_rerank(SURROUNDINGS, fields(**given), LIMITS)
    assert (caught.value.code, caught.value.param) == (Code.INVALID_ARGUMENT, param)
