"""TorchServe's logs of metrics: the event loop puts lines down, and a thread writes them."""

import os
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import pairwise
from typing import Final, TextIO

import structlog

PAUSE_S: Final = 0.5
MOST_LINES: Final = 100_000  # that wait to be written; the oldest go first
FILE_BYTES: Final = 100 << 20
OLD_FILES: Final = 5


class LogFile:
    """A file that is put aside when it is large. Errors: OSError."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._stream = self._open()

    def write(self, lines: Sequence[str]) -> None:
        """Add these lines."""
        if self._stream.tell() >= FILE_BYTES:
            self._stream.close()
            self._put_aside()
            self._stream = self._open()
        self._stream.write("".join(f"{line}\n" for line in lines))
        self._stream.flush()

    def close(self) -> None:
        """Write no more; what could not be written is lost."""
        with suppress(OSError):
            self._stream.close()

    def _open(self) -> TextIO:
        return open(self._path, "a", encoding="utf-8", errors="replace")

    def _put_aside(self) -> None:
        names = [self._path, *(f"{self._path}.{number}" for number in range(1, OLD_FILES + 1))]
        for older, newer in pairwise(reversed(names)):  # the oldest gives way
            if os.path.exists(newer):
                os.replace(newer, older)


class MetricsLog:
    """Files of one folder, by their names; a folder that cannot be written is told of once."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._lines: deque[tuple[str, float, str]] = deque(maxlen=MOST_LINES)
        self._files: dict[str, LogFile] = {}
        self._ending = threading.Event()
        self._log = structlog.get_logger("dragoman.metrics")
        self._broken = False
        self._thread = threading.Thread(target=self._run, name="metrics-log", daemon=True)
        self._thread.start()

    def write(self, file: str, at_s: float, line: str) -> None:
        """Put down a line."""
        self._lines.append((file, at_s, line))

    def close(self) -> None:
        """Write what is left; it blocks."""
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        ending = False
        while not ending:
            ending = self._ending.wait(PAUSE_S)
            if not self._broken:
                try:
                    self._flush()
                except OSError as error:
                    self._broken = True
                    self._log.warning("metrics are not written", folder=self._folder, error=str(error))
        for opened in self._files.values():
            opened.close()

    def _flush(self) -> None:
        """Write what waits, each file's lines at once: a line by itself would cost more than making it."""
        found: dict[str, list[str]] = {}
        for _ in range(len(self._lines)):
            file, at_s, line = self._lines.popleft()
            found.setdefault(file, []).append(f"{stamp(at_s)} - {line}")
        for file, lines in found.items():
            self._opened(file).write(lines)

    def _opened(self, file: str) -> LogFile:
        """A file, which may be there from before."""
        if file not in self._files:
            os.makedirs(self._folder, exist_ok=True)
            self._files[file] = LogFile(os.path.join(self._folder, file))
        return self._files[file]


def stamp(at_s: float) -> str:
    """The time as TorchServe's logs have it."""
    return f"{second(int(at_s))},{int(at_s * 1000) % 1000:03d}"


@lru_cache(maxsize=8)
def second(at_s: int) -> str:
    """The same without what is below a second."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(at_s))
