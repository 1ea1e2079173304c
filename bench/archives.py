"""Model archives with handlers: in this server and in TorchServe, which takes the same ones.

What is measured: the rate of a handler that echoes, in one worker, and what many such models cost.
"""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final, NamedTuple
from urllib.request import Request, urlopen

from bench import wrk
from bench.forms import Form
from bench.load import SERVER_CORE, Load, LoadFailedError, pinned
from bench.workloads import Workload
from tests.clients.torchserve_guide import archive
from tests.server_process import Address, started

SERVERS: Final = ("dragoman", "torchserve")
ECHO: Final = """
def handle(data, context):
    return None if data is None else [row["body"] for row in data]
"""
BODY: Final = b"x" * 100
CONNECTIONS: Final = (
    32  # twice as many requests, those of the load before it among them, fit both's lines of 100
)
MANY: Final = 25
START_S: Final = 300.0  # for that many of TorchServe's workers to import torch on a busy machine
WARM_UP: Final = 5  # times as long as other servers: Java compiles what it runs often
BYTES: Final = {"Content-Type": "application/octet-stream"}
PREDICTIONS: Final = Form("TorchServe", "http", "/predictions/{model}", lambda _: BODY, lambda _: BYTES)
ECHOES: Final = tuple(
    Workload(PREDICTIONS, "a handler that echoes 100 bytes", "echo", (1,), connections)
    for connections in (CONNECTIONS, 1)
)


class Cost(NamedTuple):
    """What many models cost: seconds until each has answered, and bytes of memory in proportion (PSS)."""

    start_s: float
    memory: float


class EchoLoad(NamedTuple):
    """What an echo came to: what the load generator saw, and CPU of all the server's processes a request."""

    load: Load
    cpu_s: float


class Beside(NamedTuple):
    """One round. Loads are in the order of ECHOES."""

    loads: Mapping[str, Sequence[EchoLoad]]
    costs: Mapping[str, Cost]


class EchoFigures(NamedTuple):
    """The same requests to both, medians over the rounds. Ratios are those in a round: of rates, of CPU."""

    workload: Workload
    server: EchoLoad
    torchserve: EchoLoad
    ratio: float
    cpu_ratio: float


class ArchiveFigures(NamedTuple):
    """All that was measured, medians over the rounds."""

    echoes: Sequence[EchoFigures]
    costs: Mapping[str, Cost]


def measure(warm_s: int, load_s: int, scratch: Path) -> Beside:
    """One round, the two in turn, each in fresh processes."""
    one, many = scratch / "one", scratch / "many"  # the same archives in each round
    for store, names in ((one, ["echo"]), (many, [f"echo{number}" for number in range(MANY)])):
        for name in names:
            archive(store, name, {"handler.py": ECHO})
    return Beside(
        {
            server: loads(pinned(SERVER_CORE, command(server, one)), warm_s, load_s, scratch)
            for server in SERVERS
        },
        {server: cost(command(server, many), scratch) for server in SERVERS},
    )


def command(server: str, store: Path) -> Sequence[str]:
    """What serves every archive of a store."""
    if server == "torchserve":
        return [sys.executable, "-m", "bench.beside.launch_torchserve", str(store)]
    serve = [sys.executable, "-m", "dragoman", "serve", str(store), "--trust-code", "--host", "127.0.0.1"]
    return [*serve, "--port", "0", "--grpc-port", "0"]


def loads(command: Sequence[str], warm_s: int, load_s: int, scratch: Path) -> Sequence[EchoLoad]:
    """One fresh server, asked for each of the echoes in turn."""
    with started(command, scratch / "server.log", ("http", "grpc")) as addresses:
        address = addresses["http"]
        wrk.load(address, ECHOES[0], WARM_UP * warm_s, scratch)
        return [under_load(address, echo, load_s, scratch) for echo in ECHOES]


def under_load(address: Address, echo: Workload, load_s: int, scratch: Path) -> EchoLoad:
    """One echo."""
    since_s = cpu_s()
    load = wrk.load(address, echo, load_s, scratch)
    return EchoLoad(load, (cpu_s() - since_s) / (load.requests_per_s * load_s))


def cost(command: Sequence[str], scratch: Path) -> Cost:
    """What one fresh server of many models costs, on all cores."""
    since_s = perf_counter()
    with started(command, scratch / "server.log", ("http", "grpc"), START_S) as addresses:
        with ThreadPoolExecutor(MANY) as pool:
            list(pool.map(lambda number: ask(addresses["http"], f"echo{number}"), range(MANY)))
        start_s = perf_counter() - since_s
        return Cost(start_s, sum(proportional_memory(process) for process in served_by(os.getpid())))


def ask(address: Address, model: str) -> None:
    """Have a model answer once.

    Errors: LoadFailedError for another answer than the echo.
    """
    url = f"http://{address.host}:{address.port}/predictions/{model}"
    with urlopen(Request(url, BODY, BYTES), timeout=60.0) as answer:
        if answer.read() != BODY:
            raise LoadFailedError(f"{model} is no echo")


def served_by(parent: int) -> Iterator[int]:
    """The processes that this one has started, and theirs; but not what launches another server."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        children.setdefault(int(fields[1]), []).append(int(path.parent.name))
    todo = children.get(parent, [])
    while todo:
        process = todo.pop()
        todo += children.get(process, [])
        if b"bench.beside" not in Path(f"/proc/{process}/cmdline").read_bytes():
            yield process


def cpu_s() -> float:
    """The CPU time that these have had, of each thread that there is."""
    ns = 0
    for process in served_by(os.getpid()):
        for path in Path(f"/proc/{process}/task").glob("*/schedstat"):
            with suppress(OSError):  # it has ended
                ns += int(path.read_text(encoding="utf-8").split()[0])
    return ns / 1e9


def proportional_memory(process: int) -> int:
    """Its memory in bytes, of what it shares its share."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def summary(rounds: Sequence[Beside]) -> ArchiveFigures | None:
    """Medians over the rounds; nothing of none."""
    if not rounds:
        return None
    return ArchiveFigures(
        [echo_summary(number, [one.loads for one in rounds]) for number in range(len(ECHOES))],
        {
            server: Cost(
                *(median(values) for values in zip(*(one.costs[server] for one in rounds), strict=True))
            )
            for server in SERVERS
        },
    )


def echo_summary(number: int, rounds: Sequence[Mapping[str, Sequence[EchoLoad]]]) -> EchoFigures:
    """Medians over the rounds of one of ECHOES."""
    ours, theirs = ([one[server][number] for one in rounds] for server in SERVERS)
    pairs = list(zip(ours, theirs, strict=True))
    return EchoFigures(
        ECHOES[number],
        middle(ours),
        middle(theirs),
        median(one.load.requests_per_s / other.load.requests_per_s for one, other in pairs),
        median(other.cpu_s / one.cpu_s for one, other in pairs),
    )


def middle(loads: Sequence[EchoLoad]) -> EchoLoad:
    """Their medians."""
    columns = zip(*(one.load for one in loads), strict=True)
    return EchoLoad(Load(*map(median, columns)), median(one.cpu_s for one in loads))
