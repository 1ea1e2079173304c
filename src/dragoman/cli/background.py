"""A server that outlives the command that started it, and the command that ends it.

A file in the temporary folder names the process. Its second line is when that began, in the kernel's ticks,
because numbers of processes come again.
"""

import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from dragoman.cli.failure import FailureError
from dragoman.config.dialect import Background

BEGAN: Final = 19  # the column of /proc/PID/stat, behind the command's name, which may itself hold blanks
END_S: Final = 60.0  # for a server to answer what it has begun


def begin(background: Background, arguments: Sequence[str]) -> str:
    """Start a process with this command line, which serves in the foreground; a line that tells of it.

    Errors: FailureError where one runs already, or the file cannot be written.
    """
    file = place(background)
    running = process_of(file)
    if running is not None:
        raise FailureError(f"a server runs already, as process {running} ({file}); --stop ends it")
    # Its own session: a Ctrl-C in the terminal is not meant for it.
    started = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
        [sys.executable, "-P", "-m", "dragoman", *arguments], stdin=subprocess.DEVNULL, start_new_session=True
    )
    try:
        file.write_text(f"{started.pid}\n{began(started.pid)}\n")
    except OSError as error:
        started.terminate()
        raise FailureError(f"{file} cannot be written: {(error.strerror or '').lower()}") from error
    return f"the server starts in the background, as process {started.pid}; --stop ends it"


def end(background: Background) -> str:
    """End the process and wait for its end; a line that tells what came of it.

    Errors: FailureError where it is another user's, or does not end.
    """
    file = place(background)
    running = process_of(file)
    try:
        if running is not None:
            wait_for_end(running)
        file.unlink(missing_ok=True)
    except OSError as error:
        raise FailureError(f"process {running} cannot be ended: {(error.strerror or '').lower()}") from error
    return "no server runs in the background" if running is None else "the server has stopped"


def place(background: Background) -> Path:
    """Where the file lies."""
    return Path(tempfile.gettempdir(), background.pid_file)


def process_of(file: Path) -> int | None:
    """The process that the file names, if it still runs; TorchServe's own files name no time."""
    try:
        pid, *time = map(int, file.read_text("ascii").split())
    except (OSError, ValueError):
        return None
    now = began(pid)
    return pid if now is not None and time == [now] else None


def began(pid: int) -> int | None:
    """When a process began; None where there is none, or it has ended and only waits to be waited for."""
    try:
        state, *columns = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    except (OSError, ValueError):
        return None
    return None if state == "Z" else int(columns[BEGAN - 1])


def wait_for_end(pid: int) -> None:
    """Ask a process to end, and wait until it has.

    Errors: OSError; FailureError.
    """
    with suppress(ProcessLookupError):  # it has just ended
        number = os.pidfd_open(pid)
        try:
            signal.pidfd_send_signal(number, signal.SIGTERM)
            ended = select.poll()
            ended.register(number, select.POLLIN)
            if not ended.poll(END_S * 1000):
                raise FailureError(f"process {pid} still answers what it has begun, and ends then")
        finally:
            os.close(number)
