"""A place for one worker after another, and all the places of a handler."""

import asyncio
import json
import os
import select
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.status import WorkerState
from dragoman.engines.base import Artifact
from dragoman.execution.workers.frames import Load
from dragoman.execution.workers.handlers.line import Line, Rules
from dragoman.execution.workers.handlers.model import HOST
from dragoman.execution.workers.handlers.plan import make_plan
from dragoman.execution.workers.handlers.post import Terms
from dragoman.execution.workers.handlers.staff import Staff
from dragoman.execution.workers.handlers.workplace import Workplace
from dragoman.execution.workers.process import WorkerProcess, end_together
from dragoman.execution.workers.worker import Slot
from dragoman.settings.model import ModelSettings, WorkerSettings
from tests.unit.execution.workers.handlers.staffed import quiet
from tests.unit.execution.workers.handlers.still import Hands, job

pytest.fixture(autouse=True)(quiet)

Launch = Callable[[Load, int], WorkerProcess]
NO_WORKER = DragomanError(Code.UNAVAILABLE, "no worker", reason=Reason.NO_WORKER)
LOADS = "def handle(data, context):\n    return data and ['']\n"
DOES_NOT_LOAD = "raise ValueError('a secret')\n"


def archive(folder: Path, code: str) -> Artifact:
    (folder / "MAR-INF").mkdir(exist_ok=True)
    manifest = {"model": {"modelName": "m", "handler": "h.py"}}
    (folder / "MAR-INF" / "MANIFEST.json").write_text(json.dumps(manifest))
    (folder / "h.py").write_text(code)
    return Artifact(str(folder), "m", 1, ModelSettings(worker=WorkerSettings(grace_s=0.0)))


class Launching(Workplace):
    """A place where workers are started in some way."""

    def __init__(self, launch: Launch) -> None:
        super().__init__()
        self._launch = launch

    def launch(self, load: Load, number: int) -> WorkerProcess:
        return self._launch(load, number)


class Posts:
    """The posts of one handler, whose clock the test moves."""

    def __init__(self, artifact: Artifact, launch: Launch, retry_s: float = 300.0) -> None:
        self.hands = Hands()
        self.freed: list[Slot] = []
        self.line = Line("m", Rules(), self.hands.clock, lambda slot, jobs: self.begin(slot))
        load = Load(HOST, artifact, make_plan(artifact).for_worker())
        terms = Terms(Launching(launch), (), 30.0, retry_s, self.hands.clock)
        self.staff = Staff(load, terms, self.line, NO_WORKER)

    def begin(self, slot: Slot) -> None:
        slot.held = True
        self.freed.append(slot)

    async def until(self, met: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not met():
                await self.staff.change()

    async def state(self, state: WorkerState) -> None:
        await self.until(lambda: bool(self.staff.posts) and self.staff.posts[0].state is state)


@asynccontextmanager
async def posts(
    artifact: Artifact, launch: Launch = WorkerProcess, retry_s: float = 300.0
) -> AsyncIterator[Posts]:
    made = Posts(artifact, launch, retry_s)
    try:
        yield made
    finally:
        await asyncio.to_thread(end_together, made.staff.close(), 0.0)


def no_process(load: Load, number: int) -> WorkerProcess:
    raise DragomanError(Code.UNAVAILABLE, "the server cannot start a worker: too many processes")


def test_a_worker_that_ends_is_followed_by_another_after_a_pause(tmp_path: Path) -> None:
    async def run() -> None:
        async with posts(archive(tmp_path, LOADS)) as made:
            made.staff.scale(1, 1)
            await made.staff.settled()
            pid = made.staff.status.workers[0].pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            await made.state(WorkerState.DOWN)
            assert made.staff.hopeful
            made.hands.move(0)
            await made.staff.settled()
            assert made.staff.status.workers[0].pid != pid

    asyncio.run(run())


def test_pauses_grow_as_torchserves_and_while_they_are_long_nobody_waits() -> None:
    async def run() -> list[float]:
        async with posts(archive_anywhere(), no_process, retry_s=1000) as made:
            made.staff.scale(1, 1)
            pauses = []
            for _ in range(8):
                await made.state(WorkerState.DOWN)
                await asyncio.sleep(0)
                pauses.append(made.hands.timers[0].at_s - made.hands.now_s)
                assert made.staff.hopeful == (pauses[-1] <= 10)
                made.hands.move(pauses[-1])
                await made.state(WorkerState.STARTING)
            return pauses

    assert asyncio.run(run()) == [0, 1, 1, 2, 3, 5, 8, 13]


def runs(pid: int | None) -> bool:
    return Path(f"/proc/{pid}").exists()


def wait_for_end(pidfd: int) -> None:
    """Wait until the process has ended, if it ever does."""
    ended = select.poll()
    ended.register(pidfd, select.POLLIN)
    assert ended.poll(30_000)
    os.close(pidfd)


def archive_anywhere() -> Artifact:
    return Artifact(str(Path(__file__).parent / "obedient"), "m", 1)


def test_a_post_is_given_up_when_its_workers_have_failed_for_long_enough() -> None:
    async def run() -> None:
        async with posts(archive_anywhere(), no_process, retry_s=2) as made:
            waiting = job("a")
            made.line.add(waiting)
            made.staff.scale(1, 1)
            for pause_s in (0, 1, 1):
                await made.state(WorkerState.DOWN)
                await asyncio.sleep(0)
                made.hands.move(pause_s)
                await made.state(WorkerState.STARTING)
            await made.state(WorkerState.GIVEN_UP)
            status = made.staff.status
            assert (status.minimum, status.healthy, made.staff.hopeful) == (1, 0, False)
            with pytest.raises(DragomanError) as caught:
                await waiting.next()
            assert caught.value.reason is Reason.NO_WORKER

    asyncio.run(run())


def test_whoever_waits_for_workers_is_told_why_one_does_not_load(tmp_path: Path) -> None:
    async def run() -> None:
        async with posts(archive(tmp_path, DOES_NOT_LOAD)) as made:
            made.staff.scale(2, 2)
            with pytest.raises(DragomanError, match="raised ValueError in line 1 of h"):
                await made.staff.settled()

    asyncio.run(run())


def test_a_worker_that_is_let_go_ends_what_it_has_first(tmp_path: Path) -> None:
    async def run() -> None:
        async with posts(archive(tmp_path, LOADS)) as made:
            made.staff.scale(1, 1)
            await made.staff.settled()
            pid = made.staff.status.workers[0].pid
            made.line.add(job("a"))
            (slot,) = made.freed
            made.staff.scale(0, 0)
            await asyncio.sleep(0)
            assert runs(pid)
            assert not made.staff.hopeful
            made.line.add(job("b"))
            assert made.freed == [slot]
            slot.held = False
            slot.worker._freed(slot)
            await made.staff.left()
            assert not runs(pid)

    asyncio.run(run())


def test_those_without_work_are_let_go_first(tmp_path: Path) -> None:
    async def run() -> None:
        async with posts(archive(tmp_path, LOADS)) as made:
            made.staff.scale(2, 2)
            await made.staff.settled()
            made.line.add(job("a"))
            (slot,) = made.freed
            made.staff.scale(1, 1)
            assert [post.worker for post in made.staff.posts] == [slot.worker]

    asyncio.run(run())


def test_a_process_that_starts_while_its_post_is_closed_does_not_stay(tmp_path: Path) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        started: asyncio.Future[int] = loop.create_future()

        def launch(load: Load, number: int) -> WorkerProcess:
            process = WorkerProcess(load, number)
            ended = os.pidfd_open(process.pid)
            loop.call_soon_threadsafe(started.set_result, ended)
            return process

        async with posts(archive(tmp_path, LOADS), launch) as made:
            made.staff.scale(1, 1)
            await asyncio.sleep(0)
            made.staff.scale(0, 0)
            await made.staff.left()
            await asyncio.to_thread(wait_for_end, await started)

    asyncio.run(run())
