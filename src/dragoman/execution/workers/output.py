"""What a worker prints: cut into lines, the lines cut to length and rationed, and sent to the log."""

import os
import threading
from collections.abc import Callable
from time import monotonic
from typing import Final

LINE_BYTES: Final = 4096  # of a longer line the rest is left out
LINES_PER_S: Final = 100.0
BURST_LINES: Final = 1000  # at once, after a silence
READ_BYTES: Final = 1024 * 1024


class Ration:
    """How many lines may be logged now: `LINES_PER_S` in the long run, `BURST_LINES` after a silence."""

    __slots__ = ("_clock", "_filled_at", "_left")

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._left = float(BURST_LINES)
        self._filled_at = clock()

    @property
    def left(self) -> int:
        """The lines that may be logged now."""
        now = self._clock()
        self._left = min(self._left + (now - self._filled_at) * LINES_PER_S, BURST_LINES)
        self._filled_at = now
        return int(self._left)

    def take(self) -> None:
        """One line was logged."""
        self._left -= 1


class OutputLines:
    """Takes bytes and gives lines; those beyond the ration are counted."""

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = monotonic) -> None:
        self._write = write
        self._ration = Ration(clock)
        self._rest = b""  # of the last line, with one byte more than is shown, so that a cut is known
        self._dropped = 0

    def feed(self, data: bytes) -> None:
        """Take what was printed."""
        *lines, rest = (self._rest + data).split(b"\n", self._ration.left)
        for line in lines:
            self._line(line)
        left_out, newline, tail = rest.rpartition(b"\n")
        if newline:
            self._dropped += left_out.count(b"\n") + 1
        self._rest = tail[: LINE_BYTES + 1]

    def end(self) -> None:
        """Nothing more comes."""
        self._note_dropped()
        if self._rest:
            self._write(shown(self._rest))

    def _line(self, line: bytes) -> None:
        self._note_dropped()
        self._ration.take()
        self._write(shown(line))

    def _note_dropped(self) -> None:
        if self._dropped:
            self._write(f"({self._dropped} lines dropped: more than {LINES_PER_S:g} a second)")
            self._dropped = 0


def shown(line: bytes) -> str:
    """A line for the log."""
    cut = line[:LINE_BYTES].decode("utf-8", "replace").rstrip("\r")
    return cut if len(line) <= LINE_BYTES else f"{cut}… (cut)"


def forward(fd: int, lines: OutputLines, name: str) -> threading.Thread:
    """Start a thread that reads a pipe to its end, so that whoever prints never waits, and closes it."""

    def read() -> None:
        with os.fdopen(fd, "rb", buffering=0) as pipe:
            while data := pipe.read(READ_BYTES):
                lines.feed(data)
        lines.end()

    thread = threading.Thread(target=read, name=name, daemon=True)
    thread.start()
    return thread
