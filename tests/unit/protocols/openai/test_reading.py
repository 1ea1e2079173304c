"""What OpenAI's clients may send, and how each thing that is wrong is named."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.generation import Abilities, Asked, Finish, Sampling
from dragoman.core.requests import Kind, Target
from dragoman.core.signatures import Signature
from dragoman.core.text_signature import text_signature
from dragoman.protocols.openai.chat import bind_chat, parse_chat
from dragoman.protocols.openai.completions import bind_completion, parse_completion
from dragoman.wire.messages import WireRequest
from tests.unit.protocols.openai.requests import (
    HELLO,
    LIMITS,
    SIGNATURE,
    SURROUNDINGS,
    TRAITS,
    fields,
    nested,
    wire,
)

CHAT = partial(parse_chat, SURROUNDINGS)
COMPLETION = partial(parse_completion, SURROUNDINGS)


def refusal(parse: Callable[..., Any], request: WireRequest) -> DragomanError:
    with pytest.raises(DragomanError) as caught:
        parse(request, LIMITS)
    assert caught.value.code is Code.INVALID_ARGUMENT
    return caught.value


def asked(**given: Any) -> Asked:
    return CHAT(fields(messages=HELLO, **given), LIMITS).asked


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": ["hi"]}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages"),
        ({"messages": [{"content": "x"}]}, "messages"),
        ({"messages": [{"role": "user"}]}, "messages"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages"),
        ({"messages": [{"role": "assistant", "content": None}]}, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]}, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "messages"),
        ({"messages": [{"role": "user", "content": nested(1000)}]}, "messages"),
        ({"messages": nested(1000)}, "messages"),
        ({"messages": HELLO * 5000}, "messages"),
        ({"messages": [{"role": "user", "content": "x", "tool_calls": []}]}, "messages"),
        ({"messages": [{"role": "user", "content": "x", "name": 5}]}, "messages"),
        ({"temperature": 2.5}, "temperature"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": "1"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"top_p": 1.01}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_tokens": 10**12}, "max_tokens"),
        ({"max_completion_tokens": 0, "max_tokens": 5}, "max_completion_tokens"),
        ({"n": 0}, "n"),
        ({"n": 10**9}, "n"),
        ({"n": 10**40}, "n"),
        ({"seed": 2**64}, "seed"),
        ({"frequency_penalty": 2.1}, "frequency_penalty"),
        ({"presence_penalty": -2.1}, "presence_penalty"),
        ({"stop": ""}, "stop"),
        ({"stop": ["a", ""]}, "stop"),
        ({"stop": ["a"] * 10_000}, "stop"),
        ({"stop": "a" * 5000}, "stop"),
        ({"stop": 5}, "stop"),
        ({"logit_bias": {"x": 1}}, "logit_bias"),
        ({"logit_bias": {"1": 101}}, "logit_bias"),
        ({"logit_bias": []}, "logit_bias"),
        ({"logprobs": 1}, "logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"stream": True, "stream_options": {"include_usage": 1}}, "stream_options"),
        ({"stream": True, "stream_options": []}, "stream_options"),
        ({"response_format": {"type": "xml"}}, "response_format"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {"a": nested(100)}}}},
            "response_format",
        ),
        ({"response_format": "json"}, "response_format"),
        ({"tools": {}}, "tools"),
        ({"tools": [{"type": "function"}]}, "tools"),
        ({"tools": [{"function": {"name": "f", "parameters": nested(1000)}}]}, "tools"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, "tool_choice"),
        ({"chat_template_kwargs": {"messages": []}}, "chat_template_kwargs"),
        ({"chat_template_kwargs": {"a": nested(1000)}}, "chat_template_kwargs"),
        ({"reasoning_effort": 5}, "reasoning_effort"),
        ({"continue_final_message": True, "add_generation_prompt": True}, "continue_final_message"),
        ({"stop_token_ids": "1"}, "stop_token_ids"),
        ({"stop_token_ids": [-1]}, "stop_token_ids"),
        ({"model": 5}, "model"),
        ({"model": "m" * 1000}, "model"),
    ],
    ids=lambda value: value if isinstance(value, str) else json.dumps(value)[:60],
)  # fmt: skip
def test_a_field_of_a_chat_that_is_wrong_is_named(given: dict[str, Any], param: str) -> None:
    error = refusal(CHAT, fields(**{"messages": HELLO, **given}))
    assert error.param == param
    assert param.split(".", maxsplit=1)[0] in error.message
    assert len(error.message) < 300


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({}, "prompt"),
        ({"prompt": None}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": 5}, "prompt"),
        ({"prompt": {}}, "prompt"),
        ({"prompt": ["a", 5]}, "prompt"),
        ({"prompt": [[1, "a"]]}, "prompt"),
        ({"prompt": [1, True]}, "prompt"),
        ({"prompt": ["a"] * 1000}, "prompt"),
        ({"prompt": "a", "suffix": "b"}, "suffix"),
        ({"prompt": "a", "best_of": 2}, "best_of"),
        ({"prompt": "a", "logprobs": 6}, "logprobs"),
        ({"prompt": "a", "logprobs": True}, "logprobs"),
        ({"prompt": "a", "echo": 1}, "echo"),
    ],
)
def test_a_field_of_a_completion_that_is_wrong_is_named(given: dict[str, Any], param: str) -> None:
    assert refusal(COMPLETION, fields(**given)).param == param


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"a"', b"\xff\xfe", b'{"model": "m"} x', b"[" * 100_000, b'{"model": "\xff"}']
)
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    refusal(CHAT, wire(body))


@pytest.mark.parametrize("media_type", [b"text/plain", b"application/x-www-form-urlencoded"])
def test_a_body_that_says_it_is_no_json_is_refused_as_such(media_type: bytes) -> None:
    assert refusal(CHAT, wire(b"{}", media_type)).status == 415


def test_a_body_that_does_not_say_what_it_is_is_read() -> None:
    assert CHAT(wire(json.dumps({"messages": HELLO}).encode(), None), LIMITS).target == Target("")


def test_null_is_not_given() -> None:
    names = (
        "temperature",
        "n",
        "stop",
        "seed",
        "logprobs",
        "top_logprobs",
        "stream",
        "stream_options",
        "tools",
    )
    assert asked(**dict.fromkeys(names)) == asked()


def test_unknown_fields_are_ignored() -> None:
    assert asked(user="u", metadata={}, store=True, service_tier="auto", nonsense=[1]) == asked()


def test_what_is_asked_is_read() -> None:
    read = asked(
        max_tokens=7, max_completion_tokens=5, temperature=0, top_p=0.5, n=2, stop="x", seed=-1, top_k=3,
        min_p=0.1, repetition_penalty=1.5, min_tokens=2, ignore_eos=True, stop_token_ids=[4],
        include_stop_str_in_output=True, skip_special_tokens=False, logprobs=True, top_logprobs=2,
        response_format={"type": "json_object"},
    )  # fmt: skip
    assert read.sampling == Sampling(
        max_tokens=5, temperature=0, top_p=0.5, top_k=3, min_p=0.1, repetition_penalty=1.5, seed=-1,
        min_tokens=2, ignore_end=True, stop_ids=(4,), json_schema='{"type":"object"}',
    )  # fmt: skip
    assert (read.texts, read.stop, read.keeps_stop, read.shows_special, read.alternatives) == (
        2,
        ("x",),
        True,
        True,
        2,
    )


def test_parts_of_text_are_joined_with_nothing_between() -> None:
    parts = [{"type": "text", "text": "a "}, {"type": "text", "text": "b"}]
    draft = CHAT(fields(messages=[{"role": "user", "content": parts}]), LIMITS)
    assert draft.messages == [{"role": "user", "content": "a b"}]


def test_calls_of_tools_reach_the_template_with_their_arguments_read() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}
    messages = [
        *HELLO,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "2"},
    ]
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    draft = CHAT(fields(messages=messages, tools=tools), LIMITS)
    function = {"name": "f", "arguments": {"x": 1}}
    assert draft.messages[1]["tool_calls"] == [{"type": "function", "function": function, "id": "c"}]
    assert draft.variables["tools"] == tools
    assert "tools" not in CHAT(fields(messages=messages, tools=tools, tool_choice="none"), LIMITS).variables


@pytest.mark.parametrize(
    ("prompt", "prompts"),
    [("a", ["a"]), (["a", "b"], ["a", "b"]), ([1, 2], [[1, 2]]), ([[1], [2, 3]], [[1], [2, 3]]), ("", [""])],
)
def test_prompts_come_in_four_forms(prompt: Any, prompts: Any) -> None:
    draft = COMPLETION(fields(prompt=prompt), LIMITS)
    assert draft.prompts == prompts
    assert draft.asked.sampling.max_tokens == 16


@pytest.mark.parametrize(
    ("name", "target"),
    [("m", Target("m")), ("m@2", Target("m", 2)), ("m@x", Target("m@x")), ("a@b@3", Target("a@b", 3))],
)
def test_a_name_may_hold_a_version(name: str, target: Target) -> None:
    draft = CHAT(fields(messages=HELLO, model=name), LIMITS)
    assert (draft.target, draft.asked_name) == (target, name)


def test_a_model_that_does_something_else_is_refused() -> None:
    other = Signature("serving_default", {}, {})
    embedder = replace(SIGNATURE, accepts=frozenset({Kind.GENERATE}))
    for signature in (other, embedder):
        with pytest.raises(DragomanError) as caught:
            bind_chat(CHAT(fields(messages=HELLO), LIMITS), signature)
        assert (caught.value.reason, caught.value.param) == (Reason.MODEL_KIND, "model")
    with pytest.raises(DragomanError) as caught:
        bind_completion(COMPLETION(fields(prompt="a"), LIMITS), other)
    assert caught.value.reason is Reason.MODEL_KIND


NOTHING = Abilities(seed=False, penalties=False, logprobs=False)


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"seed": 1}, "seed"),
        ({"frequency_penalty": 1}, "frequency_penalty"),
        ({"presence_penalty": 1}, "presence_penalty"),
        ({"logit_bias": {"1": 1}}, "logit_bias"),
        ({"logprobs": True}, "logprobs"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
    ],
)
def test_what_an_engine_cannot_do_is_told_by_its_field(given: dict[str, Any], param: str) -> None:
    signature = text_signature(replace(TRAITS, abilities=NOTHING))
    with pytest.raises(DragomanError) as caught:
        bind_chat(CHAT(fields(messages=HELLO, **given), LIMITS), signature)
    assert (caught.value.reason, caught.value.param) == (Reason.PARAMETER_UNSUPPORTED, param)


def test_more_texts_than_the_model_writes_are_refused() -> None:
    with pytest.raises(DragomanError) as caught:
        bind_chat(CHAT(fields(messages=HELLO, n=9), LIMITS), SIGNATURE)
    assert caught.value.param == "n"


def test_one_logprob_beside_a_completion_is_that_of_the_token_itself() -> None:
    request = bind_completion(COMPLETION(fields(prompt="a", logprobs=1), LIMITS), SIGNATURE)
    assert request.asked.alternatives == 0
    with pytest.raises(DragomanError):
        bind_completion(COMPLETION(fields(prompt="a", logprobs=2), LIMITS), SIGNATURE)


def test_calls_that_must_be_made_hold_the_text_to_their_schema() -> None:
    tools = [{"type": "function", "function": {"name": "f"}}]
    draft = CHAT(fields(messages=HELLO, tools=tools, tool_choice="required"), LIMITS)
    with pytest.raises(DragomanError) as caught:
        bind_chat(draft, SIGNATURE)
    assert (caught.value.param, caught.value.reason) == ("tool_choice", Reason.PARAMETER_UNSUPPORTED)
    guided = text_signature(replace(TRAITS, abilities=replace(TRAITS.abilities, json_schema=True)))
    request = bind_chat(draft, guided)
    assert request.calls_end is Finish.TOOL_CALLS
    assert '"f"' in str(request.asked.sampling.json_schema)
    assert request.asked.names["response_format"] == "tools"
