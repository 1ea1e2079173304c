"""The life of a server process: start, serve until told to stop, drain.

SIGTERM and SIGINT both ask for a drain: no new connections, the requests in flight end, then the process
does. A second signal ends the process at once. SIGHUP asks to read the settings again.
"""

import asyncio
import gc
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import FrameType
from typing import Final, Protocol

from msgspec import Struct

from dragoman.assembly.app import App
from dragoman.assembly.reload import Reloader, Reread
from dragoman.assembly.renewal import Renewal
from dragoman.core.errors import Code, DragomanError
from dragoman.core.status import StatusReport, VersionStatus
from dragoman.settings.server import ServerSettings

if sys.platform == "win32":
    from asyncio import new_event_loop
else:
    from uvloop import new_event_loop


ENDING: Final = (signal.SIGTERM, signal.SIGINT)


class Rereading(Struct, frozen=True):
    """The settings as they were first read, and how they can be read again."""

    first: Reread
    read: Callable[[], Reread]


class View(Protocol):
    """Whoever is told how the server fares: the command line, a test."""

    def changed(self, model: str, version: VersionStatus) -> None:
        """A version has come to another state."""

    async def ready(self, app: App) -> bool:
        """Every model is loaded, or has failed for good. False ends the server at once."""

    def draining(self) -> None:
        """The server was told to stop."""


def run(settings: ServerSettings, view: View, rereading: Rereading | None = None) -> None:
    """Serve until a signal or the view ends it. Settings that can be read again change while it runs.

    Errors: OSError where a listener's address cannot be bound; DragomanError for settings that cannot work.
    """
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(live(settings, view, rereading))


async def live(settings: ServerSettings, view: View, rereading: Rereading | None = None) -> None:
    """Start the server, tell the view, wait for the end, drain. A signal cuts the start short, too."""
    app = App(settings, observer=view.changed)
    told, asked = asyncio.Event(), asyncio.Event()
    on_first_signal(told.set)
    if rereading is not None:
        on_hangup(asked.set)
    starting = asyncio.ensure_future(app.start())
    waiting = asyncio.ensure_future(told.wait())
    await asyncio.wait((starting, waiting), return_when=asyncio.FIRST_COMPLETED)
    if starting.done():
        await starting
    else:
        starting.cancel()
    try:
        if settings.loading.required and not told.is_set():
            check_serving(app.report)
        if told.is_set() or await view.ready(app):
            spare_collector()
            async with rereads(app, rereading, asked):
                await waiting
            view.draining()
    finally:
        await app.drain()


def check_serving(report: StatusReport) -> None:
    """Nothing, if each model serves with one version at least, or has none as yet.

    Errors: FAILED_PRECONDITION with a line for each that does not.
    """
    found = [cause.message for model in report.models.values() if (cause := model.why_not)]
    if found:
        raise DragomanError(Code.FAILED_PRECONDITION, "\n".join(found))


def spare_collector() -> None:
    """Take what the start has made out of garbage collection, where each full one took 20 to 30 ms of it."""
    gc.collect()
    gc.freeze()


@asynccontextmanager
async def rereads(app: App, rereading: Rereading | None, asked: asyncio.Event) -> AsyncIterator[None]:
    """Meanwhile settings are read again, where they can be: when they change, and when `asked` is set."""
    if rereading is None:
        yield
        return
    reloader = Reloader(rereading.first, rereading.read, app.adopt)
    app.renewal = Renewal(reloader, app.models.control, lambda: app.report)
    tasks = [asyncio.ensure_future(work) for work in (reloader.run(), reloader.follow(asked))]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def on_hangup(tell: Callable[[], object]) -> None:
    """Call `tell` on the loop at every SIGHUP, on systems that have it."""
    loop = asyncio.get_running_loop()
    number = getattr(signal, "SIGHUP", None)
    if number is not None:
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(tell))


def on_first_signal(tell: Callable[[], object]) -> None:
    """Call `tell` on the loop at the first SIGTERM or SIGINT, and give both their deadly effect back."""
    loop = asyncio.get_running_loop()

    def handle(_: int, __: FrameType | None) -> None:
        for number in ENDING:
            signal.signal(number, signal.SIG_DFL)
        loop.call_soon_threadsafe(tell)

    for number in ENDING:
        signal.signal(number, handle)
