"""What arrives on one connection, turned into requests. No socket and no clock here.

A head ends at the first empty line. One that has not come whole is kept, and what there is of it parsed, so
that nonsense is refused at once and not when its deadline is over.
"""

from typing import Final

from dragoman.settings.limits import Limits
from dragoman.transports.http.body import SizedBody
from dragoman.transports.http.chunks import ChunkedBody
from dragoman.transports.http.framing import CHUNKED, body_size, check_head, expects_continue, single_fields
from dragoman.transports.http.head import Head
from dragoman.transports.http.refusal import Refusal

EMPTY_LINE: Final = b"\r\n\r\n"


class RequestReader:
    """Reads one request after the other. `done` = `head` and `body` are a request to be answered now."""

    __slots__ = ("_chunks", "_limits", "_partial", "body", "done", "head", "sized", "wants_continue")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._partial = bytearray()  # a head that has not come whole
        self._chunks: ChunkedBody | None = None
        self.sized: SizedBody | None = None  # a body that is received in place
        self.head = Head()
        self.body: bytes | bytearray = b""
        self.done = False
        self.wants_continue = False

    @property
    def in_head(self) -> bool:
        """Whether a head has begun and not ended."""
        return bool(self._partial)

    @property
    def incoming(self) -> SizedBody | ChunkedBody | None:
        """The body that is under way."""
        return self.sized or self._chunks

    def close(self) -> None:
        """Nothing more will be read."""
        self.head.close()
        self._partial.clear()
        self._chunks = self.sized = None

    def read(self, buffer: bytearray, view: memoryview, start: int, end: int) -> int:
        """Take the next bytes, up to the end of one request at most; where the rest begins.

        Errors: Refusal.
        """
        if self._chunks is not None:
            start = self._chunks.take(buffer, view, start, end)
            if self._chunks.done:
                self._finish(self._chunks.data)
            return start
        if self.done:
            self.head.reset()
            self.done = False
        start = self._read_head(buffer, view, start, end)
        if self.head.complete:
            return self._begin_body(buffer, view, start, end)
        return start

    def filled(self, size: int) -> None:
        """So many bytes were written into `sized.space()`."""
        if (body := self.sized) is not None:
            body.received += size
            if body.done:
                self._finish(body.data)

    def _read_head(self, buffer: bytearray, view: memoryview, start: int, end: int) -> int:
        stop = -1 if self._partial else buffer.find(EMPTY_LINE, start, end)
        if stop < 0:
            return self._read_partial_head(view, start, end)
        stop += len(EMPTY_LINE)
        if stop - start > self._limits.header_bytes:
            raise self._head_too_large(view[start:stop].tobytes())
        self.head.feed(view[start:stop])
        self._check_ended()
        return stop

    def _read_partial_head(self, view: memoryview, start: int, end: int) -> int:
        head = self._partial
        known = len(head)
        head += view[start:end]
        found = head.find(EMPTY_LINE, max(0, known - len(EMPTY_LINE) + 1))
        stop = len(head) if found < 0 else found + len(EMPTY_LINE)
        if stop > self._limits.header_bytes:
            raise self._head_too_large(head)
        self.head.feed(head[known:stop])
        if found < 0:
            self._check_count()
            return end
        self._check_ended()
        head.clear()
        return start + stop - known

    def _check_ended(self) -> None:
        if not self.head.complete:  # llhttp skips empty lines before a request; one of them is enough
            raise Refusal(400, "malformed request: empty lines before it")
        self._check_count()

    def _check_count(self) -> None:
        if len(self.head.headers) > self._limits.header_count:
            raise Refusal(431, f"more headers than the limit of {self._limits.header_count}")

    def _head_too_large(self, head: bytes | bytearray) -> Refusal:
        limit = self._limits.header_bytes
        if head.find(b"\n", 0, limit) < 0:
            return Refusal(414, f"the target is longer than the limit of {limit} bytes for a head")
        return Refusal(431, f"the head is larger than the limit of {limit} bytes")

    def _begin_body(self, buffer: bytearray, view: memoryview, start: int, end: int) -> int:
        head = self.head
        fields = single_fields(head)
        check_head(head, fields)
        waiting = expects_continue(head, fields)
        size = body_size(head, fields, self._limits)
        if size == 0:
            self.body = b""
            self.done = True
            return start
        head.has_body = True
        if size == CHUNKED:
            self._chunks = ChunkedBody(self._limits)
            self.wants_continue = waiting and start == end
            return self.read(buffer, view, start, end)
        stop = start + size
        if stop <= end:
            self._finish(bytes(view[start:stop]))
            return stop
        self.sized = SizedBody(size, view[start:end])
        self.wants_continue = waiting and start == end
        return end

    def _finish(self, body: bytes | bytearray) -> None:
        self.body = body
        self.sized = self._chunks = None
        self.wants_continue = False
        self.done = True
