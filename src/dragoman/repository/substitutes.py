"""Overrides put in force: their files laid down, and taken away when no version is made of them any more."""

from collections.abc import Awaitable, Callable, Collection, Iterator
from typing import Any, Final

from msgspec.structs import replace

from dragoman.core.errors import DragomanError
from dragoman.core.override import Override
from dragoman.core.status import State
from dragoman.repository.entry import ModelEntry
from dragoman.repository.overriding import Substitute
from dragoman.repository.source import AspiredModel
from dragoman.repository.uploads import Uploads, delete

InThread = Callable[..., Awaitable[Any]]
UNMADE: Final = frozenset({State.FAILED, State.GONE})  # of versions that need their files no more


class Substitutes:
    """Makes substitutes of overrides. Used on the event loop's thread; the disk's work is done on another."""

    def __init__(self, uploaded: Callable[[str, str], AspiredModel], in_thread: InThread) -> None:
        self._uploaded = uploaded
        self._in_thread = in_thread
        self._uploads = Uploads()

    async def make(self, name: str, override: Override) -> Substitute:
        """The override of that model, ready to be put in force.

        Errors: as `Uploads.write`.
        """
        if not override.files:
            return Substitute(override)
        made: Substitute = await self._in_thread(self._placed, name, override)
        self._uploads.keep(made.folder)
        return made

    async def sweep(self, entries: Collection[ModelEntry]) -> None:
        """Delete the files that nothing of these models is made of."""
        unused = self._uploads.unused(set(uploads_of(entries)))
        if unused:
            await self._in_thread(delete, unused)

    def close(self) -> None:
        """Delete all files."""
        self._uploads.close()

    def _placed(self, name: str, override: Override) -> Substitute:
        folder = self._uploads.write(override.files)
        try:
            uploaded = self._uploaded(name, folder)
        except DragomanError:
            delete([folder])
            raise
        # Their bytes are on the disk now, and need not stay in memory.
        return Substitute(replace(override, files={}), folder, uploaded)


def uploads_of(entries: Collection[ModelEntry]) -> Iterator[str]:
    """The folders that these models are made of, or are to be made of."""
    for entry in entries:
        if entry.wishes.substitute is not None:
            yield entry.wishes.substitute.folder
        for harness in entry.harnesses.values():
            if harness.state not in UNMADE:
                yield harness.candidate.upload
