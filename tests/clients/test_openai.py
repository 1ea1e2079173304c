"""OpenAI's own SDK: sync and async, whole and streamed, its exceptions and its retries."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from hashlib import sha256

import pytest

from tests.clients.conftest import Told, ready, run
from tests.clients.environments import GENAI, OPENAI
from tests.engines.text_models import write_models
from tests.server_process import Address, serving

pytestmark = pytest.mark.clients

KEY = "a-key-for-openais-own-client"
CLOSED = f"""access:
  anonymous: []
  credentials:
  - name: callers
    token: {{hash: "sha256:{sha256(KEY.encode()).hexdigest()}"}}
"""
BUSY = "options: {at_once: 1}\nmax_queue: 0\n"
TOKYO = "The capital of Japan is Tokyo."
WRONG = ["BadRequestError", 400, "invalid_request_error"]


def base(address: Address) -> str:
    return f"http://{address.host}:{address.port}/v1"


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """What the SDK told of a usual server, one with room for one text, and one that wants a key."""
    folder = tmp_path_factory.mktemp("openai")
    models, busy = write_models(folder / "models"), write_models(folder / "busy")
    (busy / "tinychat" / "model.yaml").write_text(BUSY, encoding="utf-8")
    (folder / "closed.yaml").write_text(CLOSED, encoding="utf-8")
    paths = [str(ready(GENAI).site_packages), *filter(None, [os.environ.get("PYTHONPATH")])]
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setenv("PYTHONPATH", os.pathsep.join(paths))
        servers = [
            stack.enter_context(serving(arguments, folder / f"{number}.log")).http
            for number, arguments in enumerate(
                [[str(models)], [str(busy)], [str(models), "--config", str(folder / "closed.yaml")]]
            )
        ]
        patch.undo()
        yield run(ready(OPENAI), "openai_calls.py", *map(base, servers), KEY)


def test_models_are_listed(calls: Told) -> None:
    names, kind = calls["models"]
    assert {"tinychat", "tinyembed"} <= set(names)
    assert kind == "model"


def test_a_chat_is_answered(calls: Told) -> None:
    assert calls["chat"] == {
        "text": TOKYO,
        "role": "assistant",
        "reason": "stop",
        "usage": [10, 8, 18],
        "has_request_id": True,
        "object": "chat.completion",
    }


def test_a_chat_is_streamed(calls: Told) -> None:
    told = calls["chat_stream"]
    assert told.pop("pieces") > 3
    assert told == {"text": TOKYO, "first_role": "assistant", "reasons": ["stop"], "usage": 8}


def test_the_asynchronous_client_gets_the_same(calls: Told) -> None:
    assert calls["chat_asynchronous"] == [TOKYO, TOKYO]


def test_the_sdks_own_account_of_a_stream_is_whole(calls: Told) -> None:
    kinds, text = calls["helper_stream"]
    assert text == TOKYO
    assert {"chunk", "content.delta", "content.done"} <= set(kinds)


def test_completions_are_answered(calls: Told) -> None:
    assert calls["completions"] == {
        "texts": [" gamma delta epsilon zeta eta theta", " fox jumps over the lazy dog."],
        "tokens": " fox jumps over the lazy dog.",
        "echo": "alpha beta gamma delta epsilon zeta eta theta",
        "stopped": " gamma de",
        "same": True,
    }


def test_an_explanation_reaches_the_sdks_caller(calls: Told) -> None:
    assert calls["explained"] == [TOKYO, " Japan", [*WRONG, "explain", None]]


def test_a_tool_that_is_named_is_called(calls: Told) -> None:
    assert calls["forced"] == [["weather", '{"city": "Tokyo"}']] * 2


def test_vectors_are_decoded_and_those_of_numbers(calls: Told) -> None:
    told = calls["embeddings"]
    assert told.pop("furthest") < 1e-6
    assert told.pop("alone") < 1e-6
    assert told == {
        "counts": [32, 32],
        "usage": [5, 5],
        "chat_model": [*WRONG, "model", "unsupported_model"],
        "chat": [*WRONG, "model", "unsupported_model"],
        "dimensions": [*WRONG, "dimensions", "unsupported_parameter"],
        "context": [*WRONG, "input", "context_length_exceeded"],
        "empty": [*WRONG, "input", None],
    }


def test_tokens_are_told_with_their_logarithms(calls: Told) -> None:
    assert calls["scored"] == [TOKYO, True]


def test_the_other_prefixes_lead_to_the_same(calls: Told) -> None:
    assert calls["other_prefixes"] == [TOKYO] * 3


def test_failures_raise_the_exceptions_that_callers_know(calls: Told) -> None:
    told = calls["failures"]
    assert told == {
        "temperature": [*WRONG, "temperature", None],
        "messages": [*WRONG, "messages", None],
        "role": [*WRONG, "messages", None],
        "context": [*WRONG, "messages", "context_length_exceeded"],
        "max_tokens": [*WRONG, "messages", "context_length_exceeded"],
        "model": ["NotFoundError", 404, "invalid_request_error", "model", "model_not_found"],
        "bias": [*WRONG, "logit_bias", "unsupported_parameter"],
        "stream": [*WRONG, "messages", None],
        "key": ["AuthenticationError", 401, "invalid_request_error", None, "invalid_api_key"],
        "right_key": TOKYO,
    }


def test_an_overload_is_told_and_outlived_by_trying_again(calls: Told) -> None:
    impatient, patient = calls["overload"]
    assert impatient == [["RateLimitError", 429, "rate_limit_error", None, "rate_limit_exceeded"]]
    assert patient == [None] * 6
