"""Runs a handler: requests stand in line, become batches, and get their answers part by part."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from functools import partial
from time import monotonic, perf_counter_ns
from typing import Final

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.requests import CoreRequest, PayloadRequest
from dragoman.core.responses import Chunk, CoreResponse, PayloadResponse, TensorResponse
from dragoman.core.signatures import Signature
from dragoman.core.statistics import Occupancy, Run
from dragoman.core.status import WorkersStatus, WorkerState
from dragoman.execution.workers.frames import Answers, Batch, GarbledError, Job, More, Ready
from dragoman.execution.workers.handlers.bodies import Body, pack_bodies, unpack_bodies
from dragoman.execution.workers.handlers.envelopes import closed, opened
from dragoman.execution.workers.handlers.job import HandlerJob
from dragoman.execution.workers.handlers.line import Line
from dragoman.execution.workers.handlers.model import HandlerModel
from dragoman.execution.workers.handlers.post import Clock, Post, Reports
from dragoman.execution.workers.memory import MemoryClosedError, trim
from dragoman.execution.workers.packing import used_bytes
from dragoman.execution.workers.process import WorkerProcess
from dragoman.execution.workers.worker import Slot
from dragoman.repository.handle import Handle

STOP_S: Final = 5.0  # for the loop to stop the workers; it may itself have come to its end
USUAL_CLOCK: Final = Clock()
DIED: Final = "Worker died."  # TorchServe's words
KILLED: Final = frozenset({"signal SIGKILL", "exit code 137"})  # as the kernel does where memory is short


class HandlerRunner:
    """Takes a handler's workers over. May be made on any thread, and closed on any but the loop's."""

    def __init__(
        self, model: HandlerModel, loop: asyncio.AbstractEventLoop, clock: Clock = USUAL_CLOCK
    ) -> None:
        plan = model.plan
        artifact = model.load.artifact
        self._model = model
        self._plan = plan
        self._loop = loop
        self._clock = clock
        self._title = f"model {artifact.model} version {artifact.version}"
        self._grace_s = artifact.settings.worker.grace_s
        self._minimum, self._maximum = plan.minimum, plan.maximum
        self._numbers = 0
        self._posts: list[Post] = []
        self._batches: set[asyncio.Task[None]] = set()
        self._line = Line(loop, plan.batch_size, plan.batch_delay_s, plan.queue, self._begin_batch)
        self._reports = Reports(self._freed, self._forget, self._changed)
        loop.call_soon_threadsafe(self._begin)

    def run(
        self, handle: Handle, request: CoreRequest, signature: Signature, call: CallContext
    ) -> Awaitable[CoreResponse]:
        """The whole answer, to be awaited; its parts are joined.

        Errors: UNAVAILABLE with reason NO_WORKER, RESOURCE_EXHAUSTED with reason QUEUE_FULL, at once.
        """
        return self._whole(handle, request, self._enter(request, call))

    async def stream(
        self, handle: Handle, request: CoreRequest, signature: Signature, call: CallContext
    ) -> AsyncGenerator[Chunk, None]:
        """The answer in parts, each as soon as the handler has sent it."""
        job = self._enter(request, call)
        before_ns = perf_counter_ns()
        async for part, last in job.parts():
            run = Run(perf_counter_ns() - before_ns, max(job.taken_ns - job.since_ns, 0))
            if isinstance(request, PayloadRequest):
                yield Chunk(run=run, version=handle.version, payload=part, last=last)
            else:
                answer = closed(request, part)
                outputs = answer.outputs if isinstance(answer, TensorResponse) else {}
                yield Chunk(outputs, run, handle.version, last=last)
            before_ns = perf_counter_ns()

    def workers(self) -> WorkersStatus:
        """How the workers are."""
        healthy = sum(post.state is not WorkerState.GIVEN_UP for post in self._posts)
        return WorkersStatus(
            self._minimum, self._maximum, healthy, tuple(post.status for post in self._posts)
        )

    def occupancy(self) -> Occupancy:
        """How busy the workers are."""
        places = sum(post.places for post in self._posts)
        return Occupancy(places, len(self._batches), places)

    def scale(self, minimum: int, maximum: int) -> list[WorkerProcess]:
        """Have at least and at most so many workers; the processes of those that are let go.

        For the event loop's thread. Requests that they have are failed.
        """
        self._minimum, self._maximum = minimum, maximum
        while len(self._posts) < minimum:
            self._add()
        left = [self._posts.pop() for _ in range(len(self._posts) - maximum)]
        gone = [process for post in left if (process := post.close()) is not None]
        self._changed()
        return gone

    def close(self) -> None:
        """Let the workers end; it blocks."""
        stopped = threading.Event()
        processes: list[WorkerProcess] = []

        def stop() -> None:
            processes.extend(self.scale(0, 0))
            stopped.set()

        try:
            self._loop.call_soon_threadsafe(stop)
        except RuntimeError:  # the loop is closed: the server ends, and its workers with it
            self._model.close()
            return
        stopped.wait(STOP_S)
        for process in processes:
            process.end(self._grace_s)

    def _begin(self) -> None:
        for worker in self._model.hand_over():
            self._add(worker)

    def _add(self, worker: tuple[WorkerProcess, Ready] | None = None) -> None:
        times = (self._plan.startup_timeout_s, self._plan.retry_s)
        post = Post(self._numbers, self._model.load, times, self._reports, self._clock)
        self._numbers += 1
        self._posts.append(post)
        post.open(self._loop, worker)

    def _freed(self, slot: Slot) -> None:
        if slot.worker.alive:
            self._line.free(slot)

    def _forget(self, slots: list[Slot]) -> None:
        for slot in slots:
            self._line.forget(slot)

    def _changed(self) -> None:
        if not any(post.hopeful for post in self._posts):
            self._line.refuse(self._no_worker())

    def _no_worker(self) -> DragomanError:
        return DragomanError(
            Code.UNAVAILABLE, f"{self._title} has no worker that could answer", reason=Reason.NO_WORKER
        )

    def _enter(self, request: CoreRequest, call: CallContext) -> HandlerJob:
        """Put a request in line."""
        if not any(post.hopeful for post in self._posts):
            raise self._no_worker()
        payload, envelope = opened(request, call.request_id)
        if self._plan.client_timeout_s:
            latest_s = monotonic() + self._plan.client_timeout_s
            call.deadline_s = latest_s if call.deadline_s is None else min(call.deadline_s, latest_s)
        job = HandlerJob(payload, envelope, call, perf_counter_ns())
        self._line.add(job, self._title)
        return job

    async def _whole(self, handle: Handle, request: CoreRequest, job: HandlerJob) -> CoreResponse:
        first: PayloadResponse | None = None
        bodies = []
        async for part, _ in job.parts():
            first = first or part
            bodies.append(part.body)
        if first is None:
            raise self._no_worker()
        first.body = b"".join(bodies) if len(bodies) > 1 else first.body
        first.version = handle.version
        first.run = Run(perf_counter_ns() - job.taken_ns, max(job.taken_ns - job.since_ns, 0))
        return closed(request, first)

    def _begin_batch(self, slot: Slot, jobs: list[HandlerJob]) -> None:
        slot.held = True
        task = self._loop.create_task(self._answer(slot, jobs))
        self._batches.add(task)
        task.add_done_callback(self._batches.discard)

    async def _answer(self, slot: Slot, jobs: list[HandlerJob]) -> None:
        """One batch, to its last part. Whatever happens, every request of it is answered."""
        taken_ns = perf_counter_ns()
        for job in jobs:
            job.taken_ns = taken_ns
        try:
            reply = await self._ask(slot, partial(batch_frame, slot, jobs))
            while self._give(slot, jobs, reply):
                await asyncio.gather(*(job.room() for job in jobs))
                reply = await self._ask(slot, partial(More, slot.index))
        except DragomanError as error:
            for job in jobs:
                job.fail(error)
        finally:
            slot.worker.leave(slot, CallContext(""), self._grace_s)

    async def _ask(self, slot: Slot, frame: Callable[[], Batch | More]) -> Answers:
        """What the worker answers.

        Errors: the handler's; UNAVAILABLE, in TorchServe's words, where the worker ends or is not in time.
        """
        worker = slot.worker
        limit_s = self._plan.response_timeout_s
        try:
            async with asyncio.timeout(limit_s):
                reply = await worker.ask(slot, frame())
        except TimeoutError:
            worker.stop(f"it gave no answer within {limit_s:g} s (response_timeout_s)")
            raise died(500) from None
        except MemoryClosedError:
            raise died(500) from None
        except DragomanError:
            if worker.alive:
                raise
            how = await asyncio.to_thread(worker.process.end)
            raise died(507 if how in KILLED else 500) from None
        if isinstance(reply, Answers):
            return reply
        worker.stop("it sent what is no answer to a batch")
        raise died(500)

    def _give(self, slot: Slot, jobs: Sequence[HandlerJob], reply: Answers) -> bool:
        """Hand the answers over; whether more of them follow."""
        try:
            bodies = unpack_bodies(reply.bodies, slot.memory)
            trim(slot.memory, used_bytes(reply.bodies))
        except (GarbledError, MemoryClosedError) as error:
            slot.worker.stop(f"it sent {error}")
            raise died(500) from error
        if not len(reply.answers) == len(bodies) == len(jobs):
            slot.worker.stop("it sent another number of answers than there are requests")
            raise died(500)
        for job, answer, body in zip(jobs, reply.answers, bodies, strict=True):
            part = PayloadResponse(
                bytes(body), answer.media_type, answer.status, answer.reason, tuple(answer.headers.items())
            )
            job.give(part, last=not reply.more)
        return reply.more


def batch_frame(slot: Slot, jobs: Sequence[HandlerJob]) -> Batch:
    """The requests as a frame, their bodies copied.

    Errors: TOO_LARGE; MemoryClosedError.
    """
    bodies: list[Body] = []
    told = []
    for job in jobs:
        parts = [(part.name, part.media_type, len(bodies) + at) for at, part in enumerate(job.request.parts)]
        bodies += [part.data for part in job.request.parts]
        told.append(Job(job.call.request_id, dict(job.request.headers), parts))
    return Batch(slot.index, told, pack_bodies(bodies, slot.memory), jobs[0].envelope)


def died(status: int) -> DragomanError:
    """The error for the requests of a worker that ended."""
    return DragomanError(Code.UNAVAILABLE, DIED, status=status, retry_after_s=1.0)
