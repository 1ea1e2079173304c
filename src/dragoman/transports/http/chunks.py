"""Bodies in the chunked transfer coding.

    chunk-size [; extensions] CRLF  data CRLF  ...  0 CRLF  [trailer CRLF ...]  CRLF

Every line ends in CRLF, a size is hexadecimal digits and nothing else, and both extensions and trailers are
read, bounded and dropped.
"""

import re
from collections.abc import Callable
from typing import Final

from dragoman.settings.limits import Limits
from dragoman.transports.http.framing import too_large
from dragoman.transports.http.refusal import Refusal

SIZE_LINE: Final = re.compile(rb"([0-9A-Fa-f]{1,16})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?\r\n")
SIZE_LINE_SO_FAR: Final = re.compile(rb"(?:[0-9A-Fa-f]{1,16}[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?)?\r?")
TRAILER_LINE: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n")
LINE_BYTES: Final = 4096  # of one chunk-size line with its extensions
EXTENSION_BYTES: Final = 16 * 1024  # of one body's; Go: 16 KiB beyond what the data excuses
CRLF: Final = b"\r\n"


class ChunkedBody:
    """A chunked body on its way in. `data` is what it holds, `done` says whether all of it is here."""

    __slots__ = (
        "_extensions", "_left", "_limits", "_line", "_step", "_trailer_bytes", "_trailers", "data", "done",
    )  # fmt: skip

    def __init__(self, limits: Limits) -> None:
        self.data = bytearray()
        self.done = False
        self._limits = limits
        self._line = bytearray()  # the part of a line that has arrived
        self._left = 0  # bytes of the present chunk that have not
        self._extensions = self._trailers = self._trailer_bytes = 0
        self._step: Callable[[memoryview, bytearray, int, int], int] = self._size

    @property
    def received(self) -> int:
        """How many bytes of content are here."""
        return len(self.data)

    def take(self, buffer: bytearray, view: memoryview, start: int, end: int) -> int:
        """Take from `buffer` what belongs to the body; where that ends.

        Errors: Refusal 400, 413, 431.
        """
        while start < end and not self.done:
            start = self._step(view, buffer, start, end)
        return start

    def _read_line(self, view: memoryview, buffer: bytearray, start: int, end: int, limit: int) -> int:
        """Add to the line; where it ends, or `end` where it does not."""
        stop = buffer.find(b"\n", start, end)
        stop = end if stop < 0 else stop + 1
        if len(self._line) + stop - start > limit:
            raise Refusal(400, "malformed chunked body: a line is too long")
        self._line += view[start:stop]
        return stop

    def _size(self, view: memoryview, buffer: bytearray, start: int, end: int) -> int:
        start = self._read_line(view, buffer, start, end, LINE_BYTES)
        if self._line.endswith(b"\n"):
            found = SIZE_LINE.fullmatch(self._line)
            if found is None:
                raise Refusal(400, "malformed chunked body: a chunk size is none")
            digits = found[1]
            self._extensions += len(self._line) - len(digits) - len(CRLF)
            if self._extensions > EXTENSION_BYTES:
                raise Refusal(400, "malformed chunked body: too many chunk extensions")
            self._left = int(digits, 16)
            if len(self.data) + self._left > self._limits.body_bytes:
                raise too_large(self._limits)
            self._line.clear()
            self._step = self._content if self._left else self._trailer
        elif SIZE_LINE_SO_FAR.fullmatch(self._line) is None:
            raise Refusal(400, "malformed chunked body: a chunk size is none")
        return start

    def _content(self, view: memoryview, buffer: bytearray, start: int, end: int) -> int:
        del buffer
        stop = min(end, start + self._left)
        self.data += view[start:stop]
        self._left -= stop - start
        if not self._left:
            self._step = self._after_content
        return stop

    def _after_content(self, view: memoryview, buffer: bytearray, start: int, end: int) -> int:
        del buffer
        stop = min(end, start + len(CRLF) - len(self._line))
        self._line += view[start:stop]
        if not CRLF.startswith(self._line):
            raise Refusal(400, "malformed chunked body: a chunk is longer than its size")
        if len(self._line) == len(CRLF):
            self._line.clear()
            self._step = self._size
        return stop

    def _trailer(self, view: memoryview, buffer: bytearray, start: int, end: int) -> int:
        start = self._read_line(view, buffer, start, end, self._limits.header_bytes)
        if self._line.endswith(b"\n"):
            if self._line == CRLF:
                self.done = True
            else:
                self._count_trailer()
            self._line.clear()
        return start

    def _count_trailer(self) -> None:
        self._trailers += 1
        self._trailer_bytes += len(self._line)
        if self._trailers > self._limits.header_count or self._trailer_bytes > self._limits.header_bytes:
            raise Refusal(431, "the trailers of the body are too many or too large")
        if TRAILER_LINE.fullmatch(self._line) is None:
            raise Refusal(400, "malformed chunked body: a trailer is none")
