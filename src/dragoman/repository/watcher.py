"""When the repository is looked at again: at intervals, and soon after the file system tells of a change.

Intervals alone would do, and are all there is where events cannot be had (network disks, too many folders for
inotify). Events only make it quicker.
"""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

import structlog

from dragoman.core.errors import DragomanError
from dragoman.repository.clock import Clock

Events = Callable[[], AsyncIterator[object]]
GATHER_MS: Final = 200  # events closer together than this are one; a copier makes thousands
GATHER_AT_MOST_MS: Final = 1000
REAL_CLOCK: Final = Clock()


class Watcher:
    """Calls `poll`, which says whether something has yet to come to rest, until it is cancelled.

    `settle_s`: how soon to poll again in that case.
    """

    def __init__(
        self,
        poll: Callable[[], Awaitable[bool]],
        events: Events,
        poll_s: float,
        settle_s: float,
        clock: Clock = REAL_CLOCK,
    ) -> None:
        self._poll = poll
        self._events = events
        self._poll_s = poll_s
        self._settle_s = settle_s
        self._clock = clock
        self._occasion = asyncio.Event()
        self._failing = ""
        self._log = structlog.get_logger("dragoman.repository")

    async def run(self) -> None:
        """Watch. Whatever goes wrong is logged, once, and watching goes on."""
        listening = asyncio.create_task(self._listen())
        pause_s = self._poll_s
        try:
            while True:
                await self._next_occasion(pause_s)
                restless = await self._look()
                pause_s = min(self._poll_s, self._settle_s) if restless else self._poll_s
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _next_occasion(self, pause_s: float) -> None:
        """Wait for an event, at most so long."""
        waits = [asyncio.create_task(wait) for wait in (self._occasion.wait(), self._pause(pause_s))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        self._occasion.clear()

    async def _pause(self, pause_s: float) -> bool:
        await self._clock.sleep(pause_s)
        return True

    async def _look(self) -> bool:
        try:
            restless = await self._poll()
        except DragomanError as error:
            self._complain(error.message)
            return False
        except Exception:  # a bug of ours, and the models must not stay as they are for ever
            self._log.exception("poll broke down")
            return False
        self._complain("")
        return restless

    def _complain(self, why: str) -> None:
        """Say why the repository cannot be read, when that begins or changes, and when it is over."""
        if why and why != self._failing:
            self._log.warning("the repository cannot be read; what serves goes on serving", why=why)
        elif self._failing and not why:
            self._log.info("the repository can be read again")
        self._failing = why

    async def _listen(self) -> None:
        try:
            async for _ in self._events():
                self._occasion.set()
        except Exception as error:
            self._log.info("no file system events, polling alone", poll_s=self._poll_s, why=str(error))


def file_events(paths: Sequence[str]) -> Events:
    """Events of everything below these folders and files.

    Errors: OSError where the system gives none.
    """

    async def events() -> AsyncIterator[object]:
        loop = asyncio.get_running_loop()
        stop, changed = threading.Event(), asyncio.Event()
        thread = ThreadPoolExecutor(1, thread_name_prefix="file-events")
        listening = loop.run_in_executor(
            thread, listen, paths, stop, partial(loop.call_soon_threadsafe, changed.set)
        )
        listening.add_done_callback(lambda _: changed.set())
        try:
            while not listening.done():
                await changed.wait()
                changed.clear()
                yield None
            listening.result()
        finally:
            stop.set()
            await asyncio.wait([listening])

    return events


def listen(paths: Sequence[str], stop: threading.Event, changed: Callable[[], object]) -> None:
    """Call `changed` after each event, until `stop` is set. Where there are many folders, it begins late."""
    from watchfiles import watch  # noqa: PLC0415 (100 ms that a start need not wait for)

    logging.getLogger("watchfiles").setLevel(logging.WARNING)  # it tells of each change
    for _ in watch(
        *paths,
        watch_filter=None,
        step=GATHER_MS,
        debounce=GATHER_AT_MOST_MS,
        stop_event=stop,
        raise_interrupt=False,
        force_polling=False,
        ignore_permission_denied=True,
    ):
        changed()
