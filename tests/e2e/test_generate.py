"""Generate over a Python model that answers in parts."""

import contextlib
import http.client
import json
import shutil
from pathlib import Path

import pytest

from tests.e2e.process import PATIENCE_S, fetch, serving

WORDS = Path(__file__).parents[2] / "examples" / "python" / "words"
TEXTS = {"text": ["the quick brown fox", "jumps"]}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The example of a model in Python."""
    folder = tmp_path_factory.mktemp("models") / "words"
    shutil.copytree(WORDS, folder)
    with serving("serve", str(folder), "--port", "0") as running:
        yield running


def test_each_part_of_the_answer_is_an_event(server):
    connection = http.client.HTTPConnection(*server.address, timeout=PATIENCE_S)
    with contextlib.closing(connection):
        connection.request("POST", "/v2/models/words/generate_stream", json.dumps(TEXTS))
        answer = connection.getresponse()
        assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        events = answer.read().split(b"\n\n")
    assert events.pop() == b""
    parts = [json.loads(event.removeprefix(b"data: ")) for event in events]
    assert [(part["count"], part["longest"]) for part in parts] == [(4, "quick"), (1, "jumps")]


def test_one_answer_holds_all(server):
    status, body = fetch(f"{server.url}/v2/models/words/generate", json.dumps(TEXTS))
    assert (status, body["count"], body["longest"]) == (200, [4, 1], ["quick", "jumps"])


def test_what_the_model_refuses_is_a_plain_error_before_the_first_part(server):
    status, body = fetch(f"{server.url}/v2/models/words/generate_stream", json.dumps({"text": "x" * 10_001}))
    assert (status, body) == (400, {"error": "a text has 10001 bytes; 1000 are allowed"})
