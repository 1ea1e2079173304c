"""Has a batch answered by the worker whose slot it was given, part by part."""

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic, perf_counter_ns
from typing import Final, TypeVar

import structlog

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError
from dragoman.core.responses import PayloadResponse
from dragoman.core.statistics import Run
from dragoman.execution.workers.frames import Answers, Batch, GarbledError, Job, More
from dragoman.execution.workers.handlers.bodies import Body, pack_bodies, unpack_bodies
from dragoman.execution.workers.handlers.job import HandlerJob
from dragoman.execution.workers.memory import MemoryClosedError, trim
from dragoman.execution.workers.packing import used_bytes
from dragoman.execution.workers.runner import OFFLOAD_BYTES
from dragoman.execution.workers.worker import Slot, Worker, WorkerEndedError

DIED: Final = "Worker died."  # TorchServe's words
KILLED: Final = frozenset({"signal SIGKILL", "exit code 137"})  # as the kernel does where memory is short
T = TypeVar("T")


class Delivery:
    """Whatever happens, every request of a batch is answered. For the event loop's thread only."""

    def __init__(self, title: str, response_timeout_s: float, grace_s: float) -> None:
        self._title = title
        self._response_timeout_s = response_timeout_s
        self._grace_s = grace_s

    async def answer(self, slot: Slot, jobs: Sequence[HandlerJob]) -> None:
        """One batch, to its last part. Where nobody waits for it any more, the worker is told."""
        try:
            await self._answer(slot, jobs)
        except DragomanError as error:
            for job in jobs:
                job.fail(error)
        except Exception:
            structlog.get_logger("dragoman.worker").exception("a batch broke down", handler=self._title)
            message = f"{self._title}: the call broke down; the server's log tells more"
            for job in jobs:
                job.fail(DragomanError(Code.INTERNAL, message))
        finally:
            rest = CallContext("", monotonic() + self._response_timeout_s)
            slot.worker.leave(slot, rest, self._grace_s)

    async def _answer(self, slot: Slot, jobs: Sequence[HandlerJob]) -> None:
        size = sum(job.body_bytes for job in jobs)
        frame: Batch | More = await copied(size, lambda: batch_frame(slot, jobs))
        while True:
            asked_ns = perf_counter_ns()
            reply = await self._ask(slot, frame)
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
            frame = More(slot.index)
            size = 0

    async def _ask(self, slot: Slot, frame: Batch | More) -> Answers:
        """What the worker answers.

        Errors: the handler's; UNAVAILABLE, in TorchServe's words, where the worker ends or is not in time.
        """
        worker = slot.worker
        limit_s = self._response_timeout_s
        try:
            async with asyncio.timeout(limit_s):
                reply = await worker.ask(slot, frame)
        except TimeoutError:
            worker.stop(f"it gave no answer within {limit_s:g} s (response_timeout_s)")
            raise died() from None
        except GarbledError:
            message = f"{self._title}: these requests have too many parts and headers"
            raise DragomanError(Code.TOO_LARGE, message) from None
        except WorkerEndedError:
            raise await death(worker) from None
        if isinstance(reply, Answers):
            return reply
        worker.stop("it sent what is no answer to a batch")
        raise died()

    async def _bodies(self, slot: Slot, reply: Answers, before: int) -> list[bytes]:
        """The bodies of the answers; what these or the requests took of the memory is given back."""

        def copy() -> list[bytes]:
            memory = slot.memory
            bodies = unpack_bodies(reply.bodies, memory, bytes)
            trim(memory, max(before, used_bytes(reply.bodies)))
            return bodies

        try:
            return await copied(sum(part.size for part in reply.bodies), copy)
        except MemoryClosedError:
            raise await death(slot.worker) from None
        except GarbledError as error:
            slot.worker.stop(f"it sent {error}")
            raise died() from error


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


async def copied(size_bytes: int, copy: Callable[[], T]) -> T:
    """What `copy` gives, which takes a thread where there is much to copy."""
    return await asyncio.to_thread(copy) if size_bytes > OFFLOAD_BYTES else copy()


async def death(worker: Worker) -> DragomanError:
    """The error for the requests of a worker that ended; 507 where something outside killed it."""
    if worker.ended_here:
        return died()
    how = await asyncio.to_thread(worker.process.end)
    return died(507 if how in KILLED else 500)


def died(status: int = 500) -> DragomanError:
    """The same, where it is known what became of it."""
    return DragomanError(Code.UNAVAILABLE, DIED, status=status, retry_after_s=1.0)
