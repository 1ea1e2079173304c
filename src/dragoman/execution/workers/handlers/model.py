"""Handlers in worker processes: the engine that loads them there, and what it gives."""

import sys
from collections.abc import Iterator, Mapping
from time import monotonic
from typing import Any, Final

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import TensorRequest
from dragoman.core.responses import Chunk, TensorResponse
from dragoman.core.signatures import Signature
from dragoman.engines.base import Artifact, Engine
from dragoman.execution.workers.frames import Load
from dragoman.execution.workers.handlers.plan import Plan, make_plan
from dragoman.execution.workers.handlers.post import STARTUP_SETTING, Held
from dragoman.execution.workers.handlers.signature import SIGNATURES
from dragoman.execution.workers.process import WorkerProcess, end_together

HOST: Final = "dragoman.execution.workers.handlers.hosting:HandlerHost"


class HandlerModel:
    """A handler that is loaded in as many workers as it has at least. A `HandlerRunner` takes them over."""

    def __init__(self, load: Load, plan: Plan, workers: list[Held]) -> None:
        self.load = load
        self.plan = plan
        self.signatures: Mapping[str, Signature] = SIGNATURES
        self.concurrency = 1
        self._workers = workers

    def infer(self, request: TensorRequest, call: CallContext) -> TensorResponse:
        """Nothing: only the runner has batches answered."""
        raise DragomanError(Code.FAILED_PRECONDITION, "a handler is called through its runner only")

    def stream(self, request: TensorRequest, call: CallContext) -> Iterator[Chunk]:
        """Nothing, too."""
        raise DragomanError(Code.FAILED_PRECONDITION, "a handler is called through its runner only")

    def hand_over(self) -> list[Held]:
        """The workers, which are from now on somebody else's to use and to end."""
        workers, self._workers = self._workers, []
        return workers

    def close(self) -> None:
        """End the workers that were not handed over."""
        end([process for process, _ in self.hand_over()], self.load.artifact.settings.worker.grace_s)


def handlers_in_workers(engine: type[Engine]) -> Engine:
    """An engine that claims what `engine` claims, and has it loaded as handlers in worker processes."""

    def load(_: Engine, artifact: Artifact, options: Mapping[str, Any]) -> HandlerModel:
        return load_handler(artifact)

    isolated: type[Engine] = type(engine.__name__, (engine,), {"load": load})
    return isolated()


def load_handler(artifact: Artifact) -> HandlerModel:
    """The handler, loaded in its workers at the same time.

    Errors: those of `make_plan`; what the handler raises; DEADLINE_EXCEEDED; INTERNAL where a worker ends;
    UNAVAILABLE where none can be started. No worker is left then.
    """
    if sys.platform != "linux":
        raise DragomanError(Code.FAILED_PRECONDITION, "models that bring code need Linux")
    plan = make_plan(artifact)
    load = Load(HOST, artifact, plan.for_worker())
    processes: list[WorkerProcess] = []
    try:
        for number in range(plan.minimum):
            processes.append(WorkerProcess(load, number))
            processes[-1].begin()
        until_s = monotonic() + plan.startup_timeout_s
        workers = [
            (process, process.wait_ready(max(until_s - monotonic(), 0.0), STARTUP_SETTING))
            for process in processes
        ]
    except BaseException:
        end(processes, 0.0)
        raise
    return HandlerModel(load, plan, workers)


def end(processes: list[WorkerProcess], grace_s: float) -> None:
    """Have the processes end at the same time, and wait for that."""
    for process in processes:
        process.request_end()
    end_together(processes, grace_s)
