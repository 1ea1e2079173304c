"""What a call through a worker costs, beside a bare exchange between two processes.

    python -m bench.workers

Every row is the median of five rounds; with one caller, calls come one after the other.
"""

import asyncio
import os
import socket
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic, perf_counter

import numpy as np
from uvloop import new_event_loop

from dragoman.core.context import CallContext
from dragoman.core.requests import TensorRequest
from dragoman.core.signatures import DEFAULT_SIGNATURE
from dragoman.core.tensors import DType, Tensor
from dragoman.engines.base import Artifact
from dragoman.execution.workers.frames import Load
from dragoman.execution.workers.model import WorkerModel, load_in_workers
from dragoman.execution.workers.runner import WorkerRunner
from dragoman.repository.handle import Handle
from dragoman.settings.model import ModelSettings

ROUNDS = 5
ENGINE = "dragoman.engines.python_model:PythonModelEngine"
ECHO = """
class Model:
    inputs = {"x": ("float32", None)}
    outputs = {"y": ("float32", None)}

    def predict(self, inputs):
        return {"y": inputs["x"]}
"""
# floats, callers, instances, calls
ROWS = ((1, 1, 1, 5000), (1, 16, 1, 5000), (1, 16, 2, 5000), (150_528, 1, 1, 1000), (1_505_280, 1, 1, 100))


def exchange_us(calls: int = 20_000) -> float:
    """Microseconds for 100 bytes to another process and back: blocking sockets, nothing else."""
    here, there = socket.socketpair()
    if os.fork() == 0:
        here.close()
        while data := there.recv(4096):
            there.sendall(data)
        os._exit(0)
    there.close()
    began = perf_counter()
    for _ in range(calls):
        here.sendall(b"x" * 100)
        here.recv(4096)
    elapsed = perf_counter() - began
    here.close()
    os.wait()
    return elapsed / calls * 1e6


async def calls_us(model: WorkerModel, floats: int, callers: int, calls: int) -> float:
    """Microseconds a call, median of the rounds."""
    runner = WorkerRunner(model, asyncio.get_running_loop())
    handle = Handle("echo", 1, model.signatures, runner)
    signature = model.signatures[DEFAULT_SIGNATURE]
    tensor = Tensor(DType.FP32, np.ones(floats, np.float32))

    async def call(times: int) -> None:
        for _ in range(times):
            context = CallContext("bench", monotonic() + 30)
            await runner.run(handle, TensorRequest(DEFAULT_SIGNATURE, {"x": tensor}), signature, context)

    rounds = []
    await call(100)
    for _ in range(ROUNDS):
        began = perf_counter()
        await asyncio.gather(*(call(calls // callers) for _ in range(callers)))
        rounds.append((perf_counter() - began) / calls * 1e6)
    await asyncio.to_thread(runner.close)
    return median(rounds)


def main() -> None:
    """Print the table."""
    print(f"bare exchange of 100 bytes: {median(exchange_us() for _ in range(ROUNDS)):.0f} µs")
    with TemporaryDirectory() as folder:
        path = Path(folder, "model.py")
        path.write_text(ECHO, encoding="utf-8")
        for floats, callers, instances, calls in ROWS:
            artifact = Artifact(str(path), "echo", 1, ModelSettings(instances=instances))
            model = load_in_workers(Load(ENGINE, artifact, {}))
            with asyncio.Runner(loop_factory=new_event_loop) as runner:
                cost = runner.run(calls_us(model, floats, callers, calls))
            print(
                f"echo of {floats} float32, {callers} callers, {instances} workers: "
                f"{cost:.0f} µs a call, {1e6 / cost:,.0f} calls/s"
            )


if __name__ == "__main__":
    main()
