"""Tokens of texts: what may be sent, and the form of the answer."""

import json
from typing import Any

import pytest

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.responses import TokensResponse
from dragoman.protocols.openai.tokenize import bind_tokenize, encode_tokenize, parse_tokenize
from tests.unit.protocols.openai.requests import HELLO, LIMITS, SIGNATURE, fields
from tests.unit.protocols.openai.test_embeddings import EMBEDDER, OF_TENSORS


@pytest.mark.parametrize("name", ["prompt", "text"])
@pytest.mark.parametrize("signature", [SIGNATURE, EMBEDDER])
def test_the_tokens_of_a_text_are_told_and_how_many_the_model_takes(name: str, signature: Any) -> None:
    draft = parse_tokenize(fields(**{name: "alpha beta"}), LIMITS)
    request = bind_tokenize(draft, signature)
    assert (request.texts, request.special) == (["alpha beta"], True)
    told = json.loads(encode_tokenize(draft, TokensResponse([[386, 387]])).body)
    assert told == {"count": 2, "max_model_len": 64, "tokens": [386, 387], "token_strs": None}


def test_those_of_several_are_lists() -> None:
    draft = parse_tokenize(fields(text=["a", "b"], add_special_tokens=False), LIMITS)
    assert not bind_tokenize(draft, EMBEDDER).special
    told = json.loads(encode_tokenize(draft, TokensResponse([[5], [6, 7]])).body)
    assert (told["count"], told["tokens"]) == (3, [[5], [6, 7]])


def test_a_model_without_a_tokenizer_has_none() -> None:
    with pytest.raises(DragomanError) as caught:
        bind_tokenize(parse_tokenize(fields(prompt="a"), LIMITS), OF_TENSORS)
    assert (caught.value.reason, caught.value.param) == (Reason.MODEL_KIND, "model")


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({}, "prompt"),
        ({"prompt": 5}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"text": ["a", 5]}, "text"),
        ({"text": ["a"] * 257}, "text"),
        ({"prompt": "a" * 1_000_001}, "prompt"),
        ({"messages": HELLO}, "messages"),
        ({"prompt": "a", "add_special_tokens": 1}, "add_special_tokens"),
    ],
)
def test_what_is_wrong_is_named(given: dict[str, Any], param: str) -> None:
    with pytest.raises(DragomanError) as caught:
        parse_tokenize(fields(**given), LIMITS)
    assert (caught.value.code, caught.value.param) == (Code.INVALID_ARGUMENT, param)
