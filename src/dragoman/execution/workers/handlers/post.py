"""A post that one worker after another holds: when one ends the next is started, after a pause.

The pauses are TorchServe's. A post is given up when its workers have failed for longer than allowed without
one of them having loaded the handler.
"""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic, time
from typing import Final

import structlog
from msgspec import Struct

from dragoman.core.errors import DragomanError
from dragoman.core.status import WorkerState, WorkerStatus
from dragoman.execution.workers.frames import FromWorker, Load, Ready
from dragoman.execution.workers.handlers.backoff import FibonacciBackoff
from dragoman.execution.workers.process import WorkerProcess, check_ready
from dragoman.execution.workers.worker import Slot, Worker

PAGE: Final = "/proc/{}/statm"
PAGE_BYTES: Final = 4096
LONG_PAUSE_S: Final = 10.0  # one that no request should wait for


class Clock(Struct, frozen=True):
    """What starting workers depends on besides them."""

    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    now_s: Callable[[], float] = monotonic


class Reports(Struct, frozen=True):
    """Who is told of a post's slots and of its state: each free slot, those that are gone, every change."""

    freed: Callable[[Slot], None]
    gone: Callable[[list[Slot]], None]
    changed: Callable[[], None]


class Post:
    """One place for a worker. For the event loop's thread only."""

    def __init__(
        self, number: int, load: Load, times: tuple[float, float], reports: Reports, clock: Clock
    ) -> None:
        self.number = number
        self.state = WorkerState.STARTING
        self.hopeful = True  # whether a request may wait for this post
        self._load = load
        self._startup_s, self._retry_s = times
        self._reports = reports
        self._clock = clock
        self._backoff = FibonacciBackoff()
        self._worker: Worker | None = None
        self._process: WorkerProcess | None = None
        self._started_at_s = 0.0
        self._down_since_s: float | None = None
        self._task: asyncio.Task[None] | None = None
        artifact = load.artifact
        self._log = structlog.get_logger("dragoman.worker").bind(
            model=artifact.model, version=artifact.version, instance=number
        )

    def open(self, loop: asyncio.AbstractEventLoop, first: tuple[WorkerProcess, Ready] | None = None) -> None:
        """Have it held from now on, by a worker that has loaded the handler already where there is one."""
        self._task = loop.create_task(self._hold(loop, first))

    def close(self) -> WorkerProcess | None:
        """Have it held no more; the process that is to be waited for."""
        if self._task is not None:
            self._task.cancel()
        if self._worker is not None and self._worker.alive:
            self._worker.close()
        self._reports.gone(self._slots)
        return self._process

    @property
    def status(self) -> WorkerStatus:
        """How its worker is."""
        pid = self._process.pid if self._process is not None else None
        memory = 0 if pid is None else memory_bytes(pid)
        return WorkerStatus(str(self.number), self.state, pid, self._started_at_s, memory)

    @property
    def places(self) -> int:
        """How many batches its worker takes at once."""
        return len(self._slots)

    @property
    def _slots(self) -> list[Slot]:
        return [] if self._worker is None else self._worker.slots

    async def _hold(self, loop: asyncio.AbstractEventLoop, first: tuple[WorkerProcess, Ready] | None) -> None:
        while True:
            why = await self._serve(loop, first)
            first = None
            how = await self._end()
            now_s = self._clock.now_s()
            since_s = self._down_since_s = now_s if self._down_since_s is None else self._down_since_s
            pause_s = self._backoff.next_s()
            given_up = now_s - since_s >= self._retry_s
            self._log.warning("worker ended", reason=why, how=how, pause_s=None if given_up else pause_s)
            if given_up:
                return self._become(WorkerState.GIVEN_UP, hopeful=False)
            self._become(WorkerState.DOWN, hopeful=pause_s <= LONG_PAUSE_S)
            await self._clock.sleep(pause_s)

    async def _serve(self, loop: asyncio.AbstractEventLoop, first: tuple[WorkerProcess, Ready] | None) -> str:
        """Start a worker unless there is one, and let it serve; returns why it has ended."""
        ended: asyncio.Future[str] = loop.create_future()

        def note(_: Worker, reason: str) -> None:
            if not ended.done():
                ended.set_result(reason)

        self._become(WorkerState.STARTING, hopeful=True)
        self._started_at_s = time()
        try:
            process = self._process = first[0] if first else WorkerProcess(self._load, self.number)
        except DragomanError as error:
            return error.message
        worker = self._worker = Worker(process, loop, freed=self._reports.freed, ended=note)
        try:
            ready = first[1] if first else check_ready(await self._loaded(worker))
        except DragomanError as error:
            return error.message
        if first:
            worker.loaded.set_result(ready)
        self._backoff.reset()
        self._down_since_s = None
        self._become(WorkerState.READY, hopeful=True)
        for slot in worker.open_slots(ready.concurrency):
            self._reports.freed(slot)
        return await ended

    async def _loaded(self, worker: Worker) -> FromWorker:
        """The worker's word on whether the handler is loaded.

        Errors: DEADLINE_EXCEEDED; INTERNAL where it has ended.
        """
        worker.load()
        try:
            async with asyncio.timeout(self._startup_s):
                frame = await worker.loaded
        except TimeoutError:
            raise worker.process.slow(self._startup_s) from None
        if frame is None:
            raise worker.process.ended_early("before it was ready")
        return frame

    async def _end(self) -> str:
        """Leave nothing of the worker; how its process ended."""
        slots, worker, process = self._slots, self._worker, self._process
        self._worker = self._process = None
        if worker is not None and worker.alive:
            worker.close()
        self._reports.gone(slots)
        if process is None:
            return "not started"
        process.kill()
        return await asyncio.to_thread(process.end)

    def _become(self, state: WorkerState, *, hopeful: bool) -> None:
        self.state = state
        self.hopeful = hopeful
        self._reports.changed()


def memory_bytes(pid: int) -> int:
    """What a process holds of the memory; 0 where it has ended."""
    try:
        with open(PAGE.format(pid), encoding="ascii") as file:
            return int(file.read().split()[1]) * PAGE_BYTES
    except (OSError, IndexError, ValueError):
        return 0
