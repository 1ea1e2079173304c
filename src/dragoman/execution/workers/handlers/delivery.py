"""Has a batch answered by the worker whose slot it was given, part by part."""

import asyncio
from collections.abc import Coroutine, Sequence
from time import monotonic, perf_counter_ns
from typing import Any, Final

import structlog

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError
from dragoman.core.responses import PayloadResponse
from dragoman.core.statistics import Run
from dragoman.execution.deadlines import Alarm
from dragoman.execution.workers.frames import Answers, Batch, GarbledError, Job, More
from dragoman.execution.workers.handlers.bodies import Body, pack_bodies, unpack_bodies
from dragoman.execution.workers.handlers.job import HandlerJob
from dragoman.execution.workers.memory import MemoryClosedError, trim
from dragoman.execution.workers.packing import used_bytes
from dragoman.execution.workers.runner import OFFLOAD_BYTES
from dragoman.execution.workers.worker import Replied, Slot, Worker, WorkerEndedError

DIED: Final = "Worker died."  # TorchServe's words
KILLED: Final = frozenset({"signal SIGKILL", "exit code 137"})  # as the kernel does where memory is short


class Delivery:
    """Whatever happens, every request of a batch is answered. For the event loop's thread only.

    A batch whose answers are small, and there at once as a whole, takes no task.
    """

    def __init__(
        self, title: str, response_timeout_s: float, grace_s: float, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.alarm = Alarm()
        self.busy = 0  # batches
        self._title = title
        self._response_timeout_s = response_timeout_s
        self._grace_s = grace_s
        self._loop = loop
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, slot: Slot, jobs: Sequence[HandlerJob]) -> None:
        """Have one batch answered. Where nobody waits for it any more, the worker is told."""
        self.busy += 1
        size = sum(job.body_bytes for job in jobs)
        if size > OFFLOAD_BYTES:
            self._go_on(slot, jobs, self._sent_on_thread(slot, jobs, size))
            return
        try:
            Asked(self, slot, jobs, size).ask(batch_frame(slot, jobs))
        except Exception as caught:
            self.end(slot, jobs, self._error(caught))

    def took_whole(self, asked: "Asked", reply: Answers) -> bool:
        """Give the answers out, if they are small and whole. The slot takes its next batch before that."""
        slot, jobs = asked.slot, asked.jobs
        if reply.more or not len(reply.answers) == len(reply.bodies) == len(jobs):
            return False
        if sum(part.size for part in reply.bodies) > OFFLOAD_BYTES:
            return False
        infer_ns = perf_counter_ns() - asked.since_ns
        try:
            bodies = unpacked(slot, reply, asked.size)
        except (MemoryClosedError, GarbledError):
            return False
        self.busy -= 1
        slot.worker.release(slot)
        give(jobs, reply, bodies, infer_ns)
        return True

    def go_on(self, asked: "Asked", replied: Replied | DragomanError) -> None:
        """Do the rest as a task."""
        self._go_on(asked.slot, asked.jobs, self._rest(asked, replied))

    def late(self, asked: "Asked") -> None:
        """The worker was not in time."""
        limit_s = self._response_timeout_s
        asked.slot.worker.stop(f"it gave no answer within {limit_s:g} s (response_timeout_s)")
        self.end(asked.slot, asked.jobs, died())

    def end(self, slot: Slot, jobs: Sequence[HandlerJob], error: DragomanError | None) -> None:
        """A batch is over, for this reason where it was not answered whole."""
        self.busy -= 1
        if error is not None:
            for job in jobs:
                job.fail(error)
        rest = CallContext("", monotonic() + self._response_timeout_s)
        slot.worker.leave(slot, rest, self._grace_s)

    def watch(self, asked: "Asked") -> None:
        """Have it expire unless an answer comes in time."""
        self.alarm.watch(asked, monotonic() + self._response_timeout_s)

    def _go_on(self, slot: Slot, jobs: Sequence[HandlerJob], rest: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(self._guarded(slot, jobs, rest))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, slot: Slot, jobs: Sequence[HandlerJob], rest: Coroutine[Any, Any, None]) -> None:
        error = None
        try:
            await rest
        except Exception as caught:
            error = self._error(caught)
        finally:
            self.end(slot, jobs, error)

    def _error(self, caught: Exception) -> DragomanError:
        """What requests are told of what went wrong."""
        if isinstance(caught, DragomanError):
            return caught
        if isinstance(caught, GarbledError):
            message = f"{self._title}: these requests have too many parts and headers"
            return DragomanError(Code.TOO_LARGE, message)
        structlog.get_logger("dragoman.worker").error(
            "a batch broke down", handler=self._title, exc_info=caught
        )
        message = f"{self._title}: the call broke down; the server's log tells more"
        return DragomanError(Code.INTERNAL, message)

    async def _sent_on_thread(self, slot: Slot, jobs: Sequence[HandlerJob], size: int) -> None:
        """A batch whose bodies take long to copy."""
        frame = await asyncio.to_thread(batch_frame, slot, jobs)
        asked_ns = perf_counter_ns()
        reply = await self._ask(slot, frame)
        await self._parts(slot, jobs, reply, asked_ns, size)

    async def _rest(self, asked: "Asked", replied: Replied | DragomanError) -> None:
        """The answers to a batch from the first reply on."""
        reply = await self._checked(asked.slot, replied)
        await self._parts(asked.slot, asked.jobs, reply, asked.since_ns, asked.size)

    async def _parts(
        self, slot: Slot, jobs: Sequence[HandlerJob], reply: Answers, asked_ns: int, size: int
    ) -> None:
        """Give out all that the worker answers."""
        while True:
            infer_ns = perf_counter_ns() - asked_ns
            bodies = await self._bodies(slot, reply, size)
            if not len(reply.answers) == len(bodies) == len(jobs):
                slot.worker.stop("it sent another number of answers than there are requests")
                raise died()
            give(jobs, reply, bodies, infer_ns)
            if not reply.more:
                return
            await asyncio.gather(*(job.room() for job in jobs))
            if all(job.left for job in jobs):
                return
            size = 0
            asked_ns = perf_counter_ns()
            reply = await self._ask(slot, More(slot.index))

    async def _ask(self, slot: Slot, frame: Batch | More) -> Answers:
        """What the worker answers.

        Errors: as `_checked`.
        """
        worker = slot.worker
        limit_s = self._response_timeout_s
        try:
            async with asyncio.timeout(limit_s):
                replied: Replied | DragomanError = await worker.ask(slot, frame)
        except TimeoutError:
            worker.stop(f"it gave no answer within {limit_s:g} s (response_timeout_s)")
            raise died() from None
        except DragomanError as error:
            replied = error
        return await self._checked(slot, replied)

    async def _checked(self, slot: Slot, replied: Replied | DragomanError) -> Answers:
        """The reply, if it is one to a batch.

        Errors: the handler's; UNAVAILABLE, in TorchServe's words, where the worker has ended.
        """
        if isinstance(replied, Answers):
            return replied
        if isinstance(replied, WorkerEndedError):
            raise await death(slot.worker)
        if isinstance(replied, DragomanError):
            raise replied
        slot.worker.stop("it sent what is no answer to a batch")
        raise died()

    async def _bodies(self, slot: Slot, reply: Answers, before: int) -> list[bytes]:
        """The bodies of the answers; what these or the requests took of the memory is given back."""
        try:
            if sum(part.size for part in reply.bodies) > OFFLOAD_BYTES:
                return await asyncio.to_thread(unpacked, slot, reply, before)
            return unpacked(slot, reply, before)
        except MemoryClosedError:
            raise await death(slot.worker) from None
        except GarbledError as error:
            slot.worker.stop(f"it sent {error}")
            raise died() from error


class Asked:
    """A batch that a worker has been asked; what it is told of the reply. `since_ns` = when it was."""

    __slots__ = ("_delivery", "_done", "jobs", "since_ns", "size", "slot")

    def __init__(self, delivery: Delivery, slot: Slot, jobs: Sequence[HandlerJob], size: int) -> None:
        self._delivery = delivery
        self._done = False
        self.slot = slot
        self.jobs = jobs
        self.size = size
        self.since_ns = 0

    def ask(self, frame: Batch) -> None:
        """Send the batch.

        Errors: GarbledError for one that does not fit a frame.
        """
        self._delivery.watch(self)
        self.since_ns = perf_counter_ns()
        try:
            self.slot.worker.ask_for(self.slot, frame, self)
        except GarbledError:
            self._end()
            raise

    def done(self) -> bool:
        """Whether it waits no more."""
        return self._done

    def set_result(self, reply: Replied) -> None:
        """What the worker says to the batch."""
        self._end()
        if not (isinstance(reply, Answers) and self._delivery.took_whole(self, reply)):
            self._delivery.go_on(self, reply)

    def set_exception(self, error: DragomanError) -> None:
        """It says that there is no answer, or has ended."""
        self._end()
        self._delivery.go_on(self, error)

    def expire(self) -> None:
        """It has said nothing for too long."""
        self._done = True
        self._delivery.late(self)

    def _end(self) -> None:
        self._done = True
        self._delivery.alarm.forget(self)


def unpacked(slot: Slot, reply: Answers, before: int) -> list[bytes]:
    """The bodies of the answers; what these or the requests took of the memory is given back.

    Errors: MemoryClosedError, GarbledError.
    """
    memory = slot.memory
    bodies = unpack_bodies(reply.bodies, memory, bytes)
    trim(memory, max(before, used_bytes(reply.bodies)))
    return bodies


def give(jobs: Sequence[HandlerJob], reply: Answers, bodies: Sequence[bytes], infer_ns: int) -> None:
    """Hand each request its answer, or the part of it that there is. A batch counts once, if it was whole."""
    whole = not reply.more and not jobs[0].begun
    counted = jobs[0].statistics.ran(len(jobs), infer_ns) if whole else None
    for job, answer, body in zip(jobs, reply.answers, bodies, strict=True):
        run = Run(infer_ns, 0 if job.begun else job.waited_ns, 1, counted)
        headers = tuple(answer.headers.items())
        part = PayloadResponse(body, answer.media_type, answer.status, answer.reason, headers, run=run)
        job.give(part, last=not reply.more)


def batch_frame(slot: Slot, jobs: Sequence[HandlerJob]) -> Batch:
    """The requests as a frame, their bodies copied.

    Errors: TOO_LARGE; UNAVAILABLE where the worker has ended.
    """
    bodies: list[Body] = []
    told = []
    for job in jobs:
        parts = [(part.name, part.media_type, len(bodies) + at) for at, part in enumerate(job.request.parts)]
        bodies += [part.data for part in job.request.parts]
        told.append(Job(job.call.request_id, dict(job.request.headers), parts))
    try:
        return Batch(slot.index, told, pack_bodies(bodies, slot.memory), jobs[0].envelope)
    except MemoryClosedError:
        raise died() from None


async def death(worker: Worker) -> DragomanError:
    """The error for the requests of a worker that ended; 507 where something outside killed it."""
    if worker.ended_here:
        return died()
    how = await asyncio.to_thread(worker.process.end)
    return died(507 if how in KILLED else 500)


def died(status: int = 500) -> DragomanError:
    """The same, where it is known what became of it."""
    return DragomanError(Code.UNAVAILABLE, DIED, status=status, retry_after_s=1.0)
