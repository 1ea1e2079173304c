"""The layers and the engine in this process: `gateway.call` on a request in memory, and each step alone.

python -m bench.layers MODELS SECONDS     prints a JSON object: microseconds by step, by workload
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import Any, Final

import uvloop

from bench.runtime import BATCHES, ns_per_call
from bench.workloads import WORKLOADS, Workload
from dragoman.assembly.builtin import engines, protocols
from dragoman.assembly.collisions import ARBITERS
from dragoman.core.context import CallContext
from dragoman.execution.choice import make_runner
from dragoman.gateway.gateway import Gateway
from dragoman.gateway.recorder import Recorder
from dragoman.repository.loader import ModelLoader
from dragoman.repository.manager import ModelManager
from dragoman.repository.source import FileSystemSource
from dragoman.settings.limits import Limits
from dragoman.settings.server import LogSettings
from dragoman.telemetry.logs import AccessLog, configure_logs
from dragoman.telemetry.metrics import Metrics
from dragoman.transports.grpc.router import GrpcRouter
from dragoman.transports.http.router import Router
from dragoman.wire.messages import NO_PARAMS, WireRequest
from dragoman.wire.operation import InferOperation

COLUMNS: Final = ("call", "parse", "pin", "bind", "run", "encode", "rest")
LIMITS: Final = Limits()
OK: Final = {"http": 200, "grpc": 0}


async def measure_all(repository: Path, seconds: float) -> Mapping[str, Mapping[str, float]]:
    """Microseconds by step, by workload, from models that are loaded once."""
    configure_logs("warning", "json")
    runners = partial(make_runner, loop=asyncio.get_running_loop())
    known = engines()
    models = ModelManager(FileSystemSource(str(repository), known), ModelLoader(known), runners)
    await models.start()
    log = LogSettings()
    gateway = Gateway(models, LIMITS, Recorder(Metrics(), AccessLog(log.access, log.slow_request_s)))
    try:
        return {
            workload.name: await measure_one(workload, gateway, models, seconds) for workload in WORKLOADS
        }
    finally:
        await models.close()
        gateway.close()


async def measure_one(
    workload: Workload, gateway: Gateway, models: ModelManager, seconds: float
) -> Mapping[str, float]:
    """Microseconds by step. `rest` is what `call` takes above its steps: ids, clocks, counters."""
    operation, wire = routed(workload)
    if (answer := await settled(gateway.call(operation, wire))).status != OK[workload.transport]:
        raise RuntimeError(f"{workload.name}: {answer.message or bytes(answer.body).decode()}")
    times = await steps(operation, wire, models, seconds)
    times["call"] = await ns_per_answer(lambda: gateway.call(operation, wire), seconds)
    times["rest"] = max(2 * times["call"] - sum(times.values()), 0.0)
    return {name: times[name] / 1e3 for name in COLUMNS}


def routed(workload: Workload) -> tuple[InferOperation, WireRequest]:
    """The operation that answers the workload, and its request as a transport would hand it over."""
    if workload.transport == "grpc":
        operation, params = GrpcRouter(protocols(), "superset").operations[workload.path], NO_PARAMS
        headers = [(b"user-agent", b"bench")]
    else:
        own = [(name.encode(), value.encode()) for name, value in workload.headers().items()]
        headers = [(b"Host", b"127.0.0.1"), *own]
        route = Router(protocols(), "superset", ARBITERS).route("POST", workload.path, headers)
        operation, params = route.operation, route.params
    if not isinstance(operation, InferOperation):
        raise TypeError(f"{workload.path} is not a call of a model")
    return operation, WireRequest("POST", workload.path, "", headers, workload.body(), params)


async def steps(
    operation: InferOperation, wire: WireRequest, models: ModelManager, seconds: float
) -> dict[str, float]:
    """Nanoseconds of each step on its own."""
    draft = operation.parse(wire, LIMITS)
    handle = models.pin(draft.target)
    signature = handle.signature(draft.target.signature)
    request = operation.bind(draft, signature)
    context = CallContext("bench")

    def run() -> Any:
        return handle.runner.run(handle, request, signature, context)

    response = await settled(run())
    try:
        return {
            "parse": ns_per_call(lambda: operation.parse(wire, LIMITS), seconds),
            "pin": ns_per_call(lambda: models.pin(draft.target).release(), seconds),
            "bind": ns_per_call(lambda: operation.bind(draft, signature), seconds),
            "run": await ns_per_answer(run, seconds),
            "encode": ns_per_call(lambda: operation.encode(draft, response), seconds),
        }
    finally:
        handle.release()


async def ns_per_answer(call: Callable[[], Any | Awaitable[Any]], seconds: float) -> float:
    """The median over batches of calls that take so long in all, each awaited where it has to be."""
    await settled(call())
    began = perf_counter_ns()
    await settled(call())
    calls = max(int(seconds * 1e9 / BATCHES / max(perf_counter_ns() - began, 1)), 1)
    batches = []
    for _ in range(BATCHES):
        began = perf_counter_ns()
        for _ in range(calls):
            answer = call()
            if hasattr(answer, "__await__"):
                await answer
        batches.append((perf_counter_ns() - began) / calls)
    return median(batches)


async def settled(answer: Any | Awaitable[Any]) -> Any:
    """The answer, awaited where it has to be."""
    return await answer if hasattr(answer, "__await__") else answer


def measure(repository: Path, seconds: float) -> Mapping[str, Mapping[str, float]]:
    """The same from a thread that runs no event loop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(measure_all(repository, seconds))


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), float(sys.argv[2]))))
