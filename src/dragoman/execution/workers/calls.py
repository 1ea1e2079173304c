"""The calls that a worker answers.

One thread reads what the server says; the model runs on the main thread, where it was loaded, because some
libraries bind their state to a thread. A model that takes several calls at once gets more threads. A part of
a stream is made when the server asks for it.
"""

import os
from queue import SimpleQueue
from threading import Thread

import structlog

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import TensorRequest
from dragoman.engines.base import LoadedModel
from dragoman.execution.workers.channel import Channel
from dragoman.execution.workers.frames import (
    TO_WORKER,
    Batch,
    Cancel,
    Close,
    End,
    GarbledError,
    Infer,
    More,
    Result,
    ToWorker,
    broke_down,
    refused,
)
from dragoman.execution.workers.handlers.batches import answer_batch
from dragoman.execution.workers.handlers.hosting import HostedHandler
from dragoman.execution.workers.memory import SharedMemory
from dragoman.execution.workers.packing import pack, unpack


class Running:
    """A call under way: its circumstances, and whether the reader of its stream wants more."""

    __slots__ = ("call", "wants_more")

    def __init__(self, call: CallContext) -> None:
        self.call = call
        self.wants_more: SimpleQueue[bool] = SimpleQueue()


class Calls:
    """Answers calls on one thread per slot."""

    def __init__(
        self, model: LoadedModel | HostedHandler, channel: Channel, memory: SharedMemory, slots: int
    ) -> None:
        self._model = model
        self._channel = channel
        self._memory = memory
        self._slots: list[Running | None] = [None] * slots
        self._jobs: SimpleQueue[tuple[Infer | Batch, Running] | None] = SimpleQueue()
        self._log = structlog.get_logger("dragoman.worker")

    def serve(self) -> None:
        """Answer until the server says that it is enough. The process ends when the server is gone."""
        Thread(target=self._read, daemon=True).start()
        for _ in self._slots[1:]:
            Thread(target=self._work, daemon=True).start()
        self._work()

    def _read(self) -> None:
        try:
            while not isinstance(frame := self._channel.receive(TO_WORKER), Close):
                if frame is None:
                    os._exit(0)
                self._obey(frame)
        except GarbledError:
            os._exit(2)
        for _ in self._slots:
            self._jobs.put(None)

    def _obey(self, frame: ToWorker) -> None:
        if isinstance(frame, Infer | Batch):
            call = frame.call if isinstance(frame, Infer) else CallContext("")
            running = self._slots[frame.slot] = Running(call)
            self._jobs.put((frame, running))
        elif isinstance(frame, More | Cancel) and (present := self._slots[frame.slot]) is not None:
            present.call.cancelled = isinstance(frame, Cancel)
            present.wants_more.put(isinstance(frame, More))

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            self._answer(*job)

    def _answer(self, frame: Infer | Batch, running: Running) -> None:
        try:
            if running.call.cancelled:
                raise DragomanError(Code.CANCELLED, "the request was cancelled")
            model = self._model
            if isinstance(frame, Batch) and isinstance(model, HostedHandler):
                memory = self._memory.slot(frame.slot)
                answer_batch(model, frame, memory, self._channel.send, running.wants_more.get)
            elif isinstance(frame, Infer) and not isinstance(model, HostedHandler):
                self._infer(model, frame, running)
        except DragomanError as error:
            self._channel.send(refused(frame.slot, error))
        except (Exception, SystemExit):
            self._log.exception("the model failed")
            self._channel.send(broke_down(frame.slot))

    def _infer(self, model: LoadedModel, frame: Infer, running: Running) -> None:
        inputs = unpack(frame.inputs, self._memory.slot(frame.slot))
        request = TensorRequest(frame.signature, inputs, frame.outputs)
        if frame.stream:
            self._stream(model, frame.slot, request, running)
            return
        outputs = model.infer(request, running.call).outputs
        self._channel.send(Result(frame.slot, pack(outputs, self._memory.slot(frame.slot))))

    def _stream(self, model: LoadedModel, slot: int, request: TensorRequest, running: Running) -> None:
        chunks = iter(model.stream(request, running.call))
        for chunk in chunks:
            self._channel.send(Result(slot, pack(chunk.outputs, self._memory.slot(slot)), more=True))
            if not running.wants_more.get():
                break
        del chunks  # a generator that was left is closed
        self._channel.send(End(slot))
