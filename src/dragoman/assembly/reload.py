"""Settings that change while the server runs: taken over as a whole, or not at all.

Files are looked at as often as `config_poll_s` says, and when somebody asks. What needs a restart is told.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final

import structlog
from msgspec import Struct

from dragoman.config.files import Stamp, stamp
from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.settings.server import ServerSettings

LIVE: Final = frozenset(
    {
        "repository",
        "models",
        "pipelines",
        "node_libraries",
        "external",
        "every_model",
        "labels_before_load",
        "default_model",
        "access",
        "deployments",
        "deployments_file",
    }
)

# How often, and after what pause, files are read again that are perhaps still being written.
ATTEMPTS: Final = 5
WRITING_S: Final = 0.01


class LeftOut(Struct, frozen=True):
    """Why an entry of the settings was left out, and how many models and pipelines stand before it."""

    why: str
    place: int = 0


class Reread(Struct, frozen=True):
    """Settings as they were read, with a stamp and a digest of each file that they came from."""

    settings: ServerSettings
    files: Mapping[str, Stamp] = {}
    contents: Mapping[str, bytes] = {}
    refused: tuple[LeftOut, ...] = ()


class Reloader:
    """Reads the settings again, and hands those that are good to `adopt`."""

    def __init__(
        self,
        first: Reread,
        read: Callable[[], Reread],
        adopt: Callable[[ServerSettings], Awaitable[object]],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._now = first
        self._started_with = first.settings
        self._read = read
        self._adopt = adopt
        self._sleep = sleep
        self._stamps = first.files
        self._contents: Mapping[str, bytes | None] = first.contents
        self.times_taken_over = 0
        self._reading = asyncio.Lock()
        self._log = structlog.get_logger("dragoman.config")

    async def run(self) -> None:
        """Look at the files for ever, if the settings want that."""
        while poll_s := self._now.settings.config_poll_s:
            await self._sleep(poll_s)
            await self.poll()

    async def follow(self, asked: asyncio.Event) -> None:
        """Read the settings again each time that the event is set, for ever."""
        while True:
            await asked.wait()
            asked.clear()
            await self.reload()

    async def poll(self) -> None:
        """Read the settings again if one of their files has changed."""
        if await asyncio.to_thread(stamps, self._now.files) != self._stamps:
            await self.reload()

    async def reload(self) -> bool:
        """Read the settings again; whether they were taken over. An error leaves everything as it is."""
        async with self._reading:
            try:
                await self._take_over()
            except DragomanError as error:
                self._tell_mistakes(error)
                return False
            return True

    async def renew(self, *, again: bool) -> bool:
        """Read the settings again if what their files hold has changed, or `again`; whether that was done.

        Errors: DragomanError with reason SETTINGS_UNREADABLE for a file that cannot be opened, and
        SETTINGS_MALFORMED for settings that are none; then everything stays as it is.
        """
        async with self._reading:
            found = await asyncio.to_thread(contents, self._now.contents)
            for path, content in found.items():
                if content is None:
                    message = f"{path} cannot be opened"
                    raise DragomanError(Code.INTERNAL, message, reason=Reason.SETTINGS_UNREADABLE)
            if not again and found == self._contents:
                return False
            failure = await self._take_over_whole(found)
            if failure is not None:
                self._tell_mistakes(failure)
                reason = Reason.SETTINGS_MALFORMED
                raise DragomanError(failure.code, failure.message, reason=reason) from failure
            return True

    @property
    def now(self) -> Reread:
        """The settings in force."""
        return self._now

    async def _take_over_whole(self, found: Mapping[str, bytes | None]) -> DragomanError | None:
        """Read the settings and adopt them; why not, where that is so.

        `found` = what their files hold. Those that hold something else a moment later are tried again: they
        were being written.
        """
        failure = None
        for _ in range(ATTEMPTS):
            try:
                await self._take_over()
            except DragomanError as error:
                failure = error
            else:
                return None
            await self._sleep(WRITING_S)
            before, found = found, await asyncio.to_thread(contents, self._now.contents)
            if found == before:
                break
        return failure

    async def _take_over(self) -> None:
        """Read the settings and adopt them.

        Errors: DragomanError; then everything stays as it is.
        """
        self._stamps = await asyncio.to_thread(stamps, self._now.files)
        new = await asyncio.to_thread(self._read)
        await self._adopt(new.settings)
        self._now = new
        self._stamps, self._contents = new.files, new.contents
        self.times_taken_over += 1
        self._tell(new.settings)

    def _tell_mistakes(self, error: DragomanError) -> None:
        for line in error.message.splitlines():
            self._log.error("the settings stay as they are", mistake=line)

    def _tell(self, settings: ServerSettings) -> None:
        waiting = needing_restart(self._started_with, settings)
        if waiting:
            self._log.warning("settings taken over, but some need a restart", keys=", ".join(waiting))
        else:
            self._log.info("settings taken over")
        for entry in self._now.refused:
            self._log.error("an entry of the settings is left out", entry=entry.why)


def needing_restart(old: ServerSettings, new: ServerSettings) -> list[str]:
    """The sections that differ and cannot change in a running server."""
    return [
        name
        for name in ServerSettings.__struct_fields__
        if name not in LIVE and getattr(old, name) != getattr(new, name)
    ]


def stamps(files: Iterable[str]) -> Mapping[str, Stamp]:
    """The files as they are now."""
    return {file: stamp(file) for file in files}


def contents(files: Iterable[str]) -> Mapping[str, bytes | None]:
    """A digest of what each file holds; None where it cannot be opened."""
    return {file: content(file) for file in files}


def content(file: str) -> bytes | None:
    """A digest of what a file holds; None where it cannot be opened."""
    try:
        with open(file, "rb") as opened:
            return hashlib.file_digest(opened, "sha256").digest()
    except OSError:
        return None
