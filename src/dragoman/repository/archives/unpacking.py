"""From an archive to a folder of its own.

1. The folder is made with a random name, for this user alone, and moved to its place when it is complete: one
   rename. Nothing is left behind where that fails.
2. Files are made anew, by components, never opened where something is already; links are neither followed nor
   made. Whoever unpacks decides on modes: nothing becomes executable.
3. Sizes are counted while they are written, whatever the archive says of them.
4. What lies in one leading folder, manifest and all, is taken without it.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Final, cast

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.repository.archives.members import Member, members, too_large
from dragoman.repository.archives.paths import Place, Places, bad_name, place_of
from dragoman.repository.archives.refusals import refused, without_manifest
from dragoman.repository.archives.streams import CountedFile
from dragoman.settings.archives import ArchiveSettings
from dragoman.settings.manifest import MANIFEST

UNFINISHED: Final = ".unpacking-"
RATIO_FROM_BYTES: Final = 256 * 1024 * 1024  # small archives of zeros are no harm
NEW_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)


def unpack(path: str, archive: str, home: str, rules: ArchiveSettings) -> str:
    """A new folder below `home` with what the archive at `path` holds; `archive` is for messages.

    Errors: those of `members`; INVALID_ARGUMENT with reason ARCHIVE_UNUSABLE for what is too large or has
    names that lead elsewhere, MANIFEST_MISSING; RESOURCE_EXHAUSTED where there is no space left.
    """
    with open(path, "rb") as file, scratch(archive, home) as folder:
        Unpacking(archive, folder, CountedFile(file), rules).write()
        root = root_of(folder, archive)
        place = os.path.join(home, os.path.basename(folder).removeprefix(UNFINISHED))
        os.rename(root, place)
        return place


@contextmanager
def scratch(archive: str, home: str) -> Iterator[str]:
    """A folder to work in, which is gone afterwards."""
    try:
        folder = tempfile.mkdtemp(prefix=UNFINISHED, dir=home)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        raise unwritten(archive, error) from error


class Unpacking:
    """Writes one archive's members into a folder."""

    def __init__(self, archive: str, folder: str, file: CountedFile, rules: ArchiveSettings) -> None:
        self._archive = archive
        self._folder = folder
        self._file = file
        self._rules = rules
        self._written = 0
        self._places = Places(archive, case_matters=case_matters(folder))

    def write(self) -> None:
        """Write them all."""
        for member in members(cast(IO[bytes], self._file), self._archive, self._rules):
            place = place_of(member.name, self._archive)
            if not place:
                if not member.is_folder:
                    raise bad_name(self._archive, member.name, "has no name")
                continue
            self._places.add(place, member.name, is_folder=member.is_folder)
            self._write(member, place)

    def _write(self, member: Member, place: Place) -> None:
        path = os.path.join(self._folder, *place)
        os.makedirs(path if member.is_folder else os.path.dirname(path), mode=0o700, exist_ok=True)
        if member.is_folder:
            return
        left = self._rules.member_bytes
        with os.fdopen(os.open(path, NEW_FILE, 0o600), "wb") as target:
            for piece in member.pieces():
                left -= len(piece)
                if left < 0:
                    most = self._rules.member_bytes
                    raise bad_name(
                        self._archive, member.name, f"has more than {most} bytes (archives.member_bytes)"
                    )
                self._count(len(piece))
                target.write(piece)

    def _count(self, size: int) -> None:
        self._written += size
        if self._written > self._rules.total_bytes:
            raise too_large(self._archive, self._rules.total_bytes)
        if self._written > max(self._file.taken * self._rules.ratio, RATIO_FROM_BYTES):
            raise refused(
                self._archive, f"it grows to more than {self._rules.ratio} times its size (archives.ratio)"
            )


def root_of(folder: str, archive: str) -> str:
    """The folder with the manifest: this one, or the only one in it.

    Errors: INVALID_ARGUMENT with reason MANIFEST_MISSING.
    """
    inner = os.listdir(folder)
    for root in (folder, os.path.join(folder, inner[0])) if len(inner) == 1 else (folder,):
        if os.path.isfile(os.path.join(root, *MANIFEST.split("/"))):
            return root
    raise without_manifest(archive)


def case_matters(folder: str) -> bool:
    """Whether the file system of this folder, whose name has letters, tells upper case from lower."""
    parent, name = os.path.split(folder)
    return not os.path.lexists(os.path.join(parent, name.swapcase()))


def unwritten(archive: str, error: OSError) -> DragomanError:
    """The error for what the disk does not take, or does not give."""
    why = (error.strerror or "unknown reason").lower()
    return DragomanError(
        Code.RESOURCE_EXHAUSTED, f"{archive} cannot be unpacked: {why}", reason=Reason.ARCHIVE_UNUSABLE
    )
