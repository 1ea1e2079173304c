"""Runs a handler: requests stand in line, become batches, and get their answers part by part."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Iterable, Sequence
from time import monotonic
from typing import Final

from msgspec.structs import replace

from dragoman.core.context import CallContext
from dragoman.core.deferred import Deferred
from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.measures import Measure
from dragoman.core.requests import CoreRequest, PayloadRequest
from dragoman.core.responses import Chunk, CoreResponse, PayloadResponse, TensorResponse
from dragoman.core.signatures import Signature
from dragoman.core.statistics import Occupancy, Run
from dragoman.core.status import WorkersStatus
from dragoman.execution.deadlines import Alarm
from dragoman.execution.later import Later
from dragoman.execution.workers.handlers.clock import Clock
from dragoman.execution.workers.handlers.delivery import Delivery
from dragoman.execution.workers.handlers.envelopes import closed, is_large, opened
from dragoman.execution.workers.handlers.job import HandlerJob, Part, anew
from dragoman.execution.workers.handlers.line import Line, Rules
from dragoman.execution.workers.handlers.model import HandlerModel
from dragoman.execution.workers.handlers.post import Terms
from dragoman.execution.workers.handlers.scaling import Scaling
from dragoman.execution.workers.handlers.staff import Staff
from dragoman.execution.workers.memory import SLOT_BYTES
from dragoman.execution.workers.process import WorkerProcess, end_on_loop
from dragoman.execution.workers.worker import Slot
from dragoman.repository.handle import Begun, Handle
from dragoman.telemetry.measures import Told, untold

USUAL_CLOCK: Final = Clock()
LARGE_BODY_BYTES: Final = 64 * 1024  # of JSON, that is read on a thread
MOST_JOINED_BYTES: Final = SLOT_BYTES  # of an answer in parts for a caller who takes it as a whole


class HandlerRunner:
    """Takes a handler's workers over. May be made on any thread, and closed on any but the loop's."""

    def __init__(
        self,
        model: HandlerModel,
        loop: asyncio.AbstractEventLoop,
        clock: Clock = USUAL_CLOCK,
        measured: Told = untold,
    ) -> None:
        plan = model.plan
        artifact = model.load.artifact
        self._model = model
        self._plan = plan
        self._loop = loop
        self._clock = clock
        self._terms = plan.terms
        title = f"model {artifact.model} version {artifact.version}"
        self._no_worker = DragomanError(
            Code.UNAVAILABLE, f"{title} has no worker that could answer", reason=Reason.NO_WORKER
        )
        self._grace_s = artifact.settings.worker.grace_s
        self._alarm = Alarm()
        self._delivery = Delivery(title, plan.response_timeout_s, self._grace_s, loop)
        self._line = Line(
            title, Rules(plan.batch_size, plan.batch_delay_s, plan.queue), clock, self._begin_batch
        )
        terms = Terms(model.workplace, plan.gpus, plan.startup_timeout_s, plan.retry_s, clock)
        self._staff = Staff(model.load, terms, self._line, self._no_worker, measured)
        self._scaling = Scaling(self._staff, self._line, plan.pace, clock)
        self._staff.changed = self._scaling.changed
        loop.call_soon_threadsafe(self._begin)

    def run(
        self, handle: Handle, request: CoreRequest, signature: Signature, call: CallContext
    ) -> Awaitable[CoreResponse]:
        """The whole answer, to be awaited; its parts are joined.

        Errors: UNAVAILABLE with reason NO_WORKER, RESOURCE_EXHAUSTED with reason QUEUE_FULL, both at once
        for bodies.
        """
        if isinstance(request, PayloadRequest):
            return self._whole(handle, request, self._enter(handle, request, None, call))
        return self._enveloped(handle, request, call)

    def begin(self, handle: Handle, request: PayloadRequest, call: CallContext) -> Later[Begun]:
        """The first part of an answer to bodies, which mostly is all of it, without a task.

        Errors: as `run`, at once.
        """
        job = self._enter(handle, request, None, call)
        first = job.first(self._alarm, lambda: self._line.leave(job))
        begun: Later[Begun] = Later(first.cancel)

        # In quotes: what stands there would be made anew at each call.
        def go_on(_: "Deferred[Part]") -> None:
            try:
                answer, last = first.result()
            except DragomanError as error:
                self._line.leave(job)
                begun.reject(error)
                return
            answer.version = handle.version
            if last:
                self._line.leave(job)
            begun.resolve(Begun(answer, None if last else Parts(answer, job, self._line)))

        first.then(go_on)
        return begun

    async def stream(
        self, handle: Handle, request: CoreRequest, signature: Signature, call: CallContext
    ) -> AsyncGenerator[Chunk, None]:
        """The answer in parts, each as soon as the handler has sent it."""
        job = await self._opened(handle, request, call)
        try:
            last = False
            while not last:
                part, last = await job.next()
                if isinstance(request, PayloadRequest):
                    yield Chunk(run=part.run, version=handle.version, payload=part, last=last)
                else:
                    answer = await in_kind(request, part)
                    outputs = answer.outputs if isinstance(answer, TensorResponse) else {}
                    yield Chunk(outputs, part.run, handle.version, last=last)
        finally:
            self._line.leave(job)

    def workers(self) -> WorkersStatus:
        """How the workers are."""
        return replace(self._staff.status, waiting=self._line.waiting, terms=self._terms)

    def measures(self) -> Sequence[Measure]:
        """What the handler has measured, as it is now."""
        return self._staff.measures.current()

    def occupancy(self) -> Occupancy:
        """How busy the workers are."""
        places = self._staff.places
        return Occupancy(places, self._delivery.busy, places)

    def scale(self, minimum: int, maximum: int) -> None:
        """Have at least and at most so many workers from now on.

        Those that are let go end what they have at hand first.
        """
        self._staff.scale(minimum, maximum)

    async def settled(self) -> None:
        """Wait until every worker has loaded the handler.

        Errors: why one of them did not.
        """
        await self._staff.settled()

    def close(self) -> None:
        """Let the workers end; it blocks."""

        def stop() -> Iterable[WorkerProcess]:
            self._scaling.stop()
            return self._staff.close()

        end_on_loop(self._loop, stop, self._grace_s)
        self._model.close()

    def _begin(self) -> None:
        self._staff.adopt(self._model.hand_over(), self._plan.minimum, self._plan.maximum)

    def _enter(
        self, handle: Handle, request: PayloadRequest, envelope: str | None, call: CallContext
    ) -> HandlerJob:
        """Put a request in line."""
        if not self._staff.hopeful:
            raise anew(self._no_worker)
        if self._plan.client_timeout_s:
            latest_s = monotonic() + self._plan.client_timeout_s
            call.deadline_s = latest_s if call.deadline_s is None else min(call.deadline_s, latest_s)
        job = HandlerJob(request, envelope, call, self._clock.now_s(), handle.statistics)
        self._line.add(job)
        if self._line.waiting:
            self._scaling.waiting()
        return job

    async def _opened(self, handle: Handle, request: CoreRequest, call: CallContext) -> HandlerJob:
        """The same for a request of any kind."""
        if is_large(request):
            payload, envelope = await asyncio.to_thread(opened, request, call.request_id)
        else:
            payload, envelope = opened(request, call.request_id)
        return self._enter(handle, payload, envelope, call)

    async def _enveloped(self, handle: Handle, request: CoreRequest, call: CallContext) -> CoreResponse:
        return await self._whole(handle, request, await self._opened(handle, request, call))

    async def _whole(self, handle: Handle, request: CoreRequest, job: HandlerJob) -> CoreResponse:
        try:
            answer, last = await job.next()
            if not last:
                await self._join(answer, job)
        finally:
            self._line.leave(job)
        answer.version = handle.version
        return await in_kind(request, answer)

    async def _join(self, first: PayloadResponse, job: HandlerJob) -> None:
        """Put the bodies and times of all parts into the first.

        Errors: TOO_LARGE.
        """
        bodies = [first.body]
        run = first.run or Run()
        size = 0
        last = False
        while not last:
            part, last = await job.next()
            bodies.append(part.body)
            run.infer_ns += part.run.infer_ns if part.run else 0
            size += len(part.body)
            if size > MOST_JOINED_BYTES:
                raise DragomanError(
                    Code.TOO_LARGE, f"the parts of the answer have more than {MOST_JOINED_BYTES} bytes"
                )
        first.body = b"".join(bodies)
        first.run = run

    def _begin_batch(self, slot: Slot, jobs: list[HandlerJob]) -> None:
        slot.held = True
        now_s = self._clock.now_s()
        for job in jobs:
            job.waited_ns = int((now_s - job.since_s) * 1e9)
        self._delivery.begin(slot, jobs)


class Parts:
    """All parts of an answer of which the first is there. Whoever reads them must close them."""

    def __init__(self, first: PayloadResponse, job: HandlerJob, line: Line) -> None:
        self._next: tuple[PayloadResponse, bool] | None = (first, False)
        self._job = job
        self._line = line
        self._last = False

    async def __anext__(self) -> Chunk:
        if self._last:
            raise StopAsyncIteration
        part, self._last = self._next or await self._job.next()
        self._next = None
        return Chunk(run=part.run, version=part.version, payload=part, last=self._last)

    def close(self) -> None:
        """Nobody reads on."""
        self._line.leave(self._job)

    async def aclose(self) -> None:
        """The same."""
        self.close()


async def in_kind(request: CoreRequest, answer: PayloadResponse) -> CoreResponse:
    """The answer in the request's kind.

    Errors: as `closed`.
    """
    if isinstance(request, PayloadRequest) or len(answer.body) <= LARGE_BODY_BYTES:
        return closed(request, answer)
    return await asyncio.to_thread(closed, request, answer)
