"""The workers of one version: calls are spread over their slots, and a worker that ends is started again.

Calls wait in one line for a slot, also while no worker is up. A worker that ends fails only the calls it had;
it is started again after a pause, which doubles each time unless the worker had answered a call. Where it
does not start `FAILURES_ALLOWED` times in a row and no other is up, the version is down: calls are refused
with the cause until a worker is up again.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from random import random
from typing import Final

import structlog
from msgspec import Struct

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError
from dragoman.core.statistics import Occupancy
from dragoman.core.status import Cause
from dragoman.execution.admission import Slots
from dragoman.execution.deadlines import within
from dragoman.execution.workers.backoff import Backoff
from dragoman.execution.workers.frames import FromWorker, Load, Ready
from dragoman.execution.workers.process import WorkerProcess, check_ready
from dragoman.execution.workers.worker import Slot, Worker

FAILURES_ALLOWED: Final = 5

Health = Callable[[Cause | None], None]


class Restarts(Struct, frozen=True):
    """What starting a worker again depends on: the clock and chance."""

    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    random: Callable[[], float] = random


class WorkerPool:
    """Workers on the event loop; every method is for its thread.

    `health` is told the cause when the version goes down, and None when it is up again.
    """

    def __init__(
        self, load: Load, loop: asyncio.AbstractEventLoop, health: Health, restarts: Restarts
    ) -> None:
        artifact = load.artifact
        self._load = load
        self._loop = loop
        self._health = health
        self._sleep = restarts.sleep
        self._settings = artifact.settings
        self._title = f"model {artifact.model} version {artifact.version}"
        self._backoffs = [Backoff(restarts.random) for _ in range(self._settings.instances)]
        self._slots = Slots(0, self._settings.max_queue, artifact.model)
        self._free: deque[Slot] = deque()
        self._up: set[Worker] = set()
        self._starting: set[Worker] = set()
        self._ending: set[WorkerProcess] = set()  # which have yet to be waited for
        self._tasks: set[asyncio.Task[None]] = set()
        self._down: DragomanError | None = None
        self._log = structlog.get_logger("dragoman.worker").bind(
            model=artifact.model, version=artifact.version
        )

    def adopt(self, process: WorkerProcess, ready: Ready) -> None:
        """Take over a worker in which the model is loaded."""
        worker = self._worker(process)
        worker.loaded.set_result(ready)
        self._join(worker, ready)

    def try_take(self) -> Slot | None:
        """A slot for a call, if one is free now."""
        if self._free and self._slots.try_take():
            return self._pop()
        return None

    async def take(self, call: CallContext) -> Slot:
        """A slot for a call, waited for in line.

        Errors: RESOURCE_EXHAUSTED with reason QUEUE_FULL; DEADLINE_EXCEEDED; UNAVAILABLE where no worker
        starts.
        """
        while True:
            if self._down is not None:
                raise self._down
            await within(call, self._slots.take())
            if self._free:  # else the slot's worker ended before this call could begin
                return self._pop()

    @property
    def occupancy(self) -> Occupancy:
        """The places of the workers that are up."""
        slots = [slot for worker in self._up for slot in worker.slots]
        return Occupancy(len(slots), sum(slot.held for slot in slots), len(slots))

    def stop(self) -> list[WorkerProcess]:
        """Tell every worker to end; the processes that are to be waited for."""
        for task in self._tasks:
            task.cancel()
        self._down = DragomanError(Code.UNAVAILABLE, f"{self._title} was unloaded")
        self._slots.refuse_waiting(self._down)
        self._free.clear()
        workers = [*self._up, *self._starting]
        for worker in workers:
            worker.close()
        return [*(worker.process for worker in workers), *self._ending]

    def _worker(self, process: WorkerProcess) -> Worker:
        return Worker(process, self._loop, freed=self._freed, ended=self._ended)

    def _join(self, worker: Worker, ready: Ready) -> None:
        self._up.add(worker)
        for slot in worker.open_slots(ready.concurrency):
            self._freed(slot)
        self._report(None)

    def _pop(self) -> Slot:
        slot = self._free.popleft()
        slot.held = True
        return slot

    def _freed(self, slot: Slot) -> None:
        if slot.worker.alive:
            self._free.append(slot)
            self._slots.give()

    def _ended(self, worker: Worker, reason: str) -> None:
        if worker not in self._up:
            return  # whoever starts it looks after it
        self._up.discard(worker)
        self._ending.add(worker.process)
        for slot in worker.slots:
            if slot in self._free:
                self._free.remove(slot)
                self._slots.try_take()  # if that fails, the call that has it finds out in `take`
        task = self._loop.create_task(self._replace(worker, reason))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _replace(self, ended: Worker, reason: str) -> None:
        instance = ended.process.instance
        how = await asyncio.to_thread(ended.process.end)
        self._ending.discard(ended.process)
        self._log.warning("worker ended", instance=instance, reason=reason, how=how)
        backoff = self._backoffs[instance]
        if ended.answered:
            backoff.reset()
        failures = 0
        while True:
            await self._sleep(backoff.next_s())
            try:
                worker, ready = await self._start(instance)
            except DragomanError as error:
                failures += 1
                self._log.error(
                    "worker does not start", instance=instance, failures=failures, cause=error.message
                )
                if failures >= FAILURES_ALLOWED and not self._up:
                    self._report(error)
            else:
                return self._join(worker, ready)

    async def _start(self, instance: int) -> tuple[Worker, Ready]:
        """A new worker with the model loaded. No process is left where that fails."""
        process = WorkerProcess(self._load, instance)
        worker = self._worker(process)
        self._starting.add(worker)
        try:
            worker.load()
            frame = await self._loaded(worker)
            if frame is None:
                raise process.ended_early(await asyncio.to_thread(process.end))
            return worker, check_ready(frame)
        except DragomanError:
            worker.close()
            await asyncio.to_thread(process.end)
            raise
        finally:
            self._starting.discard(worker)

    async def _loaded(self, worker: Worker) -> FromWorker | None:
        timeout_s = self._settings.worker.load_timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                return await worker.loaded
        except TimeoutError:
            raise worker.process.slow(timeout_s) from None

    def _report(self, error: DragomanError | None) -> None:
        if (error is None) == (self._down is None):
            return
        self._down = None
        if error is not None:
            message = f"{self._title} is down, its worker does not start: {error.message}"
            self._down = DragomanError(Code.UNAVAILABLE, message, retry_after_s=1.0)
            self._slots.refuse_waiting(self._down)
        self._health(None if error is None else Cause(error.code, error.message))
