"""A server as a process of its own, for tests and benchmarks that want the real thing on a real port."""

import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

READY: Final = "listening on http://"
START_S: Final = 60.0  # a cold start on a busy machine; then the process is killed and its log shown
STOP_S: Final = 30.0


class Address(NamedTuple):
    """Where a server listens."""

    host: str
    port: int


class ServerFailedError(Exception):
    """The process did not start, or did not end as it should; the text ends with its log."""


@contextmanager
def serving(arguments: Sequence[str], log: Path) -> Iterator[Address]:
    """The address of a fresh `dragoman serve` with these arguments, on a free port of this machine."""
    command = [sys.executable, "-m", "dragoman", "serve", *arguments, "--host", "127.0.0.1", "--port", "0"]
    with listening(command, log) as address:
        yield address


@contextmanager
def listening(command: Sequence[str], log: Path) -> Iterator[Address]:
    """The address that a command prints once it listens; SIGTERM at the end, which it must answer with 0."""
    with (
        log.open("wb") as stderr,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, text=True
        ) as process,
    ):
        try:
            address = _address(process)
            if address is None:
                raise ServerFailedError(f"{' '.join(command)} did not start:\n{_tail(log)}")
            yield address
        finally:
            code = _stop(process)
        if code != 0:
            raise ServerFailedError(f"{' '.join(command)} ended with {code}:\n{_tail(log)}")


def _address(process: subprocess.Popen[str]) -> Address | None:
    watchdog = threading.Timer(START_S, process.kill)
    watchdog.start()
    try:
        for line in process.stdout or ():
            if line.startswith(READY):
                host, _, port = line.removeprefix(READY).split()[0].rstrip("/").rpartition(":")
                return Address(host, int(port))
    finally:
        watchdog.cancel()
    return None


def _stop(process: subprocess.Popen[str]) -> int:
    process.terminate()
    try:
        return process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _tail(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-4000:]
