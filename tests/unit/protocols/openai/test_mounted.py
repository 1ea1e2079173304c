"""Calls of a model that the path names, with flags in the query."""

import json
from functools import partial
from typing import Any

import pytest

from dragoman.core.errors import DragomanError, Reason
from dragoman.core.generation import Finish, Piece, Usage
from dragoman.core.requests import Target
from dragoman.core.responses import TextResponse
from dragoman.protocols.openai.chat import bind_chat, encode_chat, parse_chat
from dragoman.protocols.openai.errors import fail
from dragoman.protocols.openai.mounted import parse_mounted
from dragoman.protocols.openai.reading import TextDraft
from dragoman.wire.messages import WireRequest
from tests.unit.protocols.openai.requests import HELLO, LIMITS, SIGNATURE, SURROUNDINGS

PARSE = partial(parse_mounted, partial(parse_chat, SURROUNDINGS))


def read(query: str = "", version: str | None = None, **fields: Any) -> TextDraft:
    body = json.dumps({"messages": HELLO, **fields}).encode()
    params = {"model": "a%20b"} | ({} if version is None else {"version": version})
    return PARSE(WireRequest("POST", "/", query, [], body, params), LIMITS)


def test_the_path_names_the_model_whatever_the_body_says() -> None:
    draft = read(model="other", version="3")
    assert (draft.target, draft.asked_name) == (Target("a b", 3), "a b")


@pytest.mark.parametrize(
    ("query", "body", "streamed"),
    [
        ("", False, False),
        ("", True, True),
        ("stream=true", False, True),
        ("skipLog=true&stream=False", True, False),
    ],
)
def test_a_flag_of_the_query_goes_before_the_bodys(query: str, body: bool, streamed: bool) -> None:
    assert read(query, stream=body).streamed is streamed


def test_a_flag_that_is_neither_true_nor_false_is_named() -> None:
    with pytest.raises(DragomanError) as caught:
        read("stream=perhaps")
    assert caught.value.param == "stream"


@pytest.mark.parametrize(
    ("query", "body", "explain"),
    [("explain=true", False, True), ("", True, True), ("explain=false", True, False), ("", False, False)],
)
def test_explanations_are_asked_for_by_the_query_and_else_by_the_body(
    query: str, body: bool, explain: bool
) -> None:
    assert read(query, explain=body).explain is explain


def test_a_conversation_has_no_explainer() -> None:
    with pytest.raises(DragomanError) as caught:
        bind_chat(read("explain=true"), SIGNATURE)
    assert caught.value.reason is Reason.NO_EXPLAINER
    answer = fail(None, caught.value)
    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (501, "no_explainer")


def test_a_message_tells_that_there_are_no_thoughts() -> None:
    draft = read()
    bind_chat(draft, SIGNATURE)
    body = json.loads(encode_chat(draft, TextResponse([Piece(0, "a", finish=Finish.STOP)], Usage())).body)
    assert body["choices"][0]["message"]["reasoning_content"] is None
