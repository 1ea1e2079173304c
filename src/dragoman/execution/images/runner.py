"""Prepares requests, images among them on threads, and lets another runner run the model.

1. A request that takes long to bind is bound on the thread that prepares it: `run_unbound`.
2. A model in this process that takes any number of calls at once runs on that thread, too, right behind.
   Others are run as ever, which begins on the event loop.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from functools import partial

from dragoman.core.context import CallContext
from dragoman.core.deferred import Deferred
from dragoman.core.requests import CoreRequest, TensorRequest
from dragoman.core.responses import Chunk, CoreResponse, TensorResponse
from dragoman.core.signatures import Signature
from dragoman.core.statistics import Occupancy
from dragoman.execution.admission import full_queue
from dragoman.execution.crew import Crew
from dragoman.execution.deadlines import Alarm, overdue
from dragoman.execution.images.preparation import SHORT_BYTES, Preparation
from dragoman.execution.later import Later
from dragoman.execution.runners import LocalRunner
from dragoman.repository.handle import Handle, Runner
from dragoman.settings.limits import Limits

Prepare = Callable[[], CoreRequest]
Ready = CoreRequest | TensorResponse  # a request that is prepared, or its answer already
Work = Callable[[], Ready]


class Job:
    """One request that is prepared. `ready` has it, unless nobody waits for it any more.

    Its version stays pinned until the thread is through, whoever still waits.
    """

    __slots__ = ("_alarm", "_call", "_error", "_handle", "_result", "_work", "ready")

    def __init__(self, handle: Handle, work: Work, call: CallContext, alarm: Alarm) -> None:
        self._alarm = alarm
        self._handle = handle
        self._work = work
        self._call = call
        self._result: Ready | None = None
        self._error: Exception | None = None
        self.ready: Later[Ready] = Later(self._give_up)
        handle.hold()
        if call.deadline_s is not None:
            alarm.watch(self, call.deadline_s)

    def work(self) -> None:
        """Prepare it, if anyone still waits."""
        if self.ready.done:
            return
        try:
            self._result = self._work()
        except Exception as error:
            self._error = error

    def finish(self) -> None:
        """Give what came of it."""
        self._handle.release()
        self._alarm.forget(self)
        if self._error is not None:
            self.ready.reject(self._error)
        elif self._result is not None:
            self.ready.resolve(self._result)

    def expire(self) -> None:
        """Answer that the deadline has passed."""
        self._call.cancelled = True
        self.ready.reject(overdue())

    def _give_up(self) -> None:
        self._call.cancelled = True
        self._alarm.forget(self)


class PreparingRunner:
    """Runs a model whose inputs callers send in another form. `threads` requests are prepared at once.

    `inner` runs what is prepared already.
    """

    def __init__(self, inner: Runner, name: str, threads: int, queue_limit: int, limits: Limits) -> None:
        self.inner = self._inner = inner
        self._local = inner if isinstance(inner, LocalRunner) and inner.overlaps else None
        self._name = name
        self._limits = limits
        self._preparations: dict[str, Preparation] = {}
        self._queue_limit = queue_limit
        self._threads = threads
        self._alarm = Alarm()
        self._crew = Crew(threads, f"images-{name}")

    def run(
        self, handle: Handle, request: CoreRequest, signature: Signature, call: CallContext
    ) -> TensorResponse | Awaitable[CoreResponse]:
        """The answer, or something to await; what takes long to prepare always is."""
        if not isinstance(request, TensorRequest):
            return self._inner.run(handle, request, signature, call)
        preparation = self._preparation(signature)
        size = preparation.size(request)
        if size > SHORT_BYTES:
            return self._run_later(handle, partial(preparation.prepared, request, call), signature, call)
        ready = preparation.prepared(request, call) if size else request
        return self._inner.run(handle, ready, signature, call)

    def run_unbound(
        self, handle: Handle, bind: Prepare, signature: Signature, call: CallContext
    ) -> Awaitable[CoreResponse]:
        """The same for a request that takes long to bind, which is done on the thread that prepares it."""
        preparation = self._preparation(signature)

        def prepare() -> CoreRequest:
            request = bind()
            return preparation.prepared(request, call) if isinstance(request, TensorRequest) else request

        return self._run_later(handle, prepare, signature, call)

    async def prepare(
        self, handle: Handle, request: TensorRequest, signature: Signature, call: CallContext
    ) -> TensorRequest:
        """The request with the model's own values, as `inner` takes it."""
        preparation = self._preparation(signature)
        found = await self._prepared(handle, partial(preparation.prepared, request, call), call)
        if not isinstance(found, TensorRequest):
            raise TypeError("a prepared request is of the kind that it was")
        return found

    async def stream(
        self, handle: Handle, request: CoreRequest, signature: Signature, call: CallContext
    ) -> AsyncGenerator[Chunk, None]:
        """The answer in parts."""
        if isinstance(request, TensorRequest):
            request = await self.prepare(handle, request, signature, call)
        async with aclosing(self._inner.stream(handle, request, signature, call)) as chunks:
            async for chunk in chunks:
                yield chunk

    def occupancy(self) -> Occupancy | None:
        """How busy the model is."""
        return self._inner.occupancy()

    def close(self) -> None:
        """Close the model. Images that nobody waits for any more may still be decoded meanwhile."""
        self._crew.close()
        self._inner.close()

    def _preparation(self, signature: Signature) -> Preparation:
        found = self._preparations.get(signature.name)
        if found is None:
            found = self._preparations[signature.name] = Preparation(signature, self._limits)
        return found

    def _run_later(
        self, handle: Handle, prepare: Prepare, signature: Signature, call: CallContext
    ) -> Later[CoreResponse]:
        """The answer to a request that is prepared on a thread first."""
        ready = self._prepared(handle, self._whole(handle, prepare, signature, call), call)
        stages: list[Deferred[Ready] | Deferred[CoreResponse] | asyncio.Task[None]] = [ready]

        def give_up() -> None:
            stages[-1].cancel()

        answer: Later[CoreResponse] = Later(give_up)

        # In quotes: what stands there would be made anew at each call.
        def go_on(_: "Deferred[Ready]") -> None:
            try:
                found = ready.result()
                if isinstance(found, TensorResponse):
                    answer.resolve(found)
                    return
                given = self._inner.run(handle, found, signature, call)
            except Exception as error:
                answer.reject(error)
                return
            if isinstance(given, TensorResponse):
                answer.resolve(given)
            elif isinstance(given, Deferred):
                stages.append(given)
                given.then(partial(hand_on, answer))
            else:
                stages.append(asyncio.get_running_loop().create_task(wait_and_hand_on(answer, given)))

        ready.then(go_on)
        return answer

    def _whole(self, handle: Handle, prepare: Prepare, signature: Signature, call: CallContext) -> Work:
        """All that can be done on a thread."""
        local = self._local
        if local is None:
            return prepare

        def work() -> Ready:
            request = prepare()
            return local.run_here(handle, request, signature, call) if not call.cancelled else request

        return work

    def _prepared(self, handle: Handle, work: Work, call: CallContext) -> Later[Ready]:
        """The request, prepared on a thread.

        Errors: RESOURCE_EXHAUSTED with reason QUEUE_FULL.
        """
        if self._crew.unfinished >= self._threads + self._queue_limit:
            raise full_queue(self._name, self._queue_limit)
        job = Job(handle, work, call, self._alarm)
        self._crew.do(job)
        return job.ready


def hand_on(answer: Later[CoreResponse], given: Deferred[CoreResponse]) -> None:
    """Give what has been given."""
    try:
        answer.resolve(given.result())
    except Exception as error:
        answer.reject(error)


async def wait_and_hand_on(answer: Later[CoreResponse], given: Awaitable[CoreResponse]) -> None:
    """Give what is going to be given."""
    try:
        answer.resolve(await given)
    except Exception as error:
        answer.reject(error)
