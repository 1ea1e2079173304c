"""Embeddings: what may be sent, which models take it, and how vectors are written."""

import base64
import json
from typing import Any

import numpy as np
import pytest

from dragoman.core.embedding import EmbedTraits
from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.generation import Usage
from dragoman.core.requests import Target
from dragoman.core.responses import EmbedResponse, TensorResponse
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.tensors import DType, Tensor
from dragoman.core.text_signature import embedding_signature
from dragoman.protocols.openai.embeddings import (
    bind_embedding,
    encode_embedding,
    parse_embedding,
    parse_mounted_embedding,
)
from tests.unit.protocols.openai.requests import LIMITS, SIGNATURE, fields, nested

EMBEDDER = embedding_signature(EmbedTraits("embedder", 64), 2)
SHORTENED = embedding_signature(EmbedTraits("embedder", 64, (1,)), 2)
OF_TENSORS = Signature(
    "s", {"t": TensorSpec("t", DType.BYTES, (None,), "t")}, {"v": TensorSpec("v", DType.FP64, (None, 2), "v")}
)
VECTORS = np.array([[0.6, 0.8], [0.1, -1.5]], np.float32)


def refusal(**given: Any) -> DragomanError:
    with pytest.raises(DragomanError) as caught:
        parse_embedding(fields(**given), LIMITS)
    assert caught.value.code is Code.INVALID_ARGUMENT
    return caught.value


@pytest.mark.parametrize(
    ("given", "inputs"),
    [
        ("alpha", ["alpha"]),
        (["alpha", "beta"], ["alpha", "beta"]),
        ([1, 2], [[1, 2]]),
        ([[1, 2], [3]], [[1, 2], [3]]),
        (["alpha", [3]], ["alpha", [3]]),
    ],
)
def test_a_text_texts_and_tokens_are_taken(given: Any, inputs: list[Any]) -> None:
    draft = parse_embedding(fields(input=given, user="u", encoding_format=None), LIMITS)
    assert draft.inputs == inputs
    assert draft.target == Target("m")
    assert not draft.as_base64


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({}, "input"),
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": ["a", ""]}, "input"),
        ({"input": [[1], []]}, "input"),
        ({"input": ["a"] * 2049}, "input"),
        ({"input": 5}, "input"),
        ({"input": [1.5]}, "input"),
        ({"input": [True]}, "input"),
        ({"input": [1, "a"]}, "input"),
        ({"input": {"text": "a"}}, "input"),
        ({"input": [nested(900)]}, "input"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format"),
        ({"input": "a", "encoding_format": ["float"]}, "encoding_format"),
        ({"input": "a", "dimensions": 0}, "dimensions"),
        ({"input": "a", "dimensions": 10**30}, "dimensions"),
        ({"input": "a", "dimensions": "8"}, "dimensions"),
        ({"input": "a", "model": 1}, "model"),
    ],
)
def test_what_is_wrong_is_named(given: dict[str, Any], param: str) -> None:
    assert refusal(**given).param == param


def test_a_version_may_be_named() -> None:
    assert parse_embedding(fields(model="m@2", input="a"), LIMITS).target == Target("m", 2)


def test_a_model_that_writes_text_makes_no_vectors() -> None:
    draft = parse_embedding(fields(input="a"), LIMITS)
    with pytest.raises(DragomanError) as caught:
        bind_embedding(draft, SIGNATURE)
    assert (caught.value.reason, caught.value.param) == (Reason.MODEL_KIND, "model")


@pytest.mark.parametrize("signature", [EMBEDDER, OF_TENSORS])
def test_a_length_that_the_model_was_not_trained_for_is_refused(signature: Signature) -> None:
    draft = parse_embedding(fields(input="a", dimensions=1), LIMITS)
    with pytest.raises(DragomanError) as caught:
        bind_embedding(draft, signature)
    assert (caught.value.reason, caught.value.param) == (Reason.PARAMETER_UNSUPPORTED, "dimensions")
    assert bind_embedding(draft, SHORTENED).dimensions == 1


def told(response: EmbedResponse | TensorResponse, **given: Any) -> Any:
    draft = parse_embedding(fields(input=["a", "b"], **given), LIMITS)
    bind_embedding(draft, EMBEDDER)
    return json.loads(encode_embedding(draft, response).body)


def test_vectors_are_told_as_numbers_with_their_own_shortest_digits() -> None:
    assert told(EmbedResponse(VECTORS, Usage(7))) == {
        "object": "list",
        "data": [
            {"object": "embedding", "index": 0, "embedding": [0.6, 0.8]},
            {"object": "embedding", "index": 1, "embedding": [0.1, -1.5]},
        ],
        "model": "m",
        "usage": {"prompt_tokens": 7, "total_tokens": 7},
    }


def test_vectors_are_told_as_the_bytes_of_little_endian_float32() -> None:
    data = told(EmbedResponse(VECTORS, Usage(7)), encoding_format="base64")["data"]
    assert base64.b64decode(data[1]["embedding"]) == VECTORS[1].astype("<f4").tobytes()


def test_tensors_of_another_models_are_vectors_too() -> None:
    response = TensorResponse({"v": Tensor(DType.FP64, VECTORS.astype(np.float64))})
    assert [each["embedding"] for each in told(response)["data"]] == [[0.6, 0.8], [0.1, -1.5]]


@pytest.mark.parametrize("shape", [(3, 2), (4,), (2, 1, 2)])
def test_a_model_that_gives_no_vector_for_each_text_has_failed(shape: tuple[int, ...]) -> None:
    with pytest.raises(DragomanError, match="no vector for each") as caught:
        told(TensorResponse({"v": Tensor(DType.FP32, np.zeros(shape, np.float32))}))
    assert caught.value.code is Code.INTERNAL


def test_behind_a_mount_the_path_names_the_model_and_the_vectors_are_told_once_more() -> None:
    request = fields(input=["a", "b"])
    request.params = {"model": "other", "version": "3"}
    draft = parse_mounted_embedding(request, LIMITS)
    assert draft.target == Target("other", 3)
    body = json.loads(encode_embedding(draft, EmbedResponse(VECTORS, Usage(2))).body)
    assert body["model"] == "other"
    assert body["embedding"] == [each["embedding"] for each in body["data"]]
