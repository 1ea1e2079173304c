"""HTTP/1.1 as a client writes and reads it, without a socket.

The answer of a server is not trusted: what its head and each of its steps may take is bounded, and no memory
is taken for more than the answer's limit. llhttp, which parses it, refuses what could be read in two ways.
"""

from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from dragoman import __version__
from dragoman.client.address import Address
from dragoman.client.credentials import Headers
from dragoman.client.errors import BadAnswer, ConnectionFailed
from dragoman.client.exchange import Answer, Buffer, Request

STEP_BYTES: Final = 64 * 1024  # what is read at once, where no more is known to come
JOINED_BYTES: Final = (
    64 * 1024
)  # bodies up to this size go out with their head, copied; larger ones as they lie
OK: Final = 200
USER_AGENT: Final = f"dragoman/{__version__}"
MAX_OVERHEAD_BYTES: Final = 256 * 1024  # of a head, or between two parts of a body


class RequestHeads:
    """Writes the heads of requests to one server; what all of them have is written once."""

    def __init__(self, address: Address, headers: Headers) -> None:
        defaults = {"user-agent": USER_AGENT, "accept": "*/*"}
        own = {name for name, _ in headers}
        common = [("host", address.authority), *headers]
        common += [(name, value) for name, value in defaults.items() if name not in own]
        self._prefix = address.prefix
        self._common = "".join(f"{name}: {value}\r\n" for name, value in common)

    def message(self, request: Request) -> list[Buffer]:
        """The request, in the pieces in which it is sent."""
        size = sum(map(len, request.body))
        lines = [f"{request.method} {self._prefix}{request.path} HTTP/1.1\r\n", self._common]
        lines += [f"{name}: {value}\r\n" for name, value in request.headers]
        if request.body:
            lines.append(f"content-length: {size}\r\n")
        lines.append("\r\n")
        head = "".join(lines).encode("latin-1")
        if size <= JOINED_BYTES:
            return [b"".join([head, *request.body])]
        return [head, *request.body]


class Incoming:
    """One answer as it comes in. `streamed` = its body is taken part by part if its status is 200.

    A body of known size is read straight into its place: into `room` where there is one, else through `feed`.
    """

    __slots__ = (
        "_at",
        "_keep_alive",
        "_overhead",
        "_parser",
        "_size",
        "_streamed",
        "_unframed",
        "body",
        "complete",
        "failure",
        "head_complete",
        "headers",
        "max_bytes",
        "status",
        "touched",
    )

    def __init__(self, max_bytes: int, *, streamed: bool = False) -> None:
        self.max_bytes = max_bytes
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.touched = False  # whether anything has come
        self.head_complete = False
        self.complete = False
        self.failure: BadAnswer | None = None
        self._streamed = streamed
        self._parser = HttpResponseParser(self)
        self._keep_alive = False
        self._unframed = False  # whether the body ends with the connection
        self._size: int | None = None  # the body's, where it is read into its place
        self._at = 0
        self._overhead = 0

    @property
    def reusable(self) -> bool:
        """Whether the connection can carry another exchange."""
        return self.complete and self._keep_alive

    @property
    def in_parts(self) -> bool:
        """Whether the body is to be taken part by part."""
        return self._streamed and self.status == OK

    @property
    def answer(self) -> Answer:
        """The answer, as far as it has come."""
        return Answer(self.body, self.status, self.headers)

    @property
    def room(self) -> memoryview | None:
        """Where the rest of the body goes, if that is known."""
        if self._size is None or not self.head_complete or self._at >= self._size:
            return None
        return memoryview(self.body)[self._at :]

    def filled(self, size: int) -> None:
        """So many bytes have been put into `room`."""
        self._at += size
        self.complete = self._at == self._size

    def feed(self, data: Buffer) -> None:
        """Take what has come.

        Errors: BadAnswer.
        """
        self.touched = True
        self._overhead += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self.failure = BadAnswer("the server wants to speak another protocol")
        except HttpParserError as error:
            if self.complete:  # more has come than was asked for
                self._keep_alive = False
            elif self.failure is None:
                self.failure = BadAnswer(f"the answer is no HTTP: {error}")
        if self._overhead > MAX_OVERHEAD_BYTES and not self.complete:
            self.failure = self.failure or BadAnswer("the answer's head is too long")
        if self.failure is not None:
            raise self.failure

    def end(self) -> None:
        """The server has closed the connection.

        Errors: ConnectionFailed where the answer is not complete.
        """
        self._keep_alive = False
        if self.complete:
            return
        if not (self.head_complete and self._unframed):
            within = "within its answer" if self.touched else "without an answer"
            raise ConnectionFailed(f"the server closed the connection {within}", sent=True)
        self.complete = True

    def take(self) -> bytes:
        """What has come of the body since the last time."""
        part = bytes(self.body)
        self.body.clear()
        return part

    # What the parser calls. An exception here would reach `feed` as another.

    def on_message_begin(self) -> None:
        """The first byte of an answer."""
        if self.complete:
            self._keep_alive = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, of the head or behind the body."""
        if not self.head_complete:
            self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """The end of a head."""
        if self.complete:
            return
        self.status = self._parser.get_status_code()
        if self.status < 200:
            return
        self.head_complete = True
        if (encoding := self.headers.get("content-encoding", "identity")) != "identity":
            self._refuse(f"the answer is compressed ({encoding[:40]}), which nobody asked for")
        self._keep_alive = self._parser.should_keep_alive()
        size = self.headers.get("content-length")
        self._unframed = size is None and "transfer-encoding" not in self.headers
        if size is None or self.in_parts:
            return
        if int(size) > self.max_bytes:
            self._refuse(self._too_large)
            return
        self._size = int(size)
        self.body = bytearray(self._size)

    def on_body(self, data: bytes) -> None:
        """A part of the body."""
        self._overhead = 0
        if self.failure is not None or self.complete:
            return
        if self._size is not None:
            end = self._at + len(data)
            self.body[self._at : end] = data
            self._at = end
        elif len(self.body) + len(data) > self.max_bytes:
            self._refuse(self._too_large)
        else:
            self.body += data

    def on_message_complete(self) -> None:
        """The end of an answer; of one that only says to go on, another follows."""
        if self.status < 200:
            self.headers.clear()
        else:
            self.complete = True

    @property
    def _too_large(self) -> str:
        return f"the answer has more than {self.max_bytes} bytes (max_answer_bytes)"

    def _refuse(self, why: str) -> None:
        if self.failure is None:
            self.failure = BadAnswer(why)
