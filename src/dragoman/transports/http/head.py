"""The head of a request: request line and headers, parsed by llhttp.

llhttp is strict here: it refuses bare LF, folded headers, a space before a colon, control codes, two
Content-Lengths, and Content-Length beside Transfer-Encoding. It is fed heads only; how long a body is follows
from `framing`, and `body` takes it. So where one request ends and the next begins is decided in one place.
"""

from typing import Final

import httptools

from dragoman.transports.http.refusal import Refusal
from dragoman.wire.messages import Headers

METHODS: Final = {
    name.encode(): name for name in ("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE")
}
VERSIONS: Final = frozenset({"1.0", "1.1"})


class Head:
    """What llhttp found; `complete` once the empty line was read. `has_body` is for the reader to say."""

    __slots__ = ("_llhttp", "complete", "has_body", "headers", "keep_alive", "method", "target", "version")

    def __init__(self) -> None:
        self.has_body = True
        self.reset()

    def reset(self) -> None:
        """Make ready for the next head."""
        if self.has_body:  # the parser still waits for that body: a fresh one costs less than feeding it
            self._llhttp = httptools.HttpRequestParser(self)
            self.has_body = False
        self.complete = False
        self.target = b""
        self.headers: Headers = []

    def close(self) -> None:
        """Part from the parser, which refers back here; nothing may be fed after that."""
        del self._llhttp

    def feed(self, data: memoryview | bytearray) -> None:
        """Parse the next piece of a head, up to its end at most.

        Errors: Refusal.
        """
        try:
            self._llhttp.feed_data(data)
        except httptools.HttpParserUpgrade:
            # Answered as plain HTTP/1.1; the parser would take what follows for another protocol.
            self._llhttp = httptools.HttpRequestParser(self)
        except httptools.HttpParserError as error:
            raise self._refusal(error) from None

    def on_url(self, part: bytes) -> None:
        """Take a piece of the target."""
        self.target = self.target + part if self.target else part

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header. llhttp leaves the white space after the value, which is none of it."""
        self.headers.append((name, value.rstrip()))

    def on_headers_complete(self) -> None:
        """Take what llhttp forgets as soon as the request is over."""
        parser = self._llhttp
        self.complete = True
        self.keep_alive = parser.should_keep_alive()
        self.version = parser.get_http_version()
        method = parser.get_method()
        self.method = METHODS.get(method) or method.decode("ascii")

    def _refusal(self, error: httptools.HttpParserError) -> Refusal:
        version = self._llhttp.get_http_version()
        if self.target and version not in VERSIONS and version != "0.0":
            return Refusal(505, "only HTTP/1.0 and HTTP/1.1 are spoken here")
        if any(name.lower() == b"transfer-encoding" for name, _ in self.headers) and self.complete:
            return Refusal(501, "the only transfer coding taken is chunked")
        return Refusal(400, f"malformed request: {error}")
