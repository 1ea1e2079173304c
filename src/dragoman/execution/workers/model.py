"""A model that lives in worker processes, and the engine that loads it there."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import TensorRequest
from dragoman.core.responses import Chunk, TensorResponse
from dragoman.core.signatures import Signature
from dragoman.engines.base import Artifact, Engine, Trust
from dragoman.execution.workers.frames import (
    FROM_WORKER,
    Cancel,
    End,
    GarbledError,
    Infer,
    Load,
    More,
    Ready,
    Record,
    Refused,
    Result,
)
from dragoman.execution.workers.packing import pack, unpack
from dragoman.execution.workers.process import WorkerProcess
from dragoman.execution.workers.worker import WorkerEndedError


class WorkerModel:
    """Answers one call at a time, in the first worker and blocking, until a `WorkerRunner` takes over.

    So a model can be warmed up and checked before it serves. A worker that ends meanwhile stays ended.
    """

    def __init__(self, load: Load, workers: Sequence[tuple[WorkerProcess, Ready]]) -> None:
        process, ready = workers[0]
        self.load = load
        self.signatures: Mapping[str, Signature] = ready.signatures
        self.concurrency = 1
        self.slots = sum(ready.concurrency for _, ready in workers)  # calls at once, in all of them
        self._workers = list(workers)
        self._first = process

    def infer(self, request: TensorRequest, call: CallContext) -> TensorResponse:
        """The answer to one request.

        Errors: what the model raises; UNAVAILABLE where the worker ends; DEADLINE_EXCEEDED.
        """
        reply = self._ask(self._frame(request, call), call)
        return TensorResponse(self._outputs(reply) if isinstance(reply, Result) else {})

    def stream(self, request: TensorRequest, call: CallContext) -> Iterator[Chunk]:
        """The answer in parts."""
        reply = self._ask(self._frame(request, call, stream=True), call)
        while isinstance(reply, Result):
            wanted = False
            try:
                yield Chunk(self._outputs(reply))
                wanted = not call.cancelled
            finally:  # also when the reader leaves: the worker waits to be told
                reply = self._ask(More(0) if wanted else Cancel(0), call)

    def hand_over(self) -> list[tuple[WorkerProcess, Ready]]:
        """The workers, which are from now on somebody else's to use and to end."""
        workers, self._workers = self._workers, []
        return workers

    def close(self) -> None:
        """End the workers that were not handed over."""
        processes = [process for process, _ in self.hand_over()]
        for process in processes:
            process.request_end()
        for process in processes:
            process.end(self.load.artifact.settings.worker.grace_s)

    def _frame(self, request: TensorRequest, call: CallContext, *, stream: bool = False) -> Infer:
        if not self._workers:
            raise DragomanError(Code.UNAVAILABLE, "the model was closed")
        inputs = pack(request.inputs, self._first.memory.slot(0))
        outputs = None if request.outputs is None else list(request.outputs)
        call.parameters = request.parameters
        return Infer(0, request.signature, inputs, outputs, call, stream)

    def _outputs(self, reply: Result) -> Mapping[str, Any]:
        return unpack(reply.outputs, self._first.memory.slot(0))

    def _ask(self, frame: Infer | More | Cancel, call: CallContext) -> Result | End:
        """One exchange with the worker."""
        channel = self._first.channel
        try:
            channel.send(frame)
            while isinstance(reply := channel.receive(FROM_WORKER, call.deadline_s), Record):
                self._first.record(reply)
        except TimeoutError:
            self._first.kill()
            raise DragomanError(
                Code.DEADLINE_EXCEEDED, "the model gave no answer before the deadline"
            ) from None
        except (GarbledError, OSError):
            reply = None
        if isinstance(reply, Refused):
            raise DragomanError(reply.code, reply.message)
        if isinstance(reply, Result | End):
            return reply
        raise WorkerEndedError()


def in_workers(engine: type[Engine]) -> Engine:
    """An engine like this one, except that it loads models in worker processes."""

    def load(_: Engine, artifact: Artifact, options: Mapping[str, Any]) -> WorkerModel:
        frame = Load(f"{engine.__module__}:{engine.__qualname__}", artifact, options)
        return load_in_workers(frame)

    isolated: type[Engine] = type(engine.__name__, (engine,), {"load": load})
    return isolated()


def placed(engine: type[Engine]) -> Engine:
    """The engine, in this process where its models are data alone, else in workers."""
    return in_workers(engine) if engine.trust is Trust.RUNS_CODE else engine()


def load_in_workers(load: Load) -> WorkerModel:
    """The model, loaded in as many workers as its settings say, at the same time.

    Errors: what the engine raises; DEADLINE_EXCEEDED; INTERNAL where a worker ends; UNAVAILABLE where none
    can be started. No worker is left then.
    """
    if sys.platform != "linux":
        raise DragomanError(Code.FAILED_PRECONDITION, "models that are loaded in worker processes need Linux")
    settings = load.artifact.settings
    processes: list[WorkerProcess] = []
    try:
        for instance in range(settings.instances):
            processes.append(WorkerProcess(load, instance))
            processes[-1].begin()
        workers = [(process, process.wait_ready(settings.worker.load_timeout_s)) for process in processes]
    except BaseException:
        for process in processes:
            process.end()
        raise
    return WorkerModel(load, workers)
