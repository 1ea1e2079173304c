"""A worker that serves: its slots, the calls in them, and what becomes of those when it ends.

A slot is free, or held by one call. The call asks, and the worker owes an answer; a call that leaves before
it came has the worker told, and the slot is free only when the worker has answered all the same.
"""

import asyncio
import mmap
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, Protocol

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError
from dragoman.core.measures import Measurement
from dragoman.execution.workers.frames import (
    Answers,
    Batch,
    Cancel,
    Close,
    End,
    FromWorker,
    GarbledError,
    Infer,
    Measured,
    More,
    Record,
    Refused,
    Result,
    encode,
)
from dragoman.execution.workers.link import Link
from dragoman.execution.workers.process import WorkerProcess

Replied = Result | Answers | End


class Answer(Protocol):
    """Who waits for what a worker answers: a future, or what goes on at once."""

    def done(self) -> bool:
        """Whether it waits no more."""

    def set_result(self, result: Replied, /) -> None:
        """Here it is."""

    def set_exception(self, exception: DragomanError, /) -> None:
        """There is none."""


class Slot:
    """A place for one call in a worker."""

    __slots__ = ("answer", "copying", "hanging", "held", "index", "owed", "worker")

    def __init__(self, worker: "Worker", index: int) -> None:
        self.worker = worker
        self.index = index
        self.held = False
        self.owed = False  # whether the worker has a call here that it has not answered for good
        self.answer: Answer | None = None
        self.copying: asyncio.Future[Any] | None = None  # a thread that reads or writes the memory
        self.hanging: asyncio.TimerHandle | None = None

    @property
    def memory(self) -> mmap.mmap:
        """What both sides see. Not kept here: failed calls keep their slot until they are collected.

        Errors: MemoryClosedError.
        """
        return self.worker.process.memory.slot(self.index)


def unmeasured(measurements: Sequence[Measurement]) -> None:
    """Who is told where nobody wants to know."""


class Worker:
    """One worker on the event loop.

    `freed` is told of each slot that can be taken again, `ended` of the worker's end and what is known of it,
    `measured` of what the model's code measures.
    """

    def __init__(
        self,
        process: WorkerProcess,
        loop: asyncio.AbstractEventLoop,
        *,
        freed: Callable[[Slot], None],
        ended: Callable[["Worker", str], None],
        measured: Callable[[Sequence[Measurement]], None] = unmeasured,
    ) -> None:
        self.process = process
        self.slots: list[Slot] = []
        self.alive = True
        self.answered = False  # whether it has answered any call
        self.ended_here = False  # whether the server had it end, whatever for
        self.loaded: asyncio.Future[FromWorker | None] = loop.create_future()  # None: it ended instead
        self._loop = loop
        self._freed = freed
        self._ended = ended
        self._measured = measured
        self._link = Link(loop, process.channel, self._received, self._lost)
        # Its socket may be held open by a process that it started.
        loop.add_reader(process.pidfd, self._exited)

    def load(self) -> None:
        """Tell the worker to load the model; `loaded` will hold what it says."""
        self._link.send(encode(self.process.load))

    def open_slots(self, count: int) -> list[Slot]:
        """The slots of a worker that has become ready."""
        self.slots = [Slot(self, index) for index in range(count)]
        return self.slots

    def ask(self, slot: Slot, frame: Infer | Batch | More) -> asyncio.Future[Replied]:
        """Send a call, or ask for the next part of its stream.

        Errors, in the future: what the model raised; UNAVAILABLE where the worker ends.
        """
        answer: asyncio.Future[Replied] = self._loop.create_future()
        self.ask_for(slot, frame, answer)
        return answer

    def ask_for(self, slot: Slot, frame: Infer | Batch | More, answer: Answer) -> None:
        """The same for one who is told at once, perhaps before this returns.

        Errors: GarbledError for a frame that is too long.
        """
        data = encode(frame)
        if self.alive:
            slot.answer = answer
            slot.owed = True
            self._link.send(data)
        else:
            answer.set_exception(WorkerEndedError())

    def leave(self, slot: Slot, call: CallContext, grace_s: float) -> None:
        """The call is over for whoever asked.

        A worker that still works on it `grace_s` after its deadline hangs, and is killed.
        """
        if slot.copying is not None and not slot.copying.done():
            slot.copying.add_done_callback(lambda _: self.leave(slot, call, grace_s))
            return
        slot.held = False
        if not slot.owed:
            self._freed(slot)
            return
        self._link.send(encode(Cancel(slot.index)))
        if call.deadline_s is not None:
            left_s = max(call.deadline_s - monotonic(), 0.0)
            slot.hanging = self._loop.call_later(
                left_s + grace_s, self.stop, "it did not end a cancelled call"
            )

    def release(self, slot: Slot) -> None:
        """The call has its last answer, and nothing is copied any more."""
        slot.held = False
        self._freed(slot)

    def stop(self, reason: str) -> None:
        """Kill the process; calls in it fail."""
        if self.alive:
            self.ended_here = True
        self.process.kill()
        self._lost(reason)

    def close(self) -> None:
        """Tell the worker to close the model and end; its process is still to be waited for."""
        self.ended_here = True
        self._link.send(encode(Close()))
        self._leave_loop()
        self._fail_calls()

    def _received(self, frame: FromWorker) -> None:
        if isinstance(frame, Result | Answers | End | Refused):
            if frame.slot >= len(self.slots):
                raise GarbledError(f"an answer for slot {frame.slot}, which there is not")
            if isinstance(frame, Answers) and frame.measured:
                self._measured(frame.measured)
            self._answer(self.slots[frame.slot], frame)
        elif isinstance(frame, Measured):
            self._measured(frame.measured)
        elif isinstance(frame, Record):
            self.process.record(frame)
        elif self.loaded.done():
            raise GarbledError("a second word on whether the model is loaded")
        else:
            self.loaded.set_result(frame)

    def _answer(self, slot: Slot, frame: Result | Answers | End | Refused) -> None:
        if not slot.owed:
            raise GarbledError("an answer that nobody asked for")
        self.answered = True
        slot.owed = isinstance(frame, Result | Answers) and frame.more
        answer, slot.answer = slot.answer, None
        if not slot.owed:
            if slot.hanging is not None:
                slot.hanging.cancel()
                slot.hanging = None
            if not slot.held:
                self._freed(slot)
        if answer is not None and not answer.done():  # who waits may give the slot back at once
            if isinstance(frame, Refused):
                answer.set_exception(DragomanError(frame.code, frame.message, status=frame.status))
            else:
                answer.set_result(frame)

    def _exited(self) -> None:
        self._link.read()  # the last answers may still lie there
        self._lost("it ended")

    def _lost(self, reason: str) -> None:
        if self.alive:
            self._leave_loop()
            self._fail_calls()
            self._ended(self, reason)

    def _leave_loop(self) -> None:
        self.alive = False
        if not self.loaded.done():
            self.loaded.set_result(None)
        self._link.close()
        self._loop.remove_reader(self.process.pidfd)

    def _fail_calls(self) -> None:
        for slot in self.slots:
            slot.owed = False
            if slot.hanging is not None:
                slot.hanging.cancel()
            answer, slot.answer = slot.answer, None
            if answer is not None and not answer.done():
                answer.set_exception(WorkerEndedError())


class WorkerEndedError(DragomanError):
    """The error for a call whose worker ended."""

    def __init__(self) -> None:
        super().__init__(
            Code.UNAVAILABLE, "the model's worker ended while it ran this request", retry_after_s=1.0
        )
