"""Requests to another server, and the rules by which it is called."""

from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct

from dragoman import __version__
from dragoman.core.errors import Code, DragomanError
from dragoman.engines.upstream.connection import Buffer
from dragoman.engines.upstream.place import Place

Shown = Callable[[str], tuple[str, str]]  # a key -> the header that shows it
JOINED_BYTES: Final = 64 * 1024  # bodies up to this size go out with their head, copied
COMMON: Final = f"user-agent: dragoman/{__version__}\r\naccept-encoding: identity\r\n"


class UpstreamRules(Struct, frozen=True, kw_only=True):
    """How a server is called. Times in seconds; a stream is waited for part by part."""

    connect_timeout_s: float = 5.0
    timeout_s: float = 60.0  # for a whole answer, or for the head of one that is streamed
    idle_timeout_s: float = 60.0  # between two parts of a stream
    retries: int = 2
    most_answer_bytes: int = 256 * 1024 * 1024
    connections: int = 256  # at once; further calls wait for one
    keep_s: float = 4.0  # uvicorn, for one, closes after 5
    failures: int = 5  # in a row, after which the server is left alone
    open_s: float = 10.0


class Request(Struct, frozen=True):
    """One request; `path` follows the place's prefix. `idempotent` = twice is as good as once."""

    method: str
    path: str
    body: Sequence[Buffer] = ()
    headers: Sequence[tuple[str, str]] = ()
    idempotent: bool = False


def bearer(key: str) -> tuple[str, str]:
    """The header that shows a key, as OpenAI's API has it."""
    return "authorization", f"Bearer {key}"


def message(place: Place, request: Request, key: str, shown: Shown = bearer) -> list[Buffer]:
    """The request, in the pieces in which it is sent.

    Errors: FAILED_PRECONDITION for a key that no header can hold.
    """
    lines = [f"{request.method} {place.prefix}{request.path} HTTP/1.1\r\nhost: {place.authority}\r\n", COMMON]
    if key:
        if not (key.isascii() and key.isprintable()):
            raise DragomanError(Code.FAILED_PRECONDITION, "the key is none that a header can hold")
        lines.append("{}: {}\r\n".format(*shown(key)))
    lines += [f"{name}: {value}\r\n" for name, value in request.headers]
    size = sum(map(len, request.body))
    if request.body or request.method == "POST":
        lines.append(f"content-length: {size}\r\n")
    lines.append("\r\n")
    head = "".join(lines).encode("latin-1")
    if size <= JOINED_BYTES:
        return [b"".join([head, *request.body])]
    return [head, *request.body]
