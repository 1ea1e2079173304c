"""Heads, parsed by llhttp.

llhttp is strict here: it refuses bare LF, folded headers, a space before a colon, control codes, two
Content-Lengths, and Content-Length beside Transfer-Encoding. It is fed heads only; how long a body is follows
from `framing`, and `body` and `chunks` take it. So where one request ends and the next begins is decided in
one place, and what follows an upgrade that is not served is read as plain HTTP/1.1.
"""

import contextlib
from typing import Final

import httptools

from dragoman.settings.limits import Limits
from dragoman.transports.http.refusal import Refusal
from dragoman.wire.messages import Headers

VERSIONS: Final = frozenset({"1.0", "1.1"})
VERSIONS_SPOKEN: Final = "only HTTP/1.0 and HTTP/1.1 are spoken here"


class HeadParser:
    """Takes one head, whole or in pieces; `complete` once the empty line was read."""

    __slots__ = ("_limits", "_llhttp", "complete", "headers", "keep_alive", "method", "target", "version")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.complete = False
        self.method = ""
        self.target = b""
        self.headers: Headers = []
        self._llhttp = httptools.HttpRequestParser(self)

    def feed(self, data: bytes | bytearray) -> None:
        """Parse the next piece of a head, up to its end at most.

        Errors: Refusal 400, 431, 501, 505.
        """
        try:
            with contextlib.suppress(httptools.HttpParserUpgrade):
                self._llhttp.feed_data(data)
        except httptools.HttpParserError as error:
            raise self._refusal(error) from None
        if len(self.headers) > self._limits.header_count:
            raise Refusal(431, f"more headers than the limit of {self._limits.header_count}")

    def close(self) -> None:
        """Part from llhttp, which refers back here; nothing may be fed after that."""
        del self._llhttp

    def check_complete(self) -> None:
        """Refuse a head whose empty line was fed, and yet is not over.

        Errors: Refusal 400, 505.
        """
        if self.complete:
            return
        if self.target:  # `PRI * HTTP/2.0`, of which llhttp expects more
            raise Refusal(505, VERSIONS_SPOKEN)
        # llhttp skips empty lines before a request; one of them is enough
        raise Refusal(400, "malformed request: empty lines before it")

    def on_url(self, part: bytes) -> None:
        """Take a piece of the target."""
        self.target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header. llhttp leaves the white space after the value, which is none of it."""
        self.headers.append((name, value.rstrip()))

    def on_headers_complete(self) -> None:
        """Take what llhttp forgets as soon as the request is over."""
        self.complete = True
        self.keep_alive = self._llhttp.should_keep_alive()
        self.version = self._llhttp.get_http_version()
        self.method = self._llhttp.get_method().decode("ascii")

    def _refusal(self, error: httptools.HttpParserError) -> Refusal:
        if self.complete:  # what llhttp finds wrong after the last header is the coding
            return Refusal(501, "the only transfer coding taken is chunked")
        version = self._llhttp.get_http_version()
        if version not in VERSIONS and version != "0.0":
            return Refusal(505, VERSIONS_SPOKEN)
        return Refusal(400, f"malformed request: {error}")
