"""TorchServe's logs of metrics: the event loop puts lines down, and a thread writes them."""

import os
import threading
import time
from collections import deque
from logging import LogRecord
from logging.handlers import RotatingFileHandler
from typing import Final

import structlog

PAUSE_S: Final = 0.5
MOST_LINES: Final = 100_000  # that wait to be written; the oldest go first
FILE_BYTES: Final = 100 << 20
OLD_FILES: Final = 5


class MetricsLog:
    """Files of one folder, by their names; a folder that cannot be written is told of once."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._lines: deque[tuple[str, float, str]] = deque(maxlen=MOST_LINES)
        self._files: dict[str, RotatingFileHandler] = {}
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
        for handler in self._files.values():
            handler.close()

    def _flush(self) -> None:
        while self._lines:
            file, at_s, line = self._lines.popleft()
            handler = self._files.get(file)
            if handler is None:
                os.makedirs(self._folder, exist_ok=True)
                path = os.path.join(self._folder, file)
                handler = self._files[file] = RotatingFileHandler(
                    path, maxBytes=FILE_BYTES, backupCount=OLD_FILES, encoding="utf-8"
                )
            handler.emit(LogRecord(file, 0, "", 0, f"{stamp(at_s)} - {line}", None, None))


def stamp(at_s: float) -> str:
    """The time as TorchServe's logs have it."""
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.localtime(at_s))},{int(at_s * 1000) % 1000:03d}"
