"""Rounds of measurement: the subjects take turns, each in a fresh process on the server's core."""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from bench import h2load, wrk
from bench.load import SERVER_CORE, Load, pinned
from bench.workloads import BATCHING, BESIDE, WORKLOADS, Pair, Workload
from tests.server_process import Address, started

Layers = dict[str, float]
GENERATORS: Final = {"http": wrk.load, "grpc": h2load.load}


class Length(NamedTuple):
    """How long a measurement takes."""

    rounds: int
    warm_s: int  # wrk takes whole seconds
    load_s: int
    in_process_s: float


FULL = Length(rounds=5, warm_s=1, load_s=1, in_process_s=0.1)
QUICK = Length(rounds=1, warm_s=1, load_s=1, in_process_s=0.05)


class Figures(NamedTuple):
    """All that was measured for one workload, medians over the rounds. Layers in microseconds, by name."""

    workload: Workload
    server: Load
    echo: Load
    runtime_s: float
    layers_us: Layers


class PairFigures(NamedTuple):
    """The same requests without and with batching, medians over the rounds."""

    pair: Pair
    plain: Load
    batched: Load


class BesideFigures(NamedTuple):
    """The same requests to this server and to MLServer, medians over the rounds."""

    workload: Workload
    server: Load
    mlserver: Load


class Measured(NamedTuple):
    """All that is reported. Pipelines in microseconds, by pipeline and column."""

    workloads: Sequence[Figures]
    batching: Sequence[PairFigures]
    pipelines: Mapping[str, Layers]
    beside: Sequence[BesideFigures]


class Round(NamedTuple):
    """One round. Loads are in the order of WORKLOADS, MLServer's in that of BESIDE.

    Runtime (nanoseconds), layers and pipelines are by name.
    """

    echoes: Sequence[Load]
    servers: Sequence[Load]
    pairs: Sequence[tuple[Load, Load]]
    mlservers: Sequence[Load]
    runtime: Mapping[str, float]
    layers: Mapping[str, Layers]
    pipelines: Mapping[str, Layers]


class Subjects(NamedTuple):
    """The commands that start what is measured."""

    echo: Sequence[str]
    server: Sequence[str]
    mlserver: Sequence[str]


def run(length: Length, scratch: Path, models: Path) -> Measured:
    """Every workload, `length.rounds` times over."""
    python = sys.executable
    serve = [python, "-m", "dragoman", "serve", str(models), "--host", "127.0.0.1"]
    subjects = Subjects(
        echo=pinned(SERVER_CORE, [python, "bench/echo_server.py"]),
        server=pinned(SERVER_CORE, [*serve, "--port", "0", "--grpc-port", "0"]),
        mlserver=pinned(SERVER_CORE, [python, "-m", "bench.beside.launch_mlserver", str(models)]),
    )
    rounds = []
    for number in range(length.rounds):
        print(f"round {number + 1} of {length.rounds}", file=sys.stderr)
        rounds.append(_round(subjects, length, scratch, models))
    return summary(rounds)


def summary(rounds: Sequence[Round]) -> Measured:
    """Medians over the rounds."""
    figures = []
    for number, workload in enumerate(WORKLOADS):
        layers = [one.layers[workload.name] for one in rounds]
        figures.append(
            Figures(
                workload,
                server=_median(one.servers[number] for one in rounds),
                echo=_median(one.echoes[number] for one in rounds),
                runtime_s=median(one.runtime[workload.name] for one in rounds) * 1e-9,
                layers_us={name: median(times[name] for times in layers) for name in layers[0]},
            )
        )
    pairs = [
        PairFigures(
            pair,
            plain=_median(one.pairs[number][0] for one in rounds),
            batched=_median(one.pairs[number][1] for one in rounds),
        )
        for number, pair in enumerate(BATCHING)
    ]
    beside = [
        BesideFigures(
            workload,
            server=figures[WORKLOADS.index(workload)].server,
            mlserver=_median(one.mlservers[number] for one in rounds),
        )
        for number, workload in enumerate(BESIDE)
    ]
    return Measured(figures, pairs, pipelines_summary([one.pipelines for one in rounds]), beside)


def pipelines_summary(rounds: Sequence[Mapping[str, Layers]]) -> Mapping[str, Layers]:
    """Medians over the rounds."""
    return {
        title: {name: median(one[title][name] for one in rounds) for name in columns}
        for title, columns in rounds[0].items()
    }


def _round(subjects: Subjects, length: Length, scratch: Path, models: Path) -> Round:
    echoes, servers = [], []
    for workload in WORKLOADS:
        echoes += _under_load(subjects.echo, [workload], length, scratch)
        servers += _under_load(subjects.server, [workload], length, scratch)
    return Round(
        echoes,
        servers,
        # A pair shares its process, so that the two differ in nothing else.
        pairs=[tuple(_under_load(subjects.server, pair, length, scratch)) for pair in BATCHING],
        mlservers=_under_load(subjects.mlserver, BESIDE, length, scratch),
        runtime=_in_process("bench.runtime", models, length),
        layers=_in_process("bench.layers", models, length),
        pipelines=_in_process("bench.pipelines", models, length),
    )


def _under_load(
    command: Sequence[str], workloads: Sequence[Workload], length: Length, scratch: Path
) -> list[Load]:
    """One fresh process, asked for each of these in turn."""
    with started(command, scratch / "server.log", tuple(GENERATORS)) as addresses:
        return [_warm_load(addresses[one.transport], one, length, scratch) for one in workloads]


def _warm_load(address: Address, workload: Workload, length: Length, scratch: Path) -> Load:
    load = GENERATORS[workload.transport]
    load(address, workload, length.warm_s, scratch)
    return load(address, workload, length.load_s, scratch)


def _in_process(module: str, models: Path, length: Length) -> dict:
    command = [sys.executable, "-m", module, str(models), str(length.in_process_s)]
    run = subprocess.run(pinned(SERVER_CORE, command), stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(run.stdout)


def _median(loads: Iterable[Load]) -> Load:
    return Load(*(median(column) for column in zip(*loads, strict=True)))
