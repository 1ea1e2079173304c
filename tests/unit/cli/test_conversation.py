"""A conversation in the terminal, with a server that says what a test wants."""

import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from dragoman.cli.conversation import Conversation, converse, show
from dragoman.cli.failure import FailureError


class Said(BaseHTTPRequestHandler):
    """Answers with what its server holds, and remembers what it was asked."""

    server: "Script"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, json.loads(body)))
        status, answer = self.server.answers.pop(0)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Nothing."""


class Script(HTTPServer):
    """What is answered, in order."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Said)
        self.asked: list[tuple[str, Any]] = []
        self.answers: list[tuple[int, bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


def events(*texts: str) -> tuple[int, bytes]:
    choices: list[dict[str, Any]] = [{"index": 0, "delta": {"role": "assistant", "content": ""}}]
    choices += [{"index": 0, "delta": {"content": text}} for text in texts]
    lines = [f"data: {json.dumps({'choices': [choice]})}\n\n" for choice in choices]
    return 200, "".join([*lines, ": ping\n\n", 'data: {"choices": []}\n\n', "data: [DONE]\n\n"]).encode()


def failure(message: str) -> bytes:
    return json.dumps({"error": {"message": message, "type": "t", "param": None, "code": None}}).encode()


@pytest.fixture
def script() -> Iterator[Script]:
    with Script() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_what_the_model_says_comes_in_parts_and_is_remembered(script: Script) -> None:
    script.answers = [events("Hel", "lo 🙂"), events("Bye")]
    talk = Conversation(script.url, "m", "Be kind.", {"temperature": 0})
    assert list(talk.say("hi")) == ["Hel", "lo 🙂"]
    assert list(talk.say("bye")) == ["Bye"]
    path, body = script.asked[1]
    assert path == "/v1/chat/completions"
    assert body["stream"] is True
    assert body["temperature"] == 0
    assert [(message["role"], message["content"]) for message in body["messages"]] == [
        ("system", "Be kind."),
        ("user", "hi"),
        ("assistant", "Hello 🙂"),
        ("user", "bye"),
    ]


def test_one_turn_is_printed(script: Script, capsys: pytest.CaptureFixture[str]) -> None:
    script.answers = [events("a", "b")]
    show(Conversation(script.url, "m", "", {}), "hi")
    assert capsys.readouterr().out == "ab\n"


def test_each_line_is_a_turn_and_an_empty_one_begins_anew(
    script: Script, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    script.answers = [events("1"), events("2"), events("3")]
    monkeypatch.setattr("sys.stdin", io.StringIO("one\ntwo\n\nthree\n"))
    converse(Conversation(script.url, "m", "", {}), "")
    assert capsys.readouterr().out == "1\n2\n3\n"
    assert [len(body["messages"]) for _, body in script.asked] == [1, 3, 1]


def test_what_the_server_refuses_is_told_and_was_not_said(script: Script) -> None:
    script.answers = [(404, failure("the model 'm' does not exist")), events("ok")]
    talk = Conversation(script.url, "m", "", {})
    with pytest.raises(FailureError, match="does not exist"):
        list(talk.say("hi"))
    list(talk.say("again"))
    assert len(script.asked[1][1]["messages"]) == 1


def test_a_failure_in_the_middle_is_told(script: Script) -> None:
    status, data = events("a")
    script.answers = [(status, data.replace(b": ping", b"data: " + failure("it broke")))]
    with pytest.raises(FailureError, match="it broke"):
        list(Conversation(script.url, "m", "", {}).say("hi"))


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": "text"}'])
def test_an_answer_of_another_server_is_no_traceback(script: Script, body: bytes) -> None:
    script.answers = [(502, body)]
    with pytest.raises(FailureError):
        list(Conversation(script.url, "m", "", {}).say("hi"))


@pytest.mark.parametrize("url", ["ftp://host", "nothing", "http://127.0.0.1:1"])
def test_an_address_without_a_server_is_told(url: str) -> None:
    with pytest.raises(FailureError):
        list(Conversation(url, "m", "", {}).say("hi"))
