"""A conversation over OpenAI's API: what was said so far, and the next turn as it comes."""

import json
import sys
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any, Final
from urllib.parse import urlsplit

from dragoman.cli.client import CONNECTIONS, DEFAULT_URL, login
from dragoman.cli.failure import Exit, FailureError

PATH: Final = "/v1/chat/completions"
SILENCE_S: Final = 120.0  # a server says every 15 s that it is still at it
PROMPT: Final = "> "
DATA: Final = b"data: "
DONE: Final = b"[DONE]"


class Conversation:
    """Turns with one model. `asked` = further fields of every request."""

    def __init__(self, url: str, model: str, system: str, asked: Mapping[str, object]) -> None:
        self._url = url
        self._model = model
        self._asked = asked
        self._system = [{"role": "system", "content": system}] if system else []
        self._messages: list[dict[str, str]] = []
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget what was said."""
        self._messages = list(self._system)

    def say(self, words: str) -> Iterator[str]:
        """What the model says to this, in parts.

        Errors: FailureError with the server's own reason, or where no such server answers; then it was not
        said.
        """
        messages = [*self._messages, {"role": "user", "content": words}]
        body = {"model": self._model, "messages": messages, "stream": True, **self._asked}
        said: list[str] = []
        for part in self._parts(json.dumps(body).encode()):
            said.append(part)
            yield part
        self._messages = [*messages, {"role": "assistant", "content": "".join(said)}]

    def _parts(self, body: bytes) -> Iterator[str]:
        parts = urlsplit(self._url)
        if parts.scheme not in CONNECTIONS or not parts.hostname:
            raise FailureError(
                f"{self._url!r} is not a server's address: give one like {DEFAULT_URL}", Exit.USAGE
            )
        place = parts.netloc.rpartition("@")[2]
        connection: HTTPConnection = CONNECTIONS[parts.scheme](place, timeout=SILENCE_S)
        try:
            headers = {"Content-Type": "application/json", **login(parts)}
            connection.request("POST", parts.path.rstrip("/") + PATH, body, headers)
            answer = connection.getresponse()
            if answer.status != 200:
                raise FailureError(reason_of(answer.read(), answer.status))
            yield from texts(answer)
        except (OSError, HTTPException) as error:
            why = getattr(error, "strerror", None) or error
            raise FailureError(f"no server answers at {parts.scheme}://{place}{parts.path}: {why}") from error
        finally:
            connection.close()


def texts(answer: HTTPResponse) -> Iterator[str]:
    """The parts of a streamed answer.

    Errors: FailureError for what the server says went wrong.
    """
    for line in answer:
        data = line.strip().removeprefix(DATA)
        if not line.startswith(DATA) or data == DONE:
            continue
        chunk: Any = json.loads(data)
        if "error" in chunk:
            raise FailureError(reason_of(data, answer.status))
        for choice in chunk["choices"]:
            if text := choice["delta"].get("content"):
                yield text


def reason_of(body: bytes, status: int) -> str:
    """The server's own words for a failure."""
    try:
        error = json.loads(body)["error"]
        return str(error["message"] if isinstance(error, dict) else error)
    except (ValueError, KeyError, TypeError):
        return f"the server answers {status}: is that a dragoman server?"


def converse(conversation: Conversation, words: str) -> None:
    """One turn where there are words, else a turn for each line of standard input.

    Errors: FailureError; at a terminal it is shown, and the conversation goes on.
    """
    if words:
        show(conversation, words)
        return
    at_terminal = sys.stdin.isatty()
    while (line := next_line(at_terminal)) is not None:
        if not line:
            conversation.begin_anew()
            continue
        try:
            show(conversation, line)
        except FailureError as error:
            if not at_terminal:
                raise
            print(f"dragoman: {error}", file=sys.stderr)


def next_line(at_terminal: bool) -> str | None:
    """The next turn; None = there is none."""
    if at_terminal:
        print(PROMPT, end="", flush=True)
    line = sys.stdin.readline()
    return line.strip() if line else None


def show(conversation: Conversation, words: str) -> None:
    """Print what the model says, as it comes."""
    for part in conversation.say(words):
        print(part, end="", flush=True)
    print()
