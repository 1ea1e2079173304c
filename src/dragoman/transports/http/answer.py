"""Answers as bytes."""

from collections.abc import Callable
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from dragoman.wire.messages import Headers, WireResponse

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK: Final = b"0\r\n\r\n"
STATUS_LINES: Final = {
    status.value: b"HTTP/1.1 %d %s\r\n" % (status.value, status.phrase.encode()) for status in HTTPStatus
}
BODILESS: Final = frozenset({204, 304})
CACHED_BEGINNINGS: Final = 256
KNOWN_BYTES: Final = 64
CLOSE: Final = b"Connection: close\r\n"
KEEP_ALIVE: Final = b"Connection: keep-alive\r\n"  # what HTTP/1.0 must be told


class AnswerHeads:
    """Writes heads of answers. How they begin changes once a second: it is kept until then."""

    __slots__ = ("_beginnings", "_wall")

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._beginnings: dict[tuple[int, bytes, bytes, bytes | None], bytes] = {}

    def forget(self) -> None:
        """A second is over."""
        self._beginnings.clear()

    def whole(self, response: WireResponse, connection: bytes) -> bytes:
        """The head of an answer whose body is known. `connection` is the Connection header, or nothing.

        Errors: ValueError for a header or a reason that holds a line break.
        """
        key = response.status, response.content_type, connection, response.reason
        beginning = self._beginnings.get(key)
        if beginning is None:
            beginning = self._begin(response, connection)
        extra = fields(response.headers) if response.headers else b""
        if response.status in BODILESS:
            return b"%b%b\r\n" % (beginning, extra)
        body = response.body
        size = body.nbytes if isinstance(body, memoryview) else len(body)
        return b"%bContent-Length: %d\r\n%b\r\n" % (beginning, size, extra)

    def streamed(self, response: WireResponse, connection: bytes, *, chunked: bool) -> bytes:
        """The head of an answer that comes in parts.

        Errors: ValueError for a header or a reason that holds a line break.
        """
        coding = b"Transfer-Encoding: chunked\r\n" if chunked else b""
        return b"%b%b%b\r\n" % (self._begin(response, connection), fields(response.headers), coding)

    def _begin(self, response: WireResponse, connection: bytes) -> bytes:
        status, content_type = response.status, response.content_type
        line = status_line(status, response.reason)
        date = formatdate(self._wall(), usegmt=True).encode()
        typed = content_type and status not in BODILESS
        kind = field(b"Content-Type", content_type) if typed else b""
        beginning = b"%bDate: %b\r\n%b%b" % (line, date, kind, connection)
        if len(self._beginnings) >= CACHED_BEGINNINGS:
            self._beginnings.clear()
        self._beginnings[status, content_type, connection, response.reason] = beginning
        return beginning


def status_line(status: int, reason: bytes | None) -> bytes:
    """The first line of an answer; `reason` None = the usual phrase.

    Errors: ValueError for a reason that would be more than one line.
    """
    if reason is None:
        return STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status
    if breaks_line(reason):
        raise ValueError("the reason of an answer holds a line break")
    return b"HTTP/1.1 %d %b\r\n" % (status, reason)


def fields(headers: Headers) -> bytes:
    """Header lines."""
    return b"".join([
        known_field(name, value) if len(value) <= KNOWN_BYTES else field(name, value)
        for name, value in headers
    ])  # fmt: skip


def field(name: bytes, value: bytes) -> bytes:
    """One header line.

    Errors: ValueError where it would be more than one.
    """
    line = b"%b: %b" % (name, value)
    if breaks_line(line):
        raise ValueError(f"header {name!r} of an answer holds a line break")
    return line + b"\r\n"


known_field = lru_cache(1024)(field)  # short ones, which are much the same in every answer


def breaks_line(text: bytes) -> bool:
    """Whether a reader could take this for more than one line."""
    return b"\r" in text or b"\n" in text or b"\0" in text


def chunk(data: bytes) -> bytes:
    """One part of a chunked answer; nothing for no data, which would end it."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
