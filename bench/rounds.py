"""Rounds of measurement: the subjects take turns, each in a fresh process on the server's core."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.load import SERVER_CORE, Load, load, pinned
from bench.workloads import Workload
from tests.server_process import listening

Layers = dict[str, float]


class Length(NamedTuple):
    """How long a measurement takes."""

    rounds: int
    warm_s: int  # wrk takes whole seconds
    load_s: int
    in_process_s: float


FULL = Length(rounds=5, warm_s=1, load_s=5, in_process_s=2.0)
QUICK = Length(rounds=1, warm_s=1, load_s=1, in_process_s=0.2)


class Figures(NamedTuple):
    """All that was measured for one workload, medians over the rounds. Layers in microseconds, by name."""

    workload: Workload
    server: Load
    echo: Load
    runtime_s: float
    layers_us: Layers


def run(workloads: Sequence[Workload], length: Length, scratch: Path, models: Path) -> list[Figures]:
    """Every workload, `length.rounds` times over."""
    python = sys.executable
    serve = [python, "-m", "dragoman", "serve", str(models), "--host", "127.0.0.1", "--port", "0"]
    echo = [python, "bench/echo_server.py", "--port", "0"]
    servers: dict[str, list[Load]] = {workload.name: [] for workload in workloads}
    echoes: dict[str, list[Load]] = {workload.name: [] for workload in workloads}
    runtimes: list[dict[str, float]] = []
    layers: list[dict[str, Layers]] = []
    for number in range(length.rounds):
        print(f"round {number + 1} of {length.rounds}", file=sys.stderr)
        for workload in workloads:
            echoes[workload.name].append(_under_load(echo, workload, length, scratch))
            servers[workload.name].append(_under_load(serve, workload, length, scratch))
        runtimes.append(_in_process("bench.runtime", models, length))
        layers.append(_in_process("bench.layers", models, length))
    return [
        Figures(
            workload,
            server=_median(servers[workload.name]),
            echo=_median(echoes[workload.name]),
            runtime_s=median(found[workload.name] for found in runtimes) * 1e-9,
            layers_us={
                layer: median(found[workload.name][layer] for found in layers)
                for layer in layers[0][workload.name]
            },
        )
        for workload in workloads
    ]


def _under_load(command: Sequence[str], workload: Workload, length: Length, scratch: Path) -> Load:
    with listening(pinned(SERVER_CORE, command), scratch / "server.log") as address:
        load(address, workload, length.warm_s, scratch)
        return load(address, workload, length.load_s, scratch)


def _in_process(module: str, models: Path, length: Length) -> dict:
    command = [sys.executable, "-m", module, str(models), str(length.in_process_s)]
    run = subprocess.run(pinned(SERVER_CORE, command), stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(run.stdout)


def _median(loads: Sequence[Load]) -> Load:
    return Load(*(median(column) for column in zip(*loads, strict=True)))
