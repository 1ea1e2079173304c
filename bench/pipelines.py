"""What a pipeline costs beside its parts, in this process: no sockets, and no codec but in `request`.

python -m bench.pipelines MODELS SECONDS     prints a JSON object: microseconds by row, by pipeline
"""

import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import uvloop

from bench.layers import ns_per_answer, settled
from bench.runtime import BATCHES
from dragoman.assembly.builtin import engines, node_engine
from dragoman.core.context import CallContext
from dragoman.core.requests import Target, TensorRequest
from dragoman.core.tensors import DType, Tensor
from dragoman.execution.choice import make_runner
from dragoman.execution.pipelines.compose import Composer
from dragoman.execution.pipelines.libraries import NodeLibraries
from dragoman.repository.configured import ConfiguredSource, Pipelines
from dragoman.repository.handle import Handle
from dragoman.repository.loader import ModelLoader
from dragoman.repository.manager import ModelManager
from dragoman.settings.overlay import ModelOverlay
from dragoman.settings.pipeline import PipelineSettings
from dragoman.telemetry.logs import configure_logs

MODEL: Final = "half_plus_two"
BRANCHES: Final = 100
WARM_UP: Final = 50  # calls


def node(name: str, source: str, output: str) -> dict[str, Any]:
    """A call of the model."""
    return {"name": name, "model": MODEL, "inputs": {"x": {"node": source, "output": output}}}


def pipeline(name: str, nodes: list[dict[str, Any]], outputs: list[str], **more: Any) -> PipelineSettings:
    """A pipeline whose outputs are those of these nodes."""
    given = {one: {"node": one, "output": "y"} for one in outputs}
    return msgspec.convert(
        {"name": name, "inputs": ["in"], "nodes": nodes, "outputs": given, **more}, PipelineSettings
    )


CHAIN: Final = [
    node("a", "request", "in"),
    node("b", "a", "y"),
    node("c", "b", "y"),
    node("d", "c", "y"),
]
FORK: Final = [
    node("a", "request", "in"),
    node("b", "a", "y"),
    node("c", "a", "y"),
    node("d", "b", "y"),
]


class Row(NamedTuple):
    """A pipeline, how often one request calls the model, and the request's shape."""

    settings: PipelineSettings
    calls: int
    shape: tuple[int, ...]


BRANCHED: Final = pipeline("branches", CHAIN[:1], ["a"], demultiply="dynamic")
ROWS: Final[Mapping[str, Row]] = {
    "four models in a row": Row(pipeline("chain", CHAIN, ["d"]), 4, (1,)),
    "four models, two at a time": Row(pipeline("fork", FORK, ["c", "d"]), 4, (1,)),
    f"one model, {BRANCHES} branches": Row(BRANCHED, BRANCHES, (BRANCHES, 1)),
}


async def measure_all(repository: Path, seconds: float) -> Mapping[str, Mapping[str, float]]:
    """Microseconds of a request, of its calls of the model alone, and the difference, by pipeline."""
    configure_logs("warning", "json")
    loop = asyncio.get_running_loop()
    known = engines()
    graphs = Pipelines(tuple(row.settings for row in ROWS.values()))
    source = ConfiguredSource([str(repository)], (), ModelOverlay(), known, graphs)

    def pin(target: Target) -> Handle:
        return models.pin(target)

    compose = Composer(NodeLibraries(node_engine(), loop), pin)
    models = ModelManager(source, ModelLoader(known, compose=compose), partial(make_runner, loop=loop))
    await models.start()
    try:
        return {title: await measure_one(models, row, seconds) for title, row in ROWS.items()}
    finally:
        await models.close()


async def measure_one(models: ModelManager, row: Row, seconds: float) -> Mapping[str, float]:
    """Medians over batches, in each of which the pipeline and its calls alone take turns."""
    alone = calls_of(models, MODEL, "x", (1,))
    whole = calls_of(models, row.settings.name, "in", row.shape)
    for _ in range(WARM_UP):  # the runner learns what a call costs
        await settled(alone())
        await settled(whole())
    times = []
    for _ in range(BATCHES):
        request = await ns_per_answer(whole, seconds / BATCHES)
        times.append((request, row.calls * await ns_per_answer(alone, seconds / BATCHES)))
    requests, parts = zip(*times, strict=True)
    above = median(request - part for request, part in times)
    return {"request": median(requests) / 1e3, "its calls alone": median(parts) / 1e3, "above": above / 1e3}


def calls_of(models: ModelManager, name: str, given: str, shape: tuple[int, ...]) -> Callable[[], Any]:
    """What makes one call, from pinning to letting go."""
    request = TensorRequest("serving_default", {given: Tensor(DType.FP32, np.ones(shape, np.float32))})
    context = CallContext("bench")
    target = Target(name)

    def call() -> Any:
        handle = models.pin(target)
        try:
            return handle.runner.run(handle, request, handle.signature(None), context)
        finally:
            handle.release()

    return call


def measure(repository: Path, seconds: float) -> Mapping[str, Mapping[str, float]]:
    """The same from a thread that runs no event loop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(measure_all(repository, seconds))


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), float(sys.argv[2]))))
