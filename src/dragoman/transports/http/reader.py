"""What arrives on one connection, turned into requests. No socket and no clock here.

A head ends at the first empty line. One that has not come whole is kept, and what there is of it parsed, so
that nonsense is refused at once and not when its deadline is over.
"""

from typing import Final

from dragoman.settings.limits import Limits
from dragoman.transports.body import Pieces, SizedBody
from dragoman.transports.http.chunks import ChunkedBody
from dragoman.transports.http.framing import read_head
from dragoman.transports.http.head import CHUNKED, Head, HeadCache
from dragoman.transports.http.parser import HeadParser
from dragoman.transports.http.refusal import Refusal
from dragoman.transports.http.target import split_target
from dragoman.wire.messages import WireRequest

EMPTY_LINE: Final = b"\r\n\r\n"


class RequestReader:
    """Reads one request after the other. `done` = `head` and `body` are a request to be answered now."""

    __slots__ = (
        "_cache", "_limits", "_pieces", "body", "chunks", "done", "head", "long", "parser", "partial",
        "sized",
    )  # fmt: skip

    def __init__(self, limits: Limits, cache: HeadCache, pieces: Pieces) -> None:
        self._limits = limits
        self._cache = cache
        self._pieces = pieces
        self.partial = bytearray()  # a head that has not come whole
        self.chunks: ChunkedBody | None = None  # a body that comes in chunks
        self.parser: HeadParser | None = None  # of the partial head, or of the one that was refused
        self.sized: SizedBody | None = None  # a body that is received in place
        self.head: Head  # of the request that was read, or whose body is under way
        self.body: bytes | bytearray | memoryview = b""
        self.done = False
        self.long = (
            False  # whether the last body was longer than what is received at once: so are most after it
        )

    def read(self, buffer: bytearray, view: memoryview, start: int, end: int) -> int:
        """Take the next bytes, up to the end of one request at most; where the rest begins.

        Errors: Refusal.
        """
        if self.chunks is not None:
            return self._read_chunks(self.chunks, buffer, view, start, end)
        self.done = False
        stop = -1 if self.partial else buffer.find(EMPTY_LINE, start, end)
        if stop < 0:
            start, head = self._read_partial_head(view, start, end)
            if head is None:
                return start
        else:
            stop += 4
            data = bytes(view[start:stop])
            head = self._cache.find(data) or self._parse(data)
            start = stop
        self.head = head
        if head.body_size == 0:
            self.body = b""
            self.done = True
            return start
        return self._begin_body(head.body_size, buffer, view, start, end)

    def unfinished(self, peer: str) -> WireRequest:
        """As much as is known of a request that will not be read to its end."""
        if (parser := self.parser) is not None:
            path, query = split_target(parser.target)
            return WireRequest(parser.method, path, query, parser.headers, b"", peer=peer)
        if self.sized is None and self.chunks is None:
            return WireRequest("", "", "", [], b"", peer=peer)
        head = self.head
        return WireRequest(head.method, head.path, head.query, head.headers, b"", peer=peer)

    def drop(self) -> None:
        """Forget what has arrived of a request."""
        self.partial = bytearray()
        if self.parser is not None:
            self.parser.close()
        self.parser = self.sized = self.chunks = None

    def filled(self, size: int) -> bytearray | None:
        """So many bytes were written into `sized.roomy()`; what of them comes after the body."""
        if (body := self.sized) is not None:
            body.received += size
            if body.done:
                self.sized = None
                self.body = body.data
                self.done = True
                return body.beyond
        return None

    def _parse(self, data: bytes) -> Head:
        self.parser = parser = HeadParser(self._limits)
        self._check_size(data, len(data))
        parser.feed(data)
        return self._finish_head(parser, data)

    def _read_partial_head(self, view: memoryview, start: int, end: int) -> tuple[int, Head | None]:
        partial = self.partial
        known = len(partial)
        partial += view[start:end]
        found = partial.find(EMPTY_LINE, max(0, known - len(EMPTY_LINE) + 1))
        stop = len(partial) if found < 0 else found + len(EMPTY_LINE)
        if self.parser is None:
            self.parser = HeadParser(self._limits)
        parser = self.parser
        self._check_size(partial, stop)
        parser.feed(partial[known:stop])
        if found < 0:
            return end, None
        head = self._finish_head(parser, bytes(partial[:stop]))
        partial.clear()
        return start + stop - known, head

    def _finish_head(self, parser: HeadParser, data: bytes) -> Head:
        parser.check_complete()
        head = read_head(data, parser, self._limits)
        self._cache.add(data, head)
        parser.close()
        self.parser = None
        return head

    def _check_size(self, data: bytes | bytearray, size: int) -> None:
        limit = self._limits.header_bytes
        if size <= limit:
            return
        if data.find(b"\n", 0, limit) < 0:
            raise Refusal(414, f"the target is longer than the limit of {limit} bytes for a head")
        raise Refusal(431, f"the head is larger than the limit of {limit} bytes")

    def _begin_body(self, size: int, buffer: bytearray, view: memoryview, start: int, end: int) -> int:
        if size == CHUNKED:
            self.chunks = ChunkedBody(self._limits)
            return self._read_chunks(self.chunks, buffer, view, start, end)
        stop = start + size
        self.long = stop > len(buffer)
        if stop <= end:
            self.body = bytes(view[start:stop])
            self.done = True
            return stop
        self.sized = SizedBody(size, view[start:end], self._pieces)
        return end

    def _read_chunks(
        self, chunks: ChunkedBody, buffer: bytearray, view: memoryview, start: int, end: int
    ) -> int:
        start = chunks.take(buffer, view, start, end)
        if chunks.done:
            self.chunks = None
            self.body = chunks.data
            self.done = True
        return start
