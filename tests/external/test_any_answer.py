"""Whatever JSON another server answers: it is read, or refused in one way."""

import json
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.requests import TensorRequest
from dragoman.core.signatures import DEFAULT_SIGNATURE, Signature, TensorSpec
from dragoman.core.tensors import DType, Tensor
from dragoman.engines.external.embeddings import read_vectors
from dragoman.engines.external.pieces import Calls, chat_part, completion_part, whole_chat, whole_completion
from dragoman.engines.external.texts import CHAT, COMPLETIONS, Asking, Reading, read_texts
from dragoman.engines.external.v1 import tensor_response
from dragoman.engines.external.v2 import read_infer, read_signature
from dragoman.engines.upstream import Answer, UpstreamError

LEAVES = (
    st.none() | st.booleans() | st.integers(-3, 3) | st.just(10**400) | st.floats() | st.text(max_size=3)
    | st.just([]) | st.just({}) | st.just([[1], [2, 3]]) | st.just({"b64": "?"})
)  # fmt: skip
SCORES = {"content": [{"token": "a", "logprob": -0.5, "top_logprobs": [{"token": "b", "logprob": -1}]}]}
LISTS = {"tokens": ["a"], "token_logprobs": [-0.5], "top_logprobs": [{"b": -1.0}]}
CALL = {"index": 0, "function": {"name": "f", "arguments": "{}"}}
USED = {"prompt_tokens": 1, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 1}}
SAID = {"content": "a", "reasoning_content": "b", "tool_calls": [CALL]}
TEXT = {"index": 0, "text": "a", "logprobs": LISTS, "finish_reason": "stop"}
CHAT_DOCUMENT = {
    "choices": [{"index": 0, "message": SAID, "delta": SAID, "logprobs": SCORES, "finish_reason": "stop"}],
    "usage": USED,
}
COMPLETION_DOCUMENT = {"choices": [TEXT, {**TEXT, "index": 1}], "usage": USED}
VECTORS = {"data": [{"index": 0, "embedding": [0.5, 1]}], "usage": USED}
TENSOR = {"name": "y", "datatype": "FP32", "shape": [1], "data": [0.5], "parameters": {}}
RAW = {"name": "y", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": 0}}
TENSORS = {"outputs": [TENSOR, RAW], "inputs": [TENSOR]}


SIGNATURE = Signature(
    DEFAULT_SIGNATURE,
    {"x": TensorSpec("x", DType.FP32, (None,), "x")},
    {"y": TensorSpec("y", DType.FP32, (None,), "y")},
)
REQUEST = TensorRequest("", {"x": Tensor(DType.FP32, np.zeros(1, np.float32))})


def chats(document: Any) -> None:
    read_texts(Asking(CHAT, {}, 1, whole_chat, chat_part), document)


def completions(document: Any) -> None:
    read_texts(Asking(COMPLETIONS, {}, 2, whole_completion, completion_part), document)


def chat_events(document: Any) -> None:
    Reading(Asking(CHAT, {}, 1, whole_chat, chat_part)).take(document)


def completion_events(document: Any) -> None:
    Reading(Asking(COMPLETIONS, {}, 2, whole_completion, completion_part)).take(document)


def calls_of_tools(document: Any) -> None:
    calls = Calls()
    calls.add(document)
    calls.whole()


def answered(read: Callable[[Answer], Any], document: Any) -> None:
    body = json.dumps(document).encode()
    for length in (len(body), max(0, len(body) - 1)):
        read(Answer(200, {"inference-header-content-length": str(length)}, body))


def predictions(document: Any) -> None:
    tensor_response(SIGNATURE, 1, list(document.values()))


def places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value in a document."""
    found = [way] if way else []
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ())
    )
    for key, inner in entries:
        found += places(inner, (*way, key))
    return found


def changed(document: Any, way: tuple[Any, ...], value: Any) -> Any:
    """A document with another value at that place."""
    copied = json.loads(json.dumps(document))
    holder = copied
    for key in way[:-1]:
        holder = holder[key]
    holder[way[-1]] = value
    return copied


@pytest.mark.parametrize(
    ("read", "document"),
    [
        (chats, CHAT_DOCUMENT),
        (chat_events, CHAT_DOCUMENT),
        (calls_of_tools, SAID),
        (completions, COMPLETION_DOCUMENT),
        (completion_events, COMPLETION_DOCUMENT),
        (partial(read_vectors, 1), VECTORS),
        (predictions, {"a": 1, "b": 0.5}),
        (partial(answered, partial(read_infer, "it", SIGNATURE, REQUEST)), TENSORS),
        (partial(answered, partial(read_signature, "it")), TENSORS),
    ],
)
@given(data=st.data())
def test_any_change_of_a_good_answer_is_read_or_refused(
    read: Callable[[Any], Any], document: Any, data: st.DataObject
) -> None:
    wrong = changed(document, data.draw(st.sampled_from(places(document))), data.draw(LEAVES))
    with suppress(ValueError, TypeError, OverflowError, UpstreamError):  # all told as an answer that is none
        read(wrong)
