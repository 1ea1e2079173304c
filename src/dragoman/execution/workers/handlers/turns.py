"""A worker whose handler takes one batch at a time: one thread reads, has the handler answer, and sends.

What the server says while the handler runs waits until it has answered or sends a part. Where the server is
gone, the kernel ends the process, whatever runs.
"""

import os

import structlog

from dragoman.core.errors import DragomanError
from dragoman.execution.workers.channel import Channel
from dragoman.execution.workers.frames import (
    TO_WORKER,
    Batch,
    Cancel,
    Close,
    GarbledError,
    More,
    ToWorker,
    broke_down,
    refused,
)
from dragoman.execution.workers.handlers.batches import answer_batch
from dragoman.execution.workers.handlers.hosting import HostedHandler
from dragoman.execution.workers.memory import SharedMemory


class Turns:
    """Answers batches, one after the other, on the thread that loaded the handler."""

    def __init__(self, handler: HostedHandler, channel: Channel, memory: SharedMemory) -> None:
        self._handler = handler
        self._channel = channel
        self._memory = memory
        self._closing = False
        self._log = structlog.get_logger("dragoman.worker")

    def serve(self) -> None:
        """Answer until the server says that it is enough."""
        while not self._closing:
            frame = self._next()
            if isinstance(frame, Batch):
                self._answer(frame)

    def _next(self) -> ToWorker:
        """What the server says next; the process ends when the server is gone."""
        try:
            frame = self._channel.receive(TO_WORKER)
        except GarbledError:
            os._exit(2)
        if frame is None:
            os._exit(0)
        self._closing = isinstance(frame, Close)
        return frame

    def _wants_more(self) -> bool:
        """Whether anybody reads the parts of the answer; waits until the server says so."""
        while not isinstance(frame := self._next(), More | Cancel | Close):
            pass
        return isinstance(frame, More)

    def _answer(self, batch: Batch) -> None:
        try:
            memory = self._memory.slot(batch.slot)
            answer_batch(self._handler, batch, memory, self._channel.send, self._wants_more)
        except DragomanError as error:
            self._channel.send(refused(batch.slot, error))
        except (Exception, SystemExit):
            self._log.exception("the model failed")
            self._channel.send(broke_down(batch.slot))
