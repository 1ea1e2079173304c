"""Answers as bytes."""

from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus
from typing import Final

from dragoman.wire.messages import Headers, WireResponse

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK: Final = b"0\r\n\r\n"
STATUS_LINES: Final = {
    status.value: b"HTTP/1.1 %d %s\r\n" % (status.value, status.phrase.encode()) for status in HTTPStatus
}
BODILESS: Final = frozenset({204, 304})
CACHED_PREFIXES: Final = 256
CLOSE: Final = b"Connection: close\r\n"
KEEP_ALIVE: Final = b"Connection: keep-alive\r\n"  # what HTTP/1.0 must be told


class AnswerHeads:
    """Writes heads of answers. The part up to the length changes once a second: it is kept until then."""

    __slots__ = ("_prefixes", "_wall")

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._prefixes: dict[tuple[int, bytes], bytes] = {}

    def forget(self) -> None:
        """A second is over."""
        self._prefixes.clear()

    def prefix(self, status: int, content_type: bytes) -> bytes:
        """Status line, Date and Content-Type.

        Errors: ValueError for a line break in the type.
        """
        found = self._prefixes.get((status, content_type))
        if found is None:
            line = STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status
            date = formatdate(self._wall(), usegmt=True).encode()
            found = b"%sDate: %s\r\n" % (line, date)
            if status not in BODILESS:
                found += field(b"Content-Type", content_type)
            if len(self._prefixes) >= CACHED_PREFIXES:
                self._prefixes.clear()
            self._prefixes[status, content_type] = found
        return found

    def whole(self, response: WireResponse, connection: bytes) -> bytes:
        """The head of an answer whose body is known. `connection` is the Connection header, or nothing.

        Errors: ValueError for a header that holds a line break.
        """
        prefix = self.prefix(response.status, response.content_type)
        extra = fields(response.headers) if response.headers else b""
        if response.status in BODILESS:
            return b"%b%b%b\r\n" % (prefix, connection, extra)
        body = response.body
        size = body.nbytes if isinstance(body, memoryview) else len(body)
        return b"%b%b%bContent-Length: %d\r\n\r\n" % (prefix, connection, extra, size)

    def streamed(self, response: WireResponse, connection: bytes, *, chunked: bool) -> bytes:
        """The head of an answer that comes in parts.

        Errors: ValueError for a header that holds a line break.
        """
        coding = b"Transfer-Encoding: chunked\r\n" if chunked else b""
        prefix = self.prefix(response.status, response.content_type)
        return b"%b%b%b%b\r\n" % (prefix, connection, fields(response.headers), coding)


def fields(headers: Headers) -> bytes:
    """Header lines."""
    return b"".join(field(name, value) for name, value in headers)


def field(name: bytes, value: bytes) -> bytes:
    """One header line.

    Errors: ValueError where it would be more than one.
    """
    line = b"%b: %b" % (name, value)
    if b"\r" in line or b"\n" in line or b"\0" in line:
        raise ValueError(f"header {name!r} of an answer holds a line break")
    return line + b"\r\n"


def chunk(data: bytes) -> bytes:
    """One part of a chunked answer; nothing for no data, which would end it."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
