"""The life of a server process: start, serve until told to stop, drain.

SIGTERM and SIGINT both ask for a drain: no new connections, the requests in flight end, then the process
does. A second signal ends the process at once.
"""

import asyncio
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Final, Protocol

from dragoman.assembly.app import App
from dragoman.core.status import VersionStatus
from dragoman.settings.server import ServerSettings

if sys.platform == "win32":
    from asyncio import new_event_loop
else:
    from uvloop import new_event_loop


ENDING: Final = (signal.SIGTERM, signal.SIGINT)


class View(Protocol):
    """Whoever is told how the server fares: the command line, a test."""

    def changed(self, model: str, version: VersionStatus) -> None:
        """A version has come to another state."""

    async def ready(self, app: App) -> bool:
        """Every model is loaded, or has failed for good. False ends the server at once."""

    def draining(self) -> None:
        """The server was told to stop."""


def run(settings: ServerSettings, view: View) -> None:
    """Serve until a signal or the view ends it.

    Errors: OSError where a listener's address cannot be bound; DragomanError for settings that cannot work.
    """
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(live(settings, view))


async def live(settings: ServerSettings, view: View) -> None:
    """Start the server, tell the view, wait for the end, drain. A signal cuts the start short, too."""
    app = App(settings, observer=view.changed)
    told = asyncio.Event()
    on_first_signal(told.set)
    starting = asyncio.ensure_future(app.start())
    waiting = asyncio.ensure_future(told.wait())
    await asyncio.wait((starting, waiting), return_when=asyncio.FIRST_COMPLETED)
    if starting.done():
        await starting
    else:
        starting.cancel()
    try:
        if told.is_set() or await view.ready(app):
            await waiting
            view.draining()
    finally:
        await app.drain()


def on_first_signal(tell: Callable[[], object]) -> None:
    """Call `tell` on the loop at the first SIGTERM or SIGINT, and give both their deadly effect back."""
    loop = asyncio.get_running_loop()

    def handle(_: int, __: FrameType | None) -> None:
        for number in ENDING:
            signal.signal(number, signal.SIG_DFL)
        loop.call_soon_threadsafe(tell)

    for number in ENDING:
        signal.signal(number, handle)
