"""When the repository is looked at again."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

from structlog.testing import capture_logs

from dragoman.core.errors import Code, DragomanError
from dragoman.repository.clock import Clock
from dragoman.repository.watcher import Watcher, file_events

POLL_S, SETTLE_S = 10.0, 2.0


class Scene:
    """A watcher whose pauses end, and whose events come, when the test says so."""

    def __init__(self) -> None:
        self.polls: asyncio.Queue[None] = asyncio.Queue()
        self.pauses: asyncio.Queue[tuple[float, asyncio.Event]] = asyncio.Queue()
        self.changes: asyncio.Queue[Exception | None] = asyncio.Queue()
        self.answer: Callable[[], bool] = lambda: False

    async def poll(self) -> bool:
        self.polls.put_nowait(None)
        return self.answer()

    async def sleep(self, seconds: float) -> None:
        over = asyncio.Event()
        self.pauses.put_nowait((seconds, over))
        await over.wait()

    async def events(self) -> AsyncIterator[object]:
        while True:
            change = await self.changes.get()
            if change is not None:
                raise change
            yield change

    def watcher(self) -> Watcher:
        return Watcher(self.poll, self.events, POLL_S, SETTLE_S, Clock(sleep=self.sleep))


def play(story: Callable[[Scene], Coroutine[Any, Any, None]]) -> None:
    async def whole() -> None:
        scene = Scene()
        watching = asyncio.create_task(scene.watcher().run())
        try:
            async with asyncio.timeout(30):
                await story(scene)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(whole())


def fail() -> bool:
    raise DragomanError(Code.NOT_FOUND, "models: there is no such file or folder")


def test_it_polls_after_each_pause_and_not_before() -> None:
    async def story(scene: Scene) -> None:
        for _ in range(3):
            pause_s, over = await scene.pauses.get()
            assert pause_s == POLL_S
            assert scene.polls.empty()
            over.set()
            await scene.polls.get()

    play(story)


def test_an_event_ends_the_pause() -> None:
    async def story(scene: Scene) -> None:
        for _ in range(2):
            await scene.pauses.get()
            scene.changes.put_nowait(None)
            await scene.polls.get()

    play(story)


def test_what_has_yet_to_come_to_rest_is_looked_at_again_soon() -> None:
    async def story(scene: Scene) -> None:
        scene.answer = lambda: True
        (await scene.pauses.get())[1].set()
        await scene.polls.get()
        pause_s, over = await scene.pauses.get()
        assert pause_s == SETTLE_S
        scene.answer = lambda: False
        over.set()
        assert (await scene.pauses.get())[0] == POLL_S

    play(story)


def test_where_there_are_no_events_polling_goes_on_alone() -> None:
    async def story(scene: Scene) -> None:
        with capture_logs() as logs:
            scene.changes.put_nowait(OSError("OS file watch limit reached"))
            for _ in range(2):
                (await scene.pauses.get())[1].set()
                await scene.polls.get()
        assert [entry["event"] for entry in logs] == ["no file system events, polling alone"]

    play(story)


def test_a_repository_that_cannot_be_read_is_told_once_and_once_it_can_be_again() -> None:
    async def story(scene: Scene) -> None:
        async def polls(answer: Callable[[], bool], count: int) -> None:
            scene.answer = answer
            for _ in range(count):
                (await scene.pauses.get())[1].set()
                await scene.polls.get()

        with capture_logs() as logs:
            await polls(fail, 3)
            await polls(lambda: False, 2)
            await scene.pauses.get()
        told = [(entry["log_level"], entry.get("why")) for entry in logs]
        assert told == [("warning", "models: there is no such file or folder"), ("info", None)]

    play(story)


def test_a_poll_that_breaks_down_does_not_end_the_watching() -> None:
    async def story(scene: Scene) -> None:
        scene.answer = lambda: bool(1 / 0)
        with capture_logs() as logs:
            for _ in range(2):
                (await scene.pauses.get())[1].set()
                await scene.polls.get()
            await scene.pauses.get()
        assert [entry["event"] for entry in logs] == ["poll broke down"] * 2

    play(story)


def test_the_file_system_tells_of_changes_below_a_folder(tmp_path: Path) -> None:
    async def story() -> None:
        seen = asyncio.Event()

        async def listen() -> None:
            async for _ in file_events([str(tmp_path)])():
                seen.set()

        listening = asyncio.create_task(listen())
        async with asyncio.timeout(30):
            number = 0
            while not seen.is_set():  # it takes a moment until the system watches
                number += 1
                (tmp_path / str(number)).mkdir()
                await asyncio.wait([asyncio.ensure_future(seen.wait())], timeout=0.3)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)

    asyncio.run(story())
