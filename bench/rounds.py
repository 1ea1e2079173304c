"""Rounds of measurement: the subjects take turns, each in a fresh process on the server's core."""

import json
import os
import subprocess
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean, median
from typing import Any, Final, NamedTuple

from bench import archives, h2load, wrk
from bench.archives import ArchiveFigures, Beside
from bench.load import SERVER_CORE, Load, pinned
from bench.workloads import BATCHING, BESIDE, ENGINES, IMAGES, WORKLOADS, Pair, Workload
from tests.clients.environments import OPENVINO
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
    """The same requests to two models, medians over the rounds. `ratio` = that of the rates in a round."""

    pair: Pair
    plain: Load
    other: Load
    ratio: float


class BesideFigures(NamedTuple):
    """The same requests to this server and to MLServer, medians over the rounds."""

    workload: Workload
    server: Load
    mlserver: Load


class ImageFigures(NamedTuple):
    """Requests with images, and images decoded alone in the same round, medians. `ratio` = in a round."""

    workload: Workload
    server: Load
    decoded_per_s: float
    ratio: float


class Measured(NamedTuple):
    """All that is reported, empty where it was not measured. Pipelines in microseconds, by name, column."""

    workloads: Sequence[Figures] = ()
    batching: Sequence[PairFigures] = ()
    pipelines: Mapping[str, Layers] = {}
    beside: Sequence[BesideFigures] = ()
    engines: Sequence[PairFigures] = ()
    images: Sequence[ImageFigures] = ()
    archives: ArchiveFigures | None = None


class Round(NamedTuple):
    """One round; what was not measured is empty. Loads are in the order of the workloads.

    Runtime (nanoseconds), layers and pipelines are by name; images have what is decoded alone beside them.
    """

    echoes: Sequence[Load] = ()
    servers: Sequence[Load] = ()
    mlservers: Sequence[Load] = ()
    runtime: Mapping[str, float] = {}
    layers: Mapping[str, Layers] = {}
    pairs: Sequence[tuple[Load, Load]] = ()
    pipelines: Mapping[str, Layers] = {}
    engines: Sequence[tuple[Load, Load]] = ()
    images: Sequence[tuple[Load, float]] = ()
    archives: Beside | None = None


class Repositories(NamedTuple):
    """The folders of models: all but one kind, and those of the two engines."""

    models: Path
    engines: Path


def run(length: Length, scratch: Path, folders: Repositories, sections: Collection[str]) -> Measured:
    """Every workload of these sections, `length.rounds` times over."""
    rounds = []
    for number in range(length.rounds):
        print(f"round {number + 1} of {length.rounds}", file=sys.stderr)
        found: dict[str, Any] = {}
        for name, measure in SECTIONS.items():
            if name in sections:
                found |= measure(length, scratch, folders)
        rounds.append(Round(**found))
    return summary(rounds)


def summary(rounds: Sequence[Round]) -> Measured:
    """Medians over the rounds."""
    figures = figures_summary(rounds)
    beside = [
        BesideFigures(
            workload,
            server=figures[WORKLOADS.index(workload)].server,
            mlserver=_median(one.mlservers[number] for one in rounds),
        )
        for number, workload in enumerate(BESIDE)
        if figures
    ]
    return Measured(
        figures,
        pairs_summary(BATCHING, [one.pairs for one in rounds]),
        pipelines_summary([one.pipelines for one in rounds]),
        beside,
        pairs_summary(ENGINES, [one.engines for one in rounds]),
        images_summary([one.images for one in rounds]),
        archives.summary([one.archives for one in rounds if one.archives is not None]),
    )


def figures_summary(rounds: Sequence[Round]) -> Sequence[Figures]:
    """Medians over the rounds."""
    if not rounds[0].servers:
        return []
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
    return figures


def pairs_summary(
    pairs: Sequence[Pair], rounds: Sequence[Sequence[tuple[Load, Load]]]
) -> Sequence[PairFigures]:
    """Medians over the rounds."""
    return [
        PairFigures(
            pair,
            _median(plain for plain, _ in loads),
            _median(other for _, other in loads),
            median(other.requests_per_s / plain.requests_per_s for plain, other in loads),
        )
        for pair, loads in zip(pairs, zip(*rounds, strict=True), strict=False)
    ]


def pipelines_summary(rounds: Sequence[Mapping[str, Layers]]) -> Mapping[str, Layers]:
    """Medians over the rounds."""
    return {
        title: {name: median(one[title][name] for one in rounds) for name in columns}
        for title, columns in rounds[0].items()
    }


def images_summary(rounds: Sequence[Sequence[tuple[Load, float]]]) -> Sequence[ImageFigures]:
    """Medians over the rounds."""
    return [
        ImageFigures(
            workload,
            _median(load for load, _ in figures),
            median(alone for _, alone in figures),
            median(load.requests_per_s / alone for load, alone in figures),
        )
        for workload, figures in zip(IMAGES, zip(*rounds, strict=True), strict=False)
    ]


def _load(length: Length, scratch: Path, folders: Repositories) -> dict[str, Any]:
    echo = pinned(SERVER_CORE, [sys.executable, "bench/echo_server.py"])
    launch = [sys.executable, "-m", "bench.beside.launch_mlserver", str(folders.models)]
    echoes, servers = [], []
    for workload in WORKLOADS:
        echoes += _under_load(echo, [workload], length, scratch)
        servers += _under_load(_server(folders.models), [workload], length, scratch)
    return {
        "echoes": echoes,
        "servers": servers,
        "mlservers": _under_load(pinned(SERVER_CORE, launch), BESIDE, length, scratch),
        "runtime": _in_process("bench.runtime", folders.models, length.in_process_s),
        "layers": _in_process("bench.layers", folders.models, length.in_process_s),
    }


def _batching(length: Length, scratch: Path, folders: Repositories) -> dict[str, Any]:
    # A pair shares its process, so that the two differ in nothing else.
    server = _server(folders.models)
    return {"pairs": [tuple(_under_load(server, pair, length, scratch)) for pair in BATCHING]}


def _pipelines(length: Length, scratch: Path, folders: Repositories) -> dict[str, Any]:
    del scratch
    return {"pipelines": _in_process("bench.pipelines", folders.models, length.in_process_s)}


def _openvino(length: Length, scratch: Path, folders: Repositories) -> dict[str, Any]:
    paths = [str(OPENVINO.site_packages), *filter(None, [os.environ.get("PYTHONPATH")])]
    with_openvino = ["env", f"PYTHONPATH={os.pathsep.join(paths)}"]
    server = _server(folders.engines, with_openvino)
    return {"engines": [_in_turn(server, pair, length, scratch) for pair in ENGINES]}


def _images(length: Length, scratch: Path, folders: Repositories) -> dict[str, Any]:
    found = []
    for workload in IMAGES:
        alone = _in_process("bench.decoding", folders.models, float(length.load_s))
        (load,) = _under_load(_server(folders.models), [workload], length, scratch)
        found.append((load, alone))
    return {"images": found}


def _archives(length: Length, scratch: Path, folders: Repositories) -> dict[str, Any]:
    del folders
    return {"archives": archives.measure(length.warm_s, length.load_s, scratch)}


SECTIONS: Final = {
    "load": _load,
    "batching": _batching,
    "pipelines": _pipelines,
    "openvino": _openvino,
    "images": _images,
    "archives": _archives,
}


def _server(models: Path, around: Sequence[str] = ()) -> Sequence[str]:
    """The command that starts what is measured."""
    serve = [sys.executable, "-m", "dragoman", "serve", str(models), "--host", "127.0.0.1"]
    return pinned(SERVER_CORE, [*around, *serve, "--port", "0", "--grpc-port", "0"])


def _under_load(
    command: Sequence[str], workloads: Sequence[Workload], length: Length, scratch: Path
) -> list[Load]:
    """One fresh process, asked for each of these in turn."""
    with started(command, scratch / "server.log", tuple(GENERATORS)) as addresses:
        return [_warm_load(addresses, one, length, scratch) for one in workloads]


def _in_turn(command: Sequence[str], pair: Pair, length: Length, scratch: Path) -> tuple[Load, Load]:
    """One fresh process, asked for the two of a pair there and back, so that neither has the better time."""
    with started(command, scratch / "server.log", tuple(GENERATORS)) as addresses:
        ask = partial(_ask, addresses, scratch=scratch)
        for one in pair:
            ask(one, length.warm_s)
        there = [ask(one, length.load_s) for one in pair]
        back = [ask(one, length.load_s) for one in reversed(pair)]
    plain, other = map(_mean, there, reversed(back))
    return plain, other


def _warm_load(addresses: Mapping[str, Address], workload: Workload, length: Length, scratch: Path) -> Load:
    _ask(addresses, workload, length.warm_s, scratch)
    return _ask(addresses, workload, length.load_s, scratch)


def _ask(addresses: Mapping[str, Address], workload: Workload, seconds: int, scratch: Path) -> Load:
    return GENERATORS[workload.transport](addresses[workload.transport], workload, seconds, scratch)


def _in_process(module: str, models: Path, seconds: float) -> Any:
    command = [sys.executable, "-m", module, str(models), str(seconds)]
    run = subprocess.run(pinned(SERVER_CORE, command), stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(run.stdout)


def _median(loads: Iterable[Load]) -> Load:
    return Load(*(median(column) for column in zip(*loads, strict=True)))


def _mean(*loads: Load) -> Load:
    return Load(*map(fmean, zip(*loads, strict=True)))
