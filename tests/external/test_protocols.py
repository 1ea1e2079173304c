"""A text model of another server on every protocol of a real process, and what its faults become."""

import asyncio
import http.client
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from dragoman.client import Client
from tests.external.standin import STREAM, Asked, Reply, StandIn, chunk, events, hangs, raw, says, standing_in
from tests.server_process import Address, Addresses, serving

SETTINGS: Final = """
external: {{origins: ["http://127.0.0.1:{port}"]}}
models:
- name: talker
  external:
    url: "http://127.0.0.1:{port}/v1"
    protocol: openai
    check_s: 0
    retries: 0
    failures: 2
    open_s: 600
"""
USED = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
WORDS = ("one ", "two")
PROMPT = "count"


async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
    """What a well server of OpenAI's API says, whole or in events."""
    if asked.method == "GET":
        await says(200, {"data": []})(asked, writer)
        return
    document = asked.document
    chats = asked.path.endswith("/chat/completions")
    if not document.get("stream"):
        text = "".join(WORDS)
        choice = {"message": {"role": "assistant", "content": text}} if chats else {"text": text}
        found = {"choices": [{"index": 0, "finish_reason": "stop", **choice}], "usage": USED}
        await says(200, found)(asked, writer)
        return
    parts = [{"delta": {"content": word}} if chats else {"text": word} for word in WORDS]
    ends = [{"delta": {}, "finish_reason": "stop"} if chats else {"text": "", "finish_reason": "stop"}]
    told = [{"choices": [{"index": 0, **part}]} for part in parts + ends]
    await events(*told, {"choices": [], "usage": USED})(asked, writer)


@contextmanager
def behind(*replies: Reply) -> Iterator[StandIn]:
    """A stand-in on an event loop of its own, on a thread of its own."""
    started = threading.Event()
    found: list[Any] = []

    async def stand() -> None:
        async with standing_in(*replies) as server:
            over = asyncio.Event()
            found.extend([server, asyncio.get_running_loop(), over])
            started.set()
            await over.wait()

    thread = threading.Thread(target=asyncio.run, args=(stand(),))
    thread.start()
    started.wait()
    server, loop, over = found
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()


@contextmanager
def front(folder: Path, server: StandIn) -> Iterator[Addresses]:
    """A server before it."""
    config = folder / "dragoman.yaml"
    config.write_text(SETTINGS.format(port=server.port), encoding="utf-8")
    with serving(["--config", str(config)], folder / "log") as addresses:
        yield addresses


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    with behind(answer) as server, front(tmp_path_factory.mktemp("front"), server) as addresses:
        yield addresses


def ask(address: Address, path: str, document: Any = None) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(*address, timeout=30)
    try:
        body = None if document is None else json.dumps(document)
        connection.request(
            "GET" if body is None else "POST", path, body, {"content-type": "application/json"}
        )
        found = connection.getresponse()
        return found.status, {name.lower(): value for name, value in found.getheaders()}, found.read()
    finally:
        connection.close()


def streamed(body: bytes) -> Sequence[Any]:
    lines = [line.removeprefix(b"data: ") for line in body.split(b"\n\n") if line.startswith(b"data: ")]
    return [line if line == b"[DONE]" else json.loads(line) for line in lines]


def test_a_chat_is_answered_and_its_tokens_are_told(served: Addresses) -> None:
    asked = {"model": "talker", "messages": [{"role": "user", "content": PROMPT}]}
    status, _, body = ask(served.http, "/v1/chat/completions", asked)
    found = json.loads(body)
    assert (status, found["choices"][0]["message"]["content"]) == (200, "one two")
    assert found["usage"] == USED


def test_a_chat_is_streamed_word_by_word(served: Addresses) -> None:
    asked = {"model": "talker", "messages": [{"role": "user", "content": PROMPT}], "stream": True,
             "stream_options": {"include_usage": True}}  # fmt: skip
    *chunks, done = streamed(ask(served.http, "/v1/chat/completions", asked)[2])
    assert [c["choices"][0]["delta"].get("content") for c in chunks if c["choices"]] == ["", *WORDS, None]
    assert (chunks[-1]["usage"], done) == (USED, b"[DONE]")


def test_a_prompt_is_continued(served: Addresses) -> None:
    status, _, body = ask(served.http, "/v1/completions", {"model": "talker", "prompt": PROMPT})
    assert (status, json.loads(body)["choices"][0]["text"]) == (200, "one two")


def test_triton_generates_whole_and_in_parts(served: Addresses) -> None:
    asked = {"text_input": PROMPT, "max_tokens": 5}
    assert json.loads(ask(served.http, "/v2/models/talker/generate", asked)[2])["text_output"] == "one two"
    parts = streamed(ask(served.http, "/v2/models/talker/generate_stream", asked)[2])
    assert [part["text_output"] for part in parts] == list(WORDS)


@pytest.mark.parametrize("transport", ["http", "grpc"])
def test_v2_continues_bytes(served: Addresses, transport: str) -> None:
    address = getattr(served, transport)
    with Client(f"{transport}://{address.host}:{address.port}") as client:
        result = client.infer("talker", {"text_input": [PROMPT]}, parameters={"max_tokens": 5})
        assert [bytes(text) for text in result["text_output"]] == [b"one two"]
        parts = client.stream("talker", {"text_input": [PROMPT]}, parameters={"max_tokens": 5})
        assert [bytes(part["text_output"][0]).decode() for part in parts] == list(WORDS)


def test_tensorflow_servings_and_torchserves_callers_get_it_too(served: Addresses) -> None:
    rows = json.loads(ask(served.http, "/v1/models/talker:predict", {"instances": [PROMPT]})[2])
    assert rows == {"predictions": ["one two"]}
    status, _, body = ask(served.http, "/predictions/talker", {"prompt": PROMPT})
    assert (status, json.loads(body)) == (200, "one two")


def test_deeploys_callers_reach_it_behind_their_mount(served: Addresses) -> None:
    chats = {"messages": [{"role": "user", "content": PROMPT}]}
    for path, asked in (("completions", {"prompt": [PROMPT]}), ("chat/completions", chats)):
        status, _, body = ask(served.http, f"/deployments/talker/{path}", asked)
        assert (status, json.loads(body)["choices"][0]["index"]) == (200, 0)


def test_it_cannot_be_asked_for_tokens(served: Addresses) -> None:
    status, _, body = ask(served.http, "/tokenize", {"model": "talker", "prompt": PROMPT})
    assert (status, json.loads(body)["error"]["code"]) == (400, "unsupported_model")


def test_texts_and_their_tokens_are_counted(tmp_path: Path) -> None:
    with behind(answer) as server, front(tmp_path, server) as addresses:
        for streams in (False, True):
            ask(addresses.http, "/v1/completions", {"model": "talker", "prompt": PROMPT, "stream": streams})
        metrics = ask(addresses.http, "/metrics")[2].decode()
    labels = '{model="talker",version="1"}'
    assert f"dragoman_text_finished_total{labels} 2.0" in metrics
    assert f"dragoman_text_running{labels} 0.0" in metrics
    assert f"dragoman_text_tokens_total{labels} {2.0 * USED['completion_tokens']}" in metrics


def test_an_overload_is_told_with_its_time(tmp_path: Path) -> None:
    busy = says(429, {"error": {"message": "slow down", "code": "rate_limit"}}, {"retry-after": "9"})
    with behind(says(200, {}), busy) as server, front(tmp_path, server) as addresses:
        status, headers, body = ask(addresses.http, "/v1/completions", {"model": "talker", "prompt": PROMPT})
    assert (status, headers["retry-after"], json.loads(body)["error"]["message"]) == (429, "9", "slow down")


def test_a_stream_that_is_cut_ends_with_an_error(tmp_path: Path) -> None:
    begun = STREAM + chunk(b'data: {"choices":[{"index":0,"text":"one "}]}\n\n')
    with behind(says(200, {}), raw(begun)) as server, front(tmp_path, server) as addresses:
        asked = {"model": "talker", "prompt": PROMPT, "stream": True}
        first, failure, done = streamed(ask(addresses.http, "/v1/completions", asked)[2])
    assert (first["choices"][0]["text"], done) == ("one ", b"[DONE]")
    assert failure["error"]["message"] == (
        "the external server of model talker closed the connection within its answer"
    )


def test_a_caller_that_goes_ends_the_call_of_the_other_server(tmp_path: Path) -> None:
    begun = STREAM + chunk(b'data: {"choices":[{"index":0,"text":"one "}]}\n\n')
    with behind(says(200, {}), hangs(begun)) as server, front(tmp_path, server) as addresses:
        connection = http.client.HTTPConnection(*addresses.http, timeout=30)
        body = json.dumps({"model": "talker", "prompt": PROMPT, "stream": True})
        connection.request("POST", "/v1/completions", body, {"content-type": "application/json"})
        answer = connection.getresponse()
        assert answer.readline().startswith(b"data: ")
        answer.close()
        connection.close()
        assert server.left.wait(30)


def test_a_server_that_fails_is_shown_on_every_view_and_left_alone(tmp_path: Path) -> None:
    with (
        behind(says(200, {}), says(500, {"error": "inner secret"})) as server,
        front(tmp_path, server) as addresses,
    ):
        asked = {"model": "talker", "prompt": PROMPT}
        failed = [ask(addresses.http, "/v1/completions", asked) for _ in range(3)]
        ready = ask(addresses.http, "/v2/models/talker/ready")
        status = json.loads(ask(addresses.http, "/v1/models/talker")[2])
        own = json.loads(ask(addresses.http, "/dragoman/models")[2])
        metrics = ask(addresses.http, "/metrics")[2].decode()
    assert [status for status, _, _ in failed] == [500, 500, 503]
    assert int(failed[2][1]["retry-after"]) > 0
    assert all(b"inner secret" not in body for _, _, body in failed)
    assert len(server.asked) == 3
    why = "the external server of model talker failed (status 500)"
    assert ready[0] != 200
    (state,) = status["model_version_status"]
    assert (state["state"], state["status"]["error_message"]) == ("AVAILABLE", why)
    assert own["models"][0]["versions"][0]["cause"]["message"] == why
    assert 'dragoman_external_up{model="talker",version="1"} 0.0' in metrics
    assert 'dragoman_text_failed_total{model="talker",version="1"} 3.0' in metrics
