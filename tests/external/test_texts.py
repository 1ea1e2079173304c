"""Texts of another server: what is asked of it, and what is read of what it says."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.generation import Asked, Finish, Piece, Sampling, ToolCall, Usage
from dragoman.core.requests import ChatRequest, EmbedRequest, GenerateRequest, Kind
from dragoman.core.responses import Chunk
from tests.external.models import CALL, loaded
from tests.external.standin import STREAM, chunk, events, hangs, raw, says, sends, standing_in

LISTED = says(200, {"object": "list", "data": []})
USED = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
HELLO = [{"role": "user", "content": "hello"}]


def on_loop(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await test()

    asyncio.run(bounded())


def chat(text: str | None, index: int = 0, finish: str = "stop", **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": text, **more}
    return {"index": index, "message": message, "finish_reason": finish}


def completion(text: str, index: int = 0, finish: str | None = None) -> dict[str, Any]:
    return {"index": index, "text": text, "finish_reason": finish}


def delta(index: int = 0, finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": more, "finish_reason": finish}]}


async def read(model: Any, request: Any) -> list[Chunk]:
    return [part async for part in model.parts(request, CALL)]


def test_what_is_asked_goes_there_in_openais_fields_and_what_is_not_does_not() -> None:
    async def test() -> None:
        answer = says(200, {"choices": [chat("hi")], "usage": USED})
        async with standing_in(LISTED, answer) as server:
            model = await loaded(server, model="theirs")
            sampling = Sampling(max_tokens=7, temperature=0.5, top_k=3, logit_bias={5: 1.0}, stop_ids=(9,))
            asked = Asked(sampling, stop=("END",), alternatives=2)
            variables = {
                "tools": [{"type": "function", "function": {"name": "f"}}],
                "add_generation_prompt": True,
                "reasoning_effort": "low",
                "mood": "good",
            }
            response = await model.answer(ChatRequest("", HELLO, variables, asked), CALL)
            model.release()
        assert (server.asked[0].path, server.asked[1].path) == ("/v1/models", "/v1/chat/completions")
        assert server.asked[1].document == {
            "model": "theirs",
            "messages": HELLO,
            "max_tokens": 7,
            "temperature": 0.5,
            "top_k": 3,
            "logit_bias": {"5": 1.0},
            "stop_token_ids": [9],
            "stop": ["END"],
            "logprobs": True,
            "top_logprobs": 2,
            "tools": variables["tools"],
            "reasoning_effort": "low",
            "chat_template_kwargs": {"mood": "good"},
        }
        assert response.texts == [Piece(0, "hi", [], Finish.STOP, "", [])]
        assert response.usage == Usage(3, 2)

    on_loop(test)  # fmt: skip


def test_a_chat_that_asks_for_nothing_says_nothing_but_its_messages() -> None:
    async def test() -> None:
        async with standing_in(LISTED, says(200, {"choices": [chat("hi")]})) as server:
            model = await loaded(server, max_tokens_name="max_completion_tokens")
            await model.answer(ChatRequest("", HELLO), CALL)
            await model.answer(ChatRequest("", HELLO, asked=Asked(Sampling(max_tokens=5))), CALL)
            model.release()
        assert server.asked[1].document == {"model": "mine", "messages": HELLO}
        assert server.asked[2].document["max_completion_tokens"] == 5

    on_loop(test)


def test_calls_of_tools_go_and_come_as_texts_of_json() -> None:
    async def test() -> None:
        function = {"name": "f", "arguments": {"a": 1}}
        past = [
            {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": function}]}
        ]
        made = chat(
            None, finish="tool_calls", tool_calls=[{"function": {"name": "g", "arguments": '{"b":2}'}}]
        )
        async with standing_in(LISTED, says(200, {"choices": [made]})) as server:
            model = await loaded(server)
            response = await model.answer(ChatRequest("", past), CALL)
            model.release()
        (sent,) = server.asked[1].document["messages"]
        assert sent["content"] is None
        assert sent["tool_calls"][0]["function"]["arguments"] == '{"a": 1}'
        (text,) = response.texts
        assert (text.calls, text.finish) == ([ToolCall(0, "g", '{"b":2}')], Finish.TOOL_CALLS)

    on_loop(test)


def test_a_stream_is_passed_on_piece_by_piece_with_its_tokens_last() -> None:
    async def test() -> None:
        stream = events(
            delta(role="assistant", content=""),
            delta(reasoning_content="hm"),
            delta(content="one "),
            delta(content="two"),
            delta(finish="length"),
            {"choices": [], "usage": USED},
        )
        async with standing_in(LISTED, stream) as server:
            model = await loaded(server)
            parts = await read(model, ChatRequest("", HELLO))
            model.release()
        assert server.asked[1].document["stream_options"] == {"include_usage": True}
        assert [(piece.thought, piece.text) for part in parts for piece in part.pieces] == [
            ("hm", ""),
            ("", "one "),
            ("", "two"),
            ("", ""),
        ]
        assert parts[-1].pieces[0].finish is Finish.LENGTH
        assert [part.usage for part in parts] == [None, None, None, Usage(3, 2)]

    on_loop(test)  # fmt: skip


def test_a_call_of_a_tool_that_comes_in_parts_is_given_whole() -> None:
    async def test() -> None:
        stream = events(
            delta(tool_calls=[{"index": 0, "function": {"name": "f", "arguments": ""}}]),
            delta(tool_calls=[{"index": 0, "function": {"arguments": '{"a"'}}]),
            delta(tool_calls=[{"index": 0, "function": {"arguments": ":1}"}}]),
            delta(finish="tool_calls"),
        )
        async with standing_in(LISTED, stream) as server:
            model = await loaded(server)
            parts = await read(model, ChatRequest("", HELLO))
            model.release()
        assert [call for part in parts for piece in part.pieces for call in piece.calls] == [
            ToolCall(0, "f", '{"a":1}')
        ]

    on_loop(test)


def test_prompts_are_completions_and_keep_their_order() -> None:
    async def test() -> None:
        answer = says(200, {"choices": [completion("b", 1, "stop"), completion("a", 0, "length")]})
        async with standing_in(LISTED, answer) as server:
            model = await loaded(server)
            response = await model.answer(GenerateRequest("", ["A", [1, 2]]), CALL)
            model.release()
        assert server.asked[1].document == {"model": "mine", "prompt": ["A", [1, 2]]}
        assert [(text.choice, text.text) for text in response.texts] == [(0, "a"), (1, "b")]

    on_loop(test)


def test_prompts_become_chats_for_a_server_that_knows_chats_alone() -> None:
    async def test() -> None:
        answer = says(200, {"choices": [chat("hi")], "usage": USED})
        async with standing_in(LISTED, answer) as server:
            model = await loaded(server, task="chat")
            response = await model.answer(GenerateRequest("", ["A", "B"]), CALL)
            with pytest.raises(DragomanError, match="takes no tokens") as caught:
                await model.answer(GenerateRequest("", [[1, 2]]), CALL)
            model.release()
        assert [asked.document["messages"][0]["content"] for asked in server.asked[1:]] == ["A", "B"]
        assert ([text.choice for text in response.texts], response.usage) == ([0, 1], Usage(6, 4))
        assert caught.value.param == "prompt"

    on_loop(test)


@pytest.mark.parametrize(
    "document",
    [
        {}, {"choices": None}, {"choices": [None]}, {"choices": [{}]}, {"choices": []}, {"choices": {"a": 1}},
        {"choices": [chat("a", 1)]}, {"choices": [chat("a"), chat("b")] * 2 + [chat("c", -1)]},
        {"choices": [{"message": {"content": 5}}]}, {"choices": [{"message": "text"}]},
        {"choices": [chat("a")], "usage": {"prompt_tokens": "many"}},
        {"choices": [chat("a", tool_calls=[{"function": {}}])]},
        {"choices": [{**chat("a"), "logprobs": {"content": [{"token": 5}]}}]},
        {"choices": [{**chat("a"), "finish_reason": 7}]},
    ],
)  # fmt: skip
def test_a_document_that_is_no_chat_is_told_as_none(document: Any) -> None:
    async def test() -> None:
        async with standing_in(LISTED, says(200, document)) as server:
            model = await loaded(server)
            with pytest.raises(DragomanError, match="gave an answer that is none: ") as caught:
                await model.answer(ChatRequest("", HELLO), CALL)
        assert caught.value.code is Code.INTERNAL

    on_loop(test)


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (events(delta(content="a"), {"no": 1}), "gave an answer that is none: it has no choices"),
        (events(delta(content="a"), delta(3, content="b")), "it has a choice 3, and 1 were asked for"),
        (events(delta(content="a"), delta(content=[])), "its content is of another kind"),
        (events(delta(content="a"), end=b"0\r\n\r\n"), "closed the connection within its answer"),
        (raw(STREAM + chunk(b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n')), "closed the connection"),
        (hangs(STREAM + chunk(b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n')), "sent nothing more"),
    ],
)
def test_a_stream_that_goes_wrong_gives_what_came_before(reply: Any, message: str) -> None:
    async def test() -> None:
        async with standing_in(LISTED, reply) as server:
            model = await loaded(server, idle_timeout_s=1.0)
            parts = model.parts(ChatRequest("", HELLO), CALL)
            assert (await anext(parts)).pieces[0].text == "a"
            with pytest.raises(DragomanError, match=message):
                await anext(parts)
            assert message in model.upstream.breaker.last_failure

    on_loop(test)


def test_a_stream_without_reasons_for_its_end_has_ended_all_the_same() -> None:
    async def test() -> None:
        async with standing_in(LISTED, events({"choices": [completion("a")]})) as server:
            model = await loaded(server)
            parts = await read(model, GenerateRequest("", ["A"]))
            model.release()
        assert parts[-1].pieces[0].finish is Finish.STOP

    on_loop(test)


def test_a_reader_that_goes_closes_the_connection_there() -> None:
    async def test() -> None:
        first = STREAM + chunk(b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n')
        async with standing_in(LISTED, hangs(first)) as server:
            model = await loaded(server)
            server.gone.clear()  # after the connection by which it was looked at
            parts = model.parts(ChatRequest("", HELLO), CALL)
            await anext(parts)
            await parts.aclose()
            await server.gone.wait()

    on_loop(test)


def test_a_prompt_that_is_too_long_is_told_with_its_field() -> None:
    async def test() -> None:
        error = {"message": "too long", "param": "messages", "code": "context_length_exceeded"}
        async with standing_in(LISTED, says(400, {"error": error})) as server:
            model = await loaded(server)
            with pytest.raises(DragomanError, match="too long") as caught:
                await model.answer(ChatRequest("", HELLO), CALL)
            model.release()
        assert (caught.value.reason, caught.value.param) == (Reason.CONTEXT_EXCEEDED, "messages")
        assert model.trouble == ""

    on_loop(test)


def test_vectors_are_put_in_the_order_of_their_texts() -> None:
    async def test() -> None:
        data = [{"index": 1, "embedding": [0.1, 2]}, {"index": 0, "embedding": [3, 4]}]
        async with standing_in(LISTED, says(200, {"data": data, "usage": {"prompt_tokens": 4}})) as server:
            model = await loaded(server, task="embeddings", dimensions=[2])
            response = await model.answer(EmbedRequest("", ["a", "b"], 2), CALL)
            model.release()
        assert server.asked[1].document == {
            "model": "mine",
            "input": ["a", "b"],
            "encoding_format": "float",
            "dimensions": 2,
        }
        assert response.vectors.tolist() == [[3, 4], [pytest.approx(0.1), 2]]
        assert response.usage == Usage(4)

    on_loop(test)  # fmt: skip


@pytest.mark.parametrize(
    "data",
    [
        None, [], [{"embedding": [1]}], [{"embedding": [1]}, {"embedding": [1, 2]}],
        [{"embedding": [1]}, {"embedding": ["a"]}], [{"embedding": []}, {"embedding": []}],
        [{"index": 0, "embedding": [1]}, {"index": 0, "embedding": [1]}], [{"embedding": [1]}, 5],
        [{"index": 0, "embedding": [1]}, {"index": 9, "embedding": [True]}],
    ],
)  # fmt: skip
def test_vectors_that_are_not_those_of_the_texts_are_told_as_none(data: Any) -> None:
    async def test() -> None:
        async with standing_in(LISTED, says(200, {"data": data})) as server:
            model = await loaded(server, task="embeddings")
            with pytest.raises(DragomanError, match="gave an answer that is none: "):
                await model.answer(EmbedRequest("", ["a", "b"]), CALL)

    on_loop(test)


@pytest.mark.parametrize(
    ("key", "header", "value"),
    [
        ({}, "authorization", "Bearer sk-secret"),
        ({"header": "X-API-Key"}, "x-api-key", "sk-secret"),
        ({"username": "me"}, "authorization", "Basic bWU6c2stc2VjcmV0"),
    ],
)
def test_a_key_is_shown_as_its_server_wants_it(key: Any, header: str, value: str) -> None:
    async def test() -> None:
        async with standing_in(LISTED) as server:
            await loaded(server, key={"env": "KEY", **key})
        assert server.asked[0].headers[header] == value

    on_loop(test)


@pytest.mark.parametrize("status", [200, 404, 405, 501])
def test_a_server_that_lists_no_models_is_there_all_the_same(status: int) -> None:
    async def test() -> None:
        async with standing_in(sends(status, b"")) as server:
            model = await loaded(server)
        (signature,) = model.signatures.values()
        assert signature.accepts == {Kind.CHAT, Kind.GENERATE, Kind.TENSORS}

    on_loop(test)


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (says(401, {}), "does not accept this server's key"),
        (says(500, {}), "failed \\(status 500\\)"),
        (says(302, {}, {"location": "http://169.254.169.254/"}), "redirect"),
        (raw(b""), "closed the connection without an answer"),
        (hangs(), "gave no whole answer within 1 s"),
    ],
)
def test_a_server_that_does_not_answer_keeps_its_model_from_being_loaded(reply: Any, message: str) -> None:
    async def test() -> None:
        async with standing_in(reply) as server:
            with pytest.raises(DragomanError, match=message):
                await loaded(server, timeout_s=1.0)

    on_loop(test)


def test_a_check_that_fails_shows_at_once_and_one_that_goes_well_ends_that() -> None:
    async def test() -> None:
        async with standing_in(LISTED, says(500, {}), LISTED) as server:
            model = await loaded(server)
            assert model.trouble == ""
            await model.check()
            assert model.trouble == "the external server of model mine failed (status 500)"
            await model.check()
            assert model.trouble == ""
            model.release()

    on_loop(test)
