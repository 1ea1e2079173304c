"""What archives say of themselves, read without unpacking them.

This is done with every archive of a repository, trusted or not, each time it has changed. So little is read
of each: of a zip its directory, of a tar.gz what lies before the manifest, up to MOST_BYTES.
"""

import os
from typing import IO, Final

from msgspec import Struct
from msgspec.structs import replace

from dragoman.core.errors import DragomanError
from dragoman.repository.archives.members import members
from dragoman.repository.archives.paths import place_of
from dragoman.repository.archives.refusals import without_manifest
from dragoman.repository.sidecar import Stamp, stamp_of
from dragoman.settings.archives import ArchiveSettings
from dragoman.settings.manifest import MANIFEST, Manifest, read_manifest
from dragoman.settings.manifest import MOST_BYTES as MOST_MANIFEST_BYTES

MOST_BYTES: Final = 64 * 1024 * 1024  # of a tar.gz, unpacked
RULES: Final = ArchiveSettings(total_bytes=2**63)
WANTED: Final = tuple(MANIFEST.split("/"))


class Head(Struct, frozen=True):
    """An archive's manifest, or why there is none. `stamp` changes when the file does."""

    manifest: Manifest = Manifest()
    problem: str = ""
    stamp: Stamp | None = None


class Heads:
    """One pass over archives; only what changed since the last pass is read.

    One that cannot be read just now, as it is copied over, is what it was before.
    """

    def __init__(self, last: "Heads | None" = None) -> None:
        self._last = {} if last is None else last.found
        self.found: dict[str, Head] = {}

    def read(self, path: str) -> Head:
        """What the archive, or the folder of an unpacked one, says."""
        is_folder = os.path.isdir(path)
        stamp = stamp_of(os.path.join(path, *WANTED) if is_folder else path)
        head = self._last.get(path)
        if head is None or head.stamp != stamp:
            new = look(path, is_folder=is_folder, stamp=stamp)
            keep = head is not None and not head.problem and new.problem
            head = replace(head, stamp=stamp) if head is not None and keep else new
        self.found[path] = head
        return head


def look(path: str, *, is_folder: bool, stamp: Stamp | None) -> Head:
    """The head of one archive."""
    shown = os.path.basename(path)
    try:
        manifest = folder_manifest(path, shown) if is_folder else archive_manifest(path, shown)
    except DragomanError as error:
        return Head(problem=error.message, stamp=stamp)
    except OSError as error:
        return Head(problem=f"{shown}: {(error.strerror or 'unreadable').lower()}", stamp=stamp)
    return Head(manifest, stamp=stamp)


def folder_manifest(folder: str, shown: str) -> Manifest:
    """The manifest of an archive that is unpacked already.

    Errors: OSError; INVALID_ARGUMENT with reason MANIFEST_MISSING or MANIFEST_MALFORMED.
    """
    try:
        with open(os.path.join(folder, *WANTED), "rb") as file:
            return read_manifest(file.read(MOST_MANIFEST_BYTES + 1), f"{shown}/{MANIFEST}")
    except FileNotFoundError:
        raise without_manifest(shown) from None


def archive_manifest(path: str, shown: str) -> Manifest:
    """The manifest of an archive.

    Errors: OSError; those of `members`; INVALID_ARGUMENT with reason MANIFEST_MISSING or MANIFEST_MALFORMED.
    """
    with open(path, "rb") as file:
        data = manifest_data(file, shown)
    return read_manifest(data, f"{shown}: {MANIFEST}")


def manifest_data(file: IO[bytes], shown: str) -> bytes:
    """The text of the manifest, which may lie in one leading folder."""
    for member in members(file, shown, RULES, MOST_BYTES):
        place = place_of(member.name, shown)
        if place[-len(WANTED) :] != WANTED or len(place) > len(WANTED) + 1 or member.is_folder:
            continue
        data = b""
        for piece in member.pieces():
            data += piece
            if len(data) > MOST_MANIFEST_BYTES:
                break
        return data
    raise without_manifest(shown)
