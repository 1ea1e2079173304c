"""Handlers in worker processes: the engine that loads them there, and what it gives."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from time import monotonic
from typing import Any, Final

from msgspec.structs import replace

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import TensorRequest
from dragoman.core.responses import Chunk, TensorResponse
from dragoman.core.signatures import Signature
from dragoman.engines.base import Artifact, Engine
from dragoman.execution.workers.frames import Load
from dragoman.execution.workers.handlers.devices import GPU, gpus_here, on_gpu
from dragoman.execution.workers.handlers.plan import Plan, make_plan
from dragoman.execution.workers.handlers.post import STARTUP_SETTING, Held
from dragoman.execution.workers.handlers.signature import SIGNATURES
from dragoman.execution.workers.handlers.workplace import Workplace
from dragoman.execution.workers.process import WorkerProcess, end_together

HOST: Final = "dragoman.execution.workers.handlers.hosting:HandlerHost"


class HandlerModel:
    """A handler that is loaded in as many workers as it has at least. A `HandlerRunner` takes them over."""

    def __init__(self, load: Load, plan: Plan, workers: list[Held], workplace: Workplace) -> None:
        self.load = load
        self.plan = plan
        self.workplace = workplace
        self.signatures: Mapping[str, Signature] = SIGNATURES
        self.concurrency = 1
        self._workers = workers
        self._closed = False

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
        """End the workers that were not handed over, and leave the place where all of them were."""
        processes = [process for process, _ in self.hand_over()]
        end(processes, self.load.artifact.settings.worker.grace_s)
        if not self._closed:
            self._closed = True
            for process in processes:
                self.workplace.devices.give_back(process.load.options[GPU])
            self.workplace.leave()


def handlers_in_workers(engine: type[Engine], gpus: Callable[[Mapping[str, Any]], int | None]) -> Engine:
    """An engine that claims what `engine` claims, and has it loaded as handlers in worker processes.

    `gpus` = how many GPUs its options allow; None = all.
    """
    workplace = Workplace()

    def load(_: Engine, artifact: Artifact, options: Mapping[str, Any]) -> HandlerModel:
        most = gpus(options)
        return load_handler(artifact, workplace, gpus_here() if most is None else min(most, gpus_here()))

    isolated: type[Engine] = type(engine.__name__, (engine,), {"load": load})
    return isolated()


def load_handler(artifact: Artifact, workplace: Workplace, gpus: int = 0) -> HandlerModel:
    """The handler, loaded in its workers at the same time.

    Errors: those of `make_plan`; what the handler raises; DEADLINE_EXCEEDED; INTERNAL where a worker ends;
    UNAVAILABLE where none can be started. No worker is left then.
    """
    if sys.platform != "linux":
        raise DragomanError(Code.FAILED_PRECONDITION, "models that bring code need Linux")
    plan = make_plan(artifact, gpus)
    settings = replace(artifact.settings, instances=max(plan.minimum, 1))
    load = Load(HOST, replace(artifact, settings=settings), plan.for_worker())
    workplace.enter()
    taken: list[int | None] = []
    processes: list[WorkerProcess] = []
    try:
        for number in range(plan.minimum):
            taken.append(workplace.devices.take(plan.gpus))
            processes.append(workplace.launch(on_gpu(load, taken[-1]), number))
            processes[-1].begin()
        workers = ready_workers(processes, plan.startup_timeout_s)
    except BaseException:
        end(processes, 0.0)
        for gpu in taken:
            workplace.devices.give_back(gpu)
        workplace.leave()
        raise
    for process, ready in workers:
        workplace.note(process.load, ready)
    return HandlerModel(load, plan, workers, workplace)


def ready_workers(processes: Sequence[WorkerProcess], timeout_s: float) -> list[Held]:
    """Wait until all have loaded the handler.

    Errors: as `WorkerProcess.wait_ready`.
    """
    since_s = monotonic()
    return [(process, process.wait_ready(timeout_s, STARTUP_SETTING, since_s)) for process in processes]


def end(processes: Sequence[WorkerProcess], grace_s: float) -> None:
    """Have the processes end at the same time, and wait for that."""
    for process in processes:
        process.request_end()
    end_together(processes, grace_s)
