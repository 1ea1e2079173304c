"""The report: bench/RESULTS.md."""

import datetime
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from itertools import chain

from bench.archives import MANY, SERVERS, ArchiveFigures
from bench.rounds import BesideFigures, Figures, ImageFigures, Layers, Length, Measured, PairFigures
from tests.clients.environments import MLSERVER, OPENVINO, TORCHSERVE

PACKAGES = ("dragoman", "onnxruntime", "numpy", "uvloop", "httptools", "grpcio", "orjson", "msgspec")


def render(measured: Measured, length: Length) -> str:
    """The whole report in Markdown."""
    tables = (
        (_rates, measured.workloads),
        (_costs, measured.workloads),
        (_layers, measured.workloads),
        (_batching, measured.batching),
        (_pipelines, measured.pipelines),
        (_engines, measured.engines),
        (_images, measured.images),
        (_beside, measured.beside),
        (_archives, measured.archives),
    )
    parts = (write(figures) for write, figures in tables if figures)
    return "\n".join(chain(_heading(length), *parts)) + "\n"


def _heading(length: Length) -> Iterator[str]:
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    yield "# Results"
    yield ""
    yield f"`scripts/bench` wrote this on {today} at commit {_commit()}; docs/performance.md tells how."
    yield ""
    yield f"- Machine: {os.cpu_count()} cores, of which one serves and one asks; {platform.system()}."
    yield f"- Python {platform.python_version()}, {packages}, {_wrk()}, {_output('h2load', '--version')}."
    yield f"- Medians of {length.rounds}, {length.load_s} s each in a fresh process, server after echo."


def _rates(figures: Sequence[Figures]) -> Iterator[str]:
    yield from _table(
        "## Under load",
        ("workload", "connections", "requests/s", "p50 ms", "p99 ms", "echo requests/s", "of the echo"),
        [
            (
                one.workload.name,
                str(one.workload.connections),
                f"{one.server.requests_per_s:,.0f}",
                f"{one.server.p50_s * 1e3:.2f}",
                f"{one.server.p99_s * 1e3:.2f}",
                f"{one.echo.requests_per_s:,.0f}",
                f"{one.server.requests_per_s / one.echo.requests_per_s:.2f}",
            )
            for one in figures
        ],
    )


def _costs(figures: Sequence[Figures]) -> Iterator[str]:
    columns = ("workload", "request", "echo", "onnxruntime call", "onnxruntime ns/call", "layers and codec")
    rows = []
    for one in figures:
        request_us, echo_us = (1e6 / load.requests_per_s for load in (one.server, one.echo))
        runtime_us = one.runtime_s * 1e6
        parts = (request_us, echo_us, runtime_us)
        ours = f"{request_us - echo_us - runtime_us:,.1f}"
        rows.append(
            (one.workload.name, *(f"{part:,.1f}" for part in parts), f"{one.runtime_s * 1e9:,.0f}", ours)
        )
    yield from _table("## Where a request's time goes, µs of the core", columns, rows)


def _layers(figures: Sequence[Figures]) -> Iterator[str]:
    names = list(figures[0].layers_us)
    rows = [(one.workload.name, *(f"{one.layers_us[name]:,.2f}" for name in names)) for one in figures]
    rates = [f"{one.workload.name}: {1e6 / one.layers_us['call']:,.0f}" for one in figures]
    yield from _table(
        "## Layers and engine in process, without sockets, µs a call", ("workload", *names), rows
    )
    yield ""
    yield f"Calls a second through `gateway.call`: {'; '.join(rates)}."


def _batching(pairs: Sequence[PairFigures]) -> Iterator[str]:
    columns = ("workload", "connections", "requests/s", "batched", "p50 µs", "batched", "p50 grows by")
    rows = [
        (
            one.pair.plain.name,
            str(one.pair.plain.connections),
            f"{one.plain.requests_per_s:,.0f}",
            f"{one.other.requests_per_s:,.0f}",
            f"{one.plain.p50_s * 1e6:,.1f}",
            f"{one.other.p50_s * 1e6:,.1f}",
            f"{one.other.p50_s / one.plain.p50_s - 1:+.1%}",
        )
        for one in pairs
    ]
    yield from _table("## Batching, `max_size: 64`, beside the same model without", columns, rows)


def _engines(pairs: Sequence[PairFigures]) -> Iterator[str]:
    columns = (
        "workload",
        "connections",
        "ONNX Runtime/s",
        "OpenVINO/s",
        "p50 ms",
        "OpenVINO",
        "ratio of rates",
    )
    rows = [
        (
            one.pair.plain.name,
            str(one.pair.plain.connections),
            f"{one.plain.requests_per_s:,.0f}",
            f"{one.other.requests_per_s:,.0f}",
            f"{one.plain.p50_s * 1e3:.2f}",
            f"{one.other.p50_s * 1e3:.2f}",
            f"{one.ratio:.2f}",
        )
        for one in pairs
    ]
    yield from _table(
        f"## The same file in OpenVINO ({OPENVINO.alone[0]}) and in ONNX Runtime, one server", columns, rows
    )


def _images(figures: Sequence[ImageFigures]) -> Iterator[str]:
    columns = ("workload", "connections", "requests/s", "p50 ms", "p99 ms", "decoded alone/s", "ratio")
    rows = [
        (
            one.workload.name,
            str(one.workload.connections),
            f"{one.server.requests_per_s:,.0f}",
            f"{one.server.p50_s * 1e3:.2f}",
            f"{one.server.p99_s * 1e3:.2f}",
            f"{one.decoded_per_s:,.0f}",
            f"{one.ratio:.2f}",
        )
        for one in figures
    ]
    yield from _table("## Images to a [1,3,224,224] input, beside decoding and resizing alone", columns, rows)


def _pipelines(figures: Mapping[str, Layers]) -> Iterator[str]:
    columns = list(next(iter(figures.values())))
    rows = [(title, *(f"{one[name]:,.1f}" for name in columns)) for title, one in figures.items()]
    yield from _table(
        "## Pipelines of half_plus_two in process, beside their calls alone, µs", ("pipeline", *columns), rows
    )


def _beside(figures: Sequence[BesideFigures]) -> Iterator[str]:
    columns = ("workload", "connections", "requests/s", "MLServer", "times MLServer", "p50 ms", "MLServer")
    rows = [
        (
            one.workload.name,
            str(one.workload.connections),
            f"{one.server.requests_per_s:,.0f}",
            f"{one.mlserver.requests_per_s:,.0f}",
            f"{one.server.requests_per_s / one.mlserver.requests_per_s:.1f}",
            f"{one.server.p50_s * 1e3:.2f}",
            f"{one.mlserver.p50_s * 1e3:.2f}",
        )
        for one in figures
    ]
    yield from _table(f"## Beside MLServer ({MLSERVER.packages[0]}), one process each", columns, rows)


def _archives(figures: ArchiveFigures) -> Iterator[str]:
    columns = (
        "workload", "connections", "requests/s", "TorchServe", "ratio", "p50 ms", "TorchServe",
        "CPU µs", "TorchServe", "ratio",
    )  # fmt: skip
    rows = [
        (
            one.workload.title,
            str(one.workload.connections),
            f"{one.server.load.requests_per_s:,.0f}",
            f"{one.torchserve.load.requests_per_s:,.0f}",
            f"{one.ratio:.1f}",
            f"{one.server.load.p50_s * 1e3:.2f}",
            f"{one.torchserve.load.p50_s * 1e3:.2f}",
            f"{one.server.cpu_s * 1e6:,.0f}",
            f"{one.torchserve.cpu_s * 1e6:,.0f}",
            f"{one.cpu_ratio:.1f}",
        )
        for one in figures.echoes
    ]
    yield from _table(f"## Beside TorchServe ({TORCHSERVE.alone[0]}), one worker on its core", columns, rows)
    costs = [figures.costs[server] for server in SERVERS]
    rows = [
        ("started, s", *(f"{one.start_s:,.1f}" for one in costs)),
        ("memory, MB (PSS)", *(f"{one.memory / 1e6:,.0f}" for one in costs)),
    ]
    yield from _table(f"## {MANY} archives of a handler that echoes, all cores", ("", *SERVERS), rows)


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield ""
    yield title
    yield ""
    yield f"| {' | '.join(columns)} |"
    yield f"|---{'|---:' * (len(columns) - 1)}|"
    yield from (f"| {' | '.join(row)} |" for row in rows)


def _commit() -> str:
    head = _output("git", "rev-parse", "--short", "HEAD") or "unknown"
    changed = _output("git", "status", "--porcelain", "--untracked-files=no")
    return f"{head} with uncommitted changes" if changed else head


def _wrk() -> str:
    return " ".join(_output("wrk", "--version").split()[:2])  # it prints its version and exits with 1


def _output(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return ""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
