"""What OpenAI's clients read: whole answers, chunks, failures."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.generation import Finish, Piece, TextExplanation, TokenScore, ToolCall, Usage
from dragoman.core.requests import Target
from dragoman.core.responses import Chunk, TextResponse
from dragoman.core.text_signature import text_signature
from dragoman.execution.text.answer import joined
from dragoman.protocols.openai.chat import bind_chat, encode_chat, parse_chat
from dragoman.protocols.openai.completions import bind_completion, encode_completion, parse_completion
from dragoman.protocols.openai.errors import fail, refuse
from dragoman.protocols.openai.reading import TextDraft
from dragoman.protocols.openai.streaming import TextEncoder, stream_chat, stream_completion
from dragoman.wire.messages import WireRequest
from dragoman.wire.operation import Draft
from tests.unit.protocols.openai.requests import HELLO, LIMITS, SIGNATURE, SURROUNDINGS, TRAITS, fields

HEAD = {"created": 1234, "model": "m", "system_fingerprint": "scripted-3"}


def chat_draft(**given: Any) -> TextDraft:
    draft = parse_chat(SURROUNDINGS, fields(messages=HELLO, **given), LIMITS)
    bind_chat(draft, SIGNATURE)
    return draft


def completion_draft(**given: Any) -> TextDraft:
    draft = parse_completion(SURROUNDINGS, fields(prompt="p", **given), LIMITS)
    bind_completion(draft, SIGNATURE)
    return draft


def response(*pieces: Piece) -> TextResponse:
    return TextResponse(pieces, Usage(3, 5), 3)


def scores(*texts: str) -> list[TokenScore]:
    return [TokenScore(text, -0.5) for text in texts]


def test_a_whole_chat() -> None:
    answer = encode_chat(chat_draft(), response(Piece(0, "Hello!", finish=Finish.STOP)))
    message = {"role": "assistant", "content": "Hello!", "refusal": None}
    assert json.loads(answer.body) == {
        "id": "chatcmpl-1234",
        "object": "chat.completion",
        **HEAD,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8},
    }


def test_a_whole_completion_with_its_tokens_in_four_lists() -> None:
    piece = Piece(0, "a b", [*scores("a", " b")], Finish.LENGTH)
    body = json.loads(encode_completion(completion_draft(logprobs=1), response(piece)).body)
    assert (body["id"], body["object"]) == ("cmpl-1234", "text_completion")
    assert body["choices"] == [
        {
            "index": 0,
            "text": "a b",
            "logprobs": {
                "tokens": ["a", " b"],
                "token_logprobs": [-0.5, -0.5],
                "top_logprobs": [{"a": -0.5}, {" b": -0.5}],
                "text_offset": [0, 1],
            },
            "finish_reason": "length",
        }
    ]


def test_tokens_of_a_chat_have_their_bytes_and_no_logarithm_is_below_what_json_holds() -> None:
    tokens = [TokenScore("é", float("-inf"), (("e", -1.0),))]
    body = json.loads(
        encode_chat(chat_draft(logprobs=True), response(Piece(0, "é", tokens, Finish.STOP))).body
    )
    assert body["choices"][0]["logprobs"] == {
        "content": [
            {
                "token": "é",
                "logprob": -9999.0,
                "bytes": [0xC3, 0xA9],
                "top_logprobs": [{"token": "e", "logprob": -1.0, "bytes": [101]}],
            }
        ],
        "refusal": None,
    }


def events(data: bytes) -> list[Any]:
    """What a reader of events finds: JSON, or the mark of the end. Comments are skipped."""
    found = [
        part.removeprefix(b"data: ") for part in data.split(b"\n\n") if part and not part.startswith(b":")
    ]
    return [part.decode() if part == b"[DONE]" else json.loads(part) for part in found]


def streamed(encoder: TextEncoder | None, *chunks: Chunk) -> list[Any]:
    assert encoder is not None
    return events(b"".join([*map(encoder.chunk, chunks), encoder.end() or b""]))


def part(*pieces: Piece, usage: Usage | None = None) -> Chunk:
    return Chunk(version=3, pieces=pieces, usage=usage)


def test_a_chat_in_chunks_begins_with_the_role_and_ends_with_the_reason() -> None:
    parts = [
        part(Piece(0, "a")),
        Chunk(version=3),
        part(Piece(0, "b", finish=Finish.STOP), usage=Usage(1, 2)),
    ]
    *chunks, done = streamed(stream_chat(chat_draft(stream=True)), *parts)
    assert done == "[DONE]"
    assert [chunk["choices"][0]["delta"] for chunk in chunks] == [
        {"role": "assistant", "content": ""},
        {"content": "a"},
        {"content": "b"},
        {},
    ]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None, None, None, "stop"]
    head = {"id": "chatcmpl-1234", "object": "chat.completion.chunk", **HEAD}
    assert all({key: chunk[key] for key in head} == head for chunk in chunks)
    assert not any("usage" in chunk for chunk in chunks)


def test_usage_comes_in_a_chunk_of_its_own_where_it_is_wanted() -> None:
    draft = completion_draft(stream=True, stream_options={"include_usage": True})
    parts = [part(Piece(0, "a")), part(Piece(0, "", finish=Finish.LENGTH), usage=Usage(1, 2))]
    *chunks, last, done = streamed(stream_completion(draft), *parts)
    assert done == "[DONE]"
    assert all(chunk["usage"] is None for chunk in chunks)
    assert last["choices"] == []
    assert last["usage"] == {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}


def test_silence_is_a_comment_and_a_failure_an_event_before_the_end() -> None:
    encoder = stream_chat(chat_draft(stream=True))
    assert encoder is not None
    assert encoder.chunk(Chunk()) == b": ping\n\n"
    head = encoder.head(None)
    assert head.content_type == b"text/event-stream; charset=utf-8"
    assert (b"Cache-Control", b"no-cache") in head.headers
    told = events(bytes(encoder.fail(DragomanError(Code.INTERNAL, "it broke"))))
    assert told[0]["error"]["message"] == "it broke"
    assert told[1] == "[DONE]"


def test_who_does_not_stream_has_no_encoder() -> None:
    assert stream_chat(chat_draft()) is None
    assert stream_completion(completion_draft()) is None


CALLING = Piece(0, "", finish=Finish.TOOL_CALLS, thought="so", calls=[ToolCall(0, "f", '{"x": 1}')])


def test_thoughts_and_calls_of_tools_have_keys_of_their_own() -> None:
    draft = parse_chat(SURROUNDINGS, fields(messages=HELLO), LIMITS)
    bind_chat(draft, text_signature(replace(TRAITS, reasons=True)))
    choice = json.loads(encode_chat(draft, response(CALLING)).body)["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["reasoning_content"] == "so"
    assert choice["message"]["content"] is None
    function = {"name": "f", "arguments": '{"x": 1}'}
    call = {"id": "call_123400", "type": "function", "function": function}
    assert choice["message"]["tool_calls"] == [call]
    silent = encode_chat(draft, response(Piece(0, "a", finish=Finish.STOP)))
    assert json.loads(silent.body)["choices"][0]["message"]["reasoning_content"] is None
    *chunks, _ = streamed(stream_chat(chat_draft(stream=True)), part(CALLING))
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas[1] == {"reasoning_content": "so"}
    assert deltas[2]["tool_calls"] == [{"index": 0, **call}]
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


TOKENS = st.lists(st.text(max_size=4), max_size=8)


@given(st.lists(TOKENS, min_size=1, max_size=3), st.randoms(use_true_random=False))
def test_a_streams_joined_text_and_tokens_are_those_of_the_whole_answer(
    texts: Sequence[Sequence[str]], chance: Any
) -> None:
    pieces = [[Piece(n, text, scores(text)) for text in tokens] for n, tokens in enumerate(texts)]
    for n, own in enumerate(pieces):
        own.append(Piece(n, "", (), Finish.STOP))
    order: list[Piece] = []
    while any(pieces):
        order.append(chance.choice([own for own in pieces if own]).pop(0))
    for draft, encode, stream in (
        (chat_draft(stream=True, logprobs=True), encode_chat, stream_chat),
        (completion_draft(stream=True, logprobs=1), encode_completion, stream_completion),
    ):
        whole = json.loads(encode(draft, response(*joined(order))).body)
        *chunks, _ = streamed(stream(draft), *(part(piece) for piece in order))
        for choice in whole["choices"]:
            own = [c for chunk in chunks for c in chunk["choices"] if c["index"] == choice["index"]]
            said = "".join(c.get("text", "") + c.get("delta", {}).get("content", "") for c in own)
            assert said == choice.get("text", choice.get("message", {}).get("content"))
            assert own[-1]["finish_reason"] == choice["finish_reason"]
            scored = [c["logprobs"] for c in own if c["logprobs"]]
            for key in choice["logprobs"].keys() - {"refusal"}:
                assert [entry for score in scored for entry in score[key]] == choice["logprobs"][key]


@pytest.mark.parametrize(
    ("error", "status", "kind", "code", "param"),
    [
        (DragomanError(Code.INVALID_ARGUMENT, "no", param="n"), 400, "invalid_request_error", None, "n"),
        (
            DragomanError(Code.INVALID_ARGUMENT, "no", reason=Reason.CONTEXT_EXCEEDED, param="messages"),
            400, "invalid_request_error", "context_length_exceeded", "messages",
        ),
        (
            DragomanError(Code.NOT_FOUND, "no", reason=Reason.MODEL_UNKNOWN),
            404, "invalid_request_error", "model_not_found", "model",
        ),
        (DragomanError(Code.UNAUTHENTICATED, "no"), 401, "invalid_request_error", "invalid_api_key", None),
        (DragomanError(Code.PERMISSION_DENIED, "no"), 403, "permission_error", None, None),
        (DragomanError(Code.TOO_LARGE, "no"), 413, "invalid_request_error", None, None),
        (
            DragomanError(Code.RESOURCE_EXHAUSTED, "no", retry_after_s=0.4),
            429, "rate_limit_error", "rate_limit_exceeded", None,
        ),
        (
            DragomanError(Code.UNAVAILABLE, "no", reason=Reason.MODEL_NOT_READY, retry_after_s=2),
            503, "server_error", "model_loading", None,
        ),
        (DragomanError(Code.DEADLINE_EXCEEDED, "no"), 504, "server_error", "timeout", None),
        (DragomanError(Code.INTERNAL, "no"), 500, "server_error", "internal_error", None),
        (DragomanError(Code.INVALID_ARGUMENT, "no", status=415), 415, "invalid_request_error", None, None),
    ],
)  # fmt: skip
def test_a_failure_has_its_number_type_and_code(
    error: DragomanError, status: int, kind: str, code: str | None, param: str | None
) -> None:
    answer = fail(Draft(Target("m")), error)
    told = json.loads(answer.body)["error"]
    assert answer.status == status
    assert (told["type"], told["code"], told["param"]) == (kind, code, param)
    assert told["message"]
    assert ((b"X-Should-Retry", b"false") in answer.headers) is (status == 500)
    assert (b"Retry-After" in dict(answer.headers)) is (error.retry_after_s is not None)


def test_a_missing_name_is_no_unknown_model() -> None:
    error = DragomanError(Code.NOT_FOUND, "no", reason=Reason.MODEL_UNKNOWN)
    assert fail(Draft(Target("")), error).status == 400


def test_paths_without_a_route_are_told_in_the_same_form() -> None:
    error = DragomanError(Code.NOT_FOUND, "no such route", reason=Reason.ROUTE_UNKNOWN)
    answer = refuse(WireRequest("POST", "/v1/x", "", [], b""), error)
    assert answer.status == 404
    assert json.loads(answer.body)["error"]["type"] == "invalid_request_error"


EXPLAINING = text_signature(replace(TRAITS, abilities=replace(TRAITS.abilities, explanations=True)))


def test_explanations_stand_beside_the_choices() -> None:
    draft = completion_draft()
    told = response(Piece(0, "b", finish=Finish.STOP))
    told.explanations = [TextExplanation(0, ["p"], [0.5], "b")]
    assert json.loads(encode_completion(draft, told).body)["explanations"] == [
        {"index": 0, "tokens": ["p"], "scores": [0.5], "method": "leave_one_out", "target": "b"}
    ]
    assert "explanations" not in json.loads(encode_completion(draft, response()).body)


def test_an_explanation_is_asked_for_where_the_engine_can_give_one() -> None:
    draft = parse_completion(SURROUNDINGS, fields(prompt="p", explain=True), LIMITS)
    assert bind_completion(draft, EXPLAINING).asked.explained
    with pytest.raises(DragomanError) as caught:
        bind_completion(draft, SIGNATURE)
    assert caught.value.reason is Reason.NO_EXPLAINER


def test_an_explanation_is_not_streamed() -> None:
    draft = parse_completion(SURROUNDINGS, fields(prompt="p", explain=True, stream=True), LIMITS)
    with pytest.raises(DragomanError) as caught:
        bind_completion(draft, EXPLAINING)
    assert (caught.value.code, caught.value.param) == (Code.INVALID_ARGUMENT, "explain")
