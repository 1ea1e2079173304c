"""A process that an engine needs beside the server's own, which does not outlive it."""

import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

GUARDIAN: Final = str(Path(__file__).with_name("guardian.py"))
LINES: Final = 200  # of what it says, kept for the log
LINE_CHARS: Final = 1000


class Child:
    """The process, started. What it says is read and its last lines are kept."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._said: deque[str] = deque(maxlen=LINES)
        self._process = subprocess.Popen(  # noqa: S603 (our own interpreter and file; the owner's command)
            [sys.executable, "-I", "-S", GUARDIAN, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=dict(environment),
        )
        self.pid = self._process.pid
        self._reader = threading.Thread(target=self._read, name=f"child-{self.pid}", daemon=True)
        self._reader.start()

    @property
    def last_words(self) -> str:
        """The last lines that it has said."""
        return "\n".join(self._said)

    def ended(self, timeout_s: float | None) -> int | None:
        """Its exit status; None where it still runs after so long. None = wait for its end."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def stop(self, grace_s: float) -> None:
        """End it and all that it has started: by asking, and after so long by force."""
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
        self.ended(grace_s)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)  # what it has started may still be there
        self._process.wait()
        self._reader.join()

    def _read(self) -> None:
        output = self._process.stdout
        if output is None:
            return
        with output:
            while line := output.readline(LINE_CHARS):
                if text := line.decode("utf-8", "replace").rstrip():
                    self._said.append(text)
