"""Models in real workers, behind a runner."""

import asyncio
import os
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from dragoman.core.context import CallContext
from dragoman.core.requests import TensorRequest
from dragoman.core.responses import Chunk
from dragoman.core.signatures import DEFAULT_SIGNATURE
from dragoman.core.tensors import Array, DType, Tensor
from dragoman.engines.base import Artifact
from dragoman.engines.python_model import PythonModelEngine
from dragoman.execution.workers.model import WorkerModel, placed
from dragoman.execution.workers.pool import Health, Restarts
from dragoman.execution.workers.runner import WorkerRunner, unwatched
from dragoman.repository.handle import Handle
from dragoman.settings.model import ModelSettings, WorkerSettings

OBEDIENT = Path(__file__).parent / "obedient" / "model.py"


async def at_once(seconds: float) -> None:
    """A sleep that takes no time."""


def text(value: str) -> Tensor:
    return Tensor(DType.BYTES, np.array(value.encode(), object))


def ask(order: str, *x: float) -> TensorRequest:
    return TensorRequest(
        DEFAULT_SIGNATURE, {"order": text(order), "x": Tensor(DType.FP64, np.array(x, np.float64))}
    )


def load(path: Path, options: Mapping[str, Any] | None = None, **settings: Any) -> WorkerModel:
    """The model in its workers; killed calls are not waited for unless a test says so."""
    chosen = ModelSettings(**{"worker": WorkerSettings(grace_s=0.0), **settings})
    model = placed(PythonModelEngine).load(Artifact(str(path), "m", 1, chosen), options or {})
    assert isinstance(model, WorkerModel)
    return model


class Served:
    """One version that is served."""

    def __init__(self, model: WorkerModel, runner: WorkerRunner) -> None:
        self.model = model
        self.runner = runner
        self.handle = Handle("m", 1, model.signatures, runner)
        self.signature = model.signatures[DEFAULT_SIGNATURE]

    async def run(self, request: TensorRequest, call: CallContext | None = None) -> Array:
        given = await self.runner.run(self.handle, request, self.signature, call or context())
        return given.outputs["y"].array

    def start(self, order: str, *x: float) -> asyncio.Task[Array]:
        """Run it in a task of its own."""
        return asyncio.get_running_loop().create_task(self.run(ask(order, *x)))

    def stream(self, order: str, *x: float, call: CallContext | None = None) -> AsyncGenerator[Chunk, None]:
        return self.runner.stream(self.handle, ask(order, *x), self.signature, call or context())

    async def pid(self) -> int:
        """The process that the next call meets."""
        return int((await self.run(ask("pid")))[0])


def context(deadline_s: float | None = None) -> CallContext:
    return CallContext("id", monotonic() + 60 if deadline_s is None else deadline_s)


@asynccontextmanager
async def served(
    path: Path = OBEDIENT,
    options: Mapping[str, Any] | None = None,
    health: Health = unwatched,
    restarts: Restarts = Restarts(at_once),  # noqa: B008 (it holds nothing that changes)
    **settings: Any,
) -> AsyncIterator[Served]:
    """A model served by workers that are started again without a pause."""
    model = await asyncio.to_thread(load, path, options, **settings)
    runner = WorkerRunner(model, asyncio.get_running_loop(), health, restarts)
    try:
        yield Served(model, runner)
    finally:
        await asyncio.to_thread(runner.close)


def copied(folder: Path) -> Path:
    """The obedient model in a folder of its own, with a pipe for the order `wait`."""
    shutil.copy(OBEDIENT, folder)
    os.mkfifo(folder / "gate")
    return folder / OBEDIENT.name
