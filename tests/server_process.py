"""A server as a process of its own, for tests and benchmarks that want the real thing on a real port."""

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

READY: Final = "listening on "
START_S: Final = 60.0  # a cold start on a busy machine; then the process is killed and its log shown
STOP_S: Final = 30.0


class Address(NamedTuple):
    """Where a server listens."""

    host: str
    port: int


class Addresses(NamedTuple):
    """Where one server listens for each of its transports; `others` = its further HTTP addresses.

    `folder` = the one that it runs in, where that is its own; `other_grpc` = its further ones of gRPC.
    """

    http: Address
    grpc: Address
    others: tuple[Address, ...] = ()
    folder: Path | None = None
    other_grpc: tuple[Address, ...] = ()


class ServerFailedError(Exception):
    """The process did not start, or did not end as it should; the text ends with its log."""


@contextmanager
def serving(
    arguments: Sequence[str], log: Path, http: int = 1, folder: Path | None = None, grpc: int = 1
) -> Iterator[Addresses]:
    """The addresses of a fresh `dragoman serve` with these arguments, on free ports of this machine.

    `http` and `grpc` = how many addresses of each it has; `folder` = the one that it runs in, None = this
    process's.
    """
    command = [sys.executable, "-m", "dragoman", "serve", "--host", "127.0.0.1", "--port", "0", *arguments]
    with printing(command, log, [*["http"] * http, *["grpc"] * grpc], folder) as found:
        first, *others = [address for transport, address in found if transport == "http"]
        called, *other_grpc = [address for transport, address in found if transport == "grpc"]
        yield Addresses(first, called, tuple(others), folder, tuple(other_grpc))


@contextmanager
def listening(command: Sequence[str], log: Path) -> Iterator[Address]:
    """The HTTP address that a command prints once it listens."""
    with started(command, log, ("http",)) as found:
        yield found["http"]


@contextmanager
def serving_listeners(
    arguments: Sequence[str], log: Path, transports: Sequence[str]
) -> Iterator[list[Address]]:
    """The addresses of a fresh `dragoman serve` with several listeners, in the order of its settings."""
    command = [sys.executable, "-m", "dragoman", "serve", *arguments]
    with printing(command, log, transports) as found:
        yield [address for _, address in found]


@contextmanager
def started(
    command: Sequence[str], log: Path, transports: Sequence[str], start_s: float = START_S
) -> Iterator[Mapping[str, Address]]:
    """The addresses that a command prints, by transport, as `printing`."""
    with printing(command, log, transports, start_s=start_s) as found:
        yield dict(found)


@contextmanager
def printing(
    command: Sequence[str],
    log: Path,
    transports: Sequence[str],
    folder: Path | None = None,
    start_s: float = START_S,
) -> Iterator[list[tuple[str, Address]]]:
    """What a command prints of its listeners: transport and address, once there are these or more.

    SIGTERM at the end, which it must answer with 0.
    """
    with (
        log.open("wb") as stderr,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, text=True, cwd=folder
        ) as process,
    ):
        try:
            found = _addresses(process, Counter(transports), start_s)
            if found is None:
                raise ServerFailedError(f"{' '.join(command)} did not start:\n{_tail(log)}")
            yield found
        finally:
            code = _stop(process)
        if code != 0:
            raise ServerFailedError(f"{' '.join(command)} ended with {code}:\n{_tail(log)}")


def _addresses(
    process: subprocess.Popen[str], transports: Counter[str], start_s: float
) -> list[tuple[str, Address]] | None:
    found: list[tuple[str, Address]] = []
    watchdog = threading.Timer(start_s, process.kill)
    watchdog.start()
    try:
        for line in process.stdout or ():
            if line.startswith(READY):
                transport, _, where = line.removeprefix(READY).split()[0].partition("://")
                host, _, port = where.rstrip("/").rpartition(":")
                found.append((transport, Address(host, int(port))))
            if transports <= Counter(transport for transport, _ in found):
                return found
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
