"""A post that one worker after another holds: when one ends the next is started, after a pause.

The pauses are TorchServe's. A post is given up when its workers have failed for longer than allowed without
one of them having loaded the handler.
"""

import asyncio
from collections.abc import Callable, Sequence
from time import time
from typing import Final

import structlog
from msgspec import Struct

from dragoman.core.errors import DragomanError
from dragoman.core.measures import Measurement
from dragoman.core.status import WorkerState, WorkerStatus
from dragoman.execution.workers.frames import FromWorker, Load, Ready
from dragoman.execution.workers.handlers.backoff import FibonacciBackoff
from dragoman.execution.workers.handlers.clock import Clock
from dragoman.execution.workers.handlers.devices import GPU
from dragoman.execution.workers.handlers.workplace import Workplace
from dragoman.execution.workers.process import WorkerProcess, check_ready
from dragoman.execution.workers.worker import Slot, Worker

PAGE: Final = "/proc/{}/statm"
PAGE_BYTES: Final = 4096
LONG_PAUSE_S: Final = 10.0  # one that no request should wait for
STARTUP_SETTING: Final = "handler.startup_timeout_s"

Held = tuple[WorkerProcess, Ready]


class Terms(Struct, frozen=True):
    """What all posts of a handler have in common: where workers are started, on which GPUs, and times."""

    workplace: Workplace
    gpus: Sequence[int]
    startup_s: float
    retry_s: float
    clock: Clock


class Reports(Struct, frozen=True):
    """Who is told of a post: each free slot, a worker that takes no more, every change, what is measured."""

    freed: Callable[[Slot], None]
    gone: Callable[[Worker], None]
    changed: Callable[[], None]
    measured: Callable[[Sequence[Measurement]], None]


class Post:
    """One place for a worker. For the event loop's thread only."""

    def __init__(self, number: int, load: Load, terms: Terms, reports: Reports) -> None:
        self.number = number
        self.load = load
        self.state = WorkerState.STARTING
        self.hopeful = True  # whether a request may wait for this post
        self.failure: DragomanError | None = None  # why its last worker did not load the handler
        self._terms = terms
        self._reports = reports
        self._backoff = FibonacciBackoff()
        self._worker: Worker | None = None
        self._process: WorkerProcess | None = None
        self._started_at_s = 0.0
        self._down_since_s: float | None = None
        self._task: asyncio.Task[None] | None = None
        self._leaving: asyncio.Event | None = None  # set as soon as nothing is under way
        artifact = load.artifact
        self._log = structlog.get_logger("dragoman.worker").bind(
            model=artifact.model, version=artifact.version, instance=number
        )

    def open(self, first: Held | None = None) -> None:
        """Have it held from now on, by a worker that has loaded the handler already where there is one."""
        self._task = asyncio.get_running_loop().create_task(self._hold(first))

    async def leave(self, grace_s: float) -> None:
        """Have it held no more: the worker takes no more batches, ends those that it has, and then itself."""
        self._leaving = asyncio.Event()
        self.hopeful = False
        worker = self._worker
        if worker is not None and worker.alive and worker.slots:
            self._reports.gone(worker)
            self._note_idle(worker)
            await self._leaving.wait()
        process = self.close()
        if process is not None:
            await asyncio.to_thread(process.end, grace_s)

    def close(self) -> WorkerProcess | None:
        """The same at once, whatever the worker does; the process that is to be waited for."""
        if self._task is not None:
            self._task.cancel()
        worker = self._worker
        if worker is not None:
            if worker.alive:
                worker.close()
            self._reports.gone(worker)
        return self._process

    @property
    def worker(self) -> Worker | None:
        """The one that holds it now."""
        return self._worker

    @property
    def gpu(self) -> int | None:
        """The GPU that its workers are told to use."""
        gpu: int | None = self.load.options.get(GPU)
        return gpu

    @property
    def status(self) -> WorkerStatus:
        """How its worker is."""
        pid = self._process.pid if self._process is not None else None
        memory = 0 if pid is None else memory_bytes(pid)
        load_s = 0.0 if self._process is None else self._process.load_s
        return WorkerStatus(str(self.number), self.state, pid, self._started_at_s, memory, self.gpu, load_s)

    @property
    def places(self) -> int:
        """How many batches its worker takes at once."""
        return 0 if self._worker is None else len(self._worker.slots)

    async def _hold(self, first: Held | None) -> None:
        while True:
            why = await self._serve(first)
            first = None
            how = await self._end()
            if self._leaving is not None:
                self._leaving.set()
                return
            now_s = self._terms.clock.now_s()
            since_s = self._down_since_s = now_s if self._down_since_s is None else self._down_since_s
            pause_s = self._backoff.next_s()
            given_up = now_s - since_s >= self._terms.retry_s
            self._log.warning("worker ended", reason=why, how=how, pause_s=None if given_up else pause_s)
            if given_up:
                return self._become(WorkerState.GIVEN_UP, hopeful=False)
            self._become(WorkerState.DOWN, hopeful=pause_s <= LONG_PAUSE_S)
            await self._terms.clock.sleep(pause_s)

    async def _serve(self, first: Held | None) -> str:
        """Start a worker unless there is one, and let it serve; returns why it has ended."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[str] = loop.create_future()

        def note(_: Worker, reason: str) -> None:
            if not ended.done():
                ended.set_result(reason)

        self._become(WorkerState.STARTING, hopeful=self.hopeful)
        self._started_at_s = time()
        try:
            process = self._process = first[0] if first else await self._launched()
            worker = self._worker = Worker(
                process, loop, freed=self._freed, ended=note, measured=self._reports.measured
            )
            ready = first[1] if first else check_ready(await self._loaded(worker))
        except DragomanError as error:
            self.failure = error
            return error.message
        if first:
            worker.loaded.set_result(ready)
        else:
            process.note_loaded()
        self._terms.workplace.note(self.load, ready)
        self.failure = self._down_since_s = None
        self._backoff.reset()
        slots = worker.open_slots(ready.concurrency)
        self._become(WorkerState.READY, hopeful=True)
        for slot in slots:
            self._freed(slot)
        return await ended

    async def _launched(self) -> WorkerProcess:
        """A new process. One that nobody waits for any more is ended.

        Errors: UNAVAILABLE.
        """
        launching = asyncio.get_running_loop().run_in_executor(
            None, self._terms.workplace.launch, self.load, self.number
        )
        try:
            return await asyncio.shield(launching)
        except asyncio.CancelledError:
            launching.add_done_callback(discard)
            raise

    async def _loaded(self, worker: Worker) -> FromWorker:
        """The worker's word on whether the handler is loaded.

        Errors: DEADLINE_EXCEEDED; INTERNAL where it has ended.
        """
        worker.load()
        limit_s = self._terms.startup_s
        try:
            async with asyncio.timeout(limit_s):
                frame = await worker.loaded
        except TimeoutError:
            raise worker.process.slow(limit_s, STARTUP_SETTING) from None
        if frame is None:
            raise worker.process.ended_early(await asyncio.to_thread(worker.process.end))
        return frame

    async def _end(self) -> str:
        """Leave nothing of the worker; how its process ended."""
        worker, process = self._worker, self._process
        self._worker = None
        if worker is not None:
            if worker.alive:
                worker.close()
            self._reports.gone(worker)
        if process is None:
            return "not started"
        process.kill()
        how = await asyncio.to_thread(process.end)
        self._process = None  # not before: `close` may cancel this
        return how

    def _freed(self, slot: Slot) -> None:
        if self._leaving is None:
            if slot.worker.alive:
                self._reports.freed(slot)
        else:
            self._note_idle(slot.worker)

    def _note_idle(self, worker: Worker) -> None:
        if self._leaving is not None and not any(slot.held or slot.owed for slot in worker.slots):
            self._leaving.set()

    def _become(self, state: WorkerState, *, hopeful: bool) -> None:
        self.state = state
        self.hopeful = hopeful and self._leaving is None
        self._reports.changed()


def discard(launched: asyncio.Future[WorkerProcess]) -> None:
    """End a process that nobody waits for any more, if there is one."""
    if not launched.cancelled() and launched.exception() is None:
        asyncio.get_running_loop().run_in_executor(None, launched.result().end)


def memory_bytes(pid: int) -> int:
    """What a process holds of the memory; 0 where it has ended."""
    try:
        with open(PAGE.format(pid), encoding="ascii") as file:
            return int(file.read().split()[1]) * PAGE_BYTES
    except (OSError, IndexError, ValueError):
        return 0
