"""One answer as it comes in, without a socket.

The other server is not trusted: what a head and a body may take is bounded, and llhttp, which parses them,
refuses what could be read in two ways.
"""

from collections.abc import Mapping
from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from msgspec import Struct

MOST_HEAD_BYTES: Final = 64 * 1024


class Answer(Struct, frozen=True):
    """A whole answer; `headers` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class BadAnswerError(Exception):
    """What comes is no answer that can be read; the text says what of it."""


class Incoming:
    """An answer that is read while it comes. `most_bytes` = of the body, however it is taken."""

    __slots__ = (
        "_head_bytes",
        "_keeps",
        "_most_bytes",
        "_parser",
        "_taken",
        "_unframed",
        "body",
        "complete",
        "head_complete",
        "headers",
        "refusal",
        "status",
        "touched",
    )  # fmt: skip

    def __init__(self, most_bytes: int) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.touched = False  # whether anything has come
        self.head_complete = False
        self.complete = False
        self._most_bytes = most_bytes
        self._parser = HttpResponseParser(self)
        self._head_bytes = 0
        self._taken = 0
        self._keeps = False
        self._unframed = False  # whether the body ends with the connection
        self.refusal = ""  # why it is no answer that can be read; empty = so far it is

    @property
    def reusable(self) -> bool:
        """Whether the connection can carry another exchange."""
        return self.complete and self._keeps

    def feed(self, data: bytes) -> None:
        """Take what has come.

        Errors: BadAnswerError.
        """
        self.touched = True
        if not self.head_complete:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self._refuse("it wants to speak another protocol")
        except HttpParserError as error:
            if self.complete:  # more has come than was asked for
                self._keeps = False
            else:
                self._refuse(f"it is no HTTP ({error})")
        if not self.head_complete and self._head_bytes > MOST_HEAD_BYTES:
            self._refuse("its head is too long")
        if self.refusal:
            raise BadAnswerError(self.refusal)

    def end(self) -> bool:
        """The server has closed its side; whether the answer is whole."""
        self._keeps = False
        if not self.complete and self.head_complete and self._unframed:
            self.complete = True
        return self.complete

    def take(self) -> bytes:
        """What has come of the body since the last time."""
        part = bytes(self.body)
        self._taken += len(part)
        self.body.clear()
        return part

    # What the parser calls. An exception here would reach `feed` as another.

    def on_message_begin(self) -> None:
        """The first byte of an answer."""
        if self.complete:
            self._keeps = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, of the head or behind the body."""
        if not self.head_complete:
            self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """The end of a head."""
        status = self._parser.get_status_code()
        if self.complete or status < 200:
            return
        self.status = status
        self.head_complete = True
        self._keeps = self._parser.should_keep_alive()
        if (coding := self.headers.get("content-encoding", "identity")) != "identity":
            self._refuse(f"it is compressed ({coding[:40]}), which nobody asked for")
        size = self.headers.get("content-length")
        self._unframed = size is None and "transfer-encoding" not in self.headers
        if size is not None and int(size) > self._most_bytes:
            self._refuse(self._too_large)

    def on_body(self, data: bytes) -> None:
        """A part of the body."""
        if self.refusal or self.complete:
            return
        if self._taken + len(self.body) + len(data) > self._most_bytes:
            self._refuse(self._too_large)
        else:
            self.body += data

    def on_message_complete(self) -> None:
        """The end of an answer; of one that only says to go on, another follows."""
        if self.head_complete:
            self.complete = not self.refusal
        else:
            self.headers.clear()

    @property
    def _too_large(self) -> str:
        return f"it has more than {self._most_bytes} bytes"

    def _refuse(self, why: str) -> None:
        self.refusal = self.refusal or why
