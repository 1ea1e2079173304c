"""Names of an archive's members as places below a folder, and which of them are refused.

A name is judged by its components. Refused is what leads out of the folder on any system (a leading slash,
`..`, a backslash, a drive's letter), what no file system takes (NUL, an empty or too long component), a
name that two files have, and one that a file has where another's folder is. Where the file system does not
tell upper case from lower, names that differ in nothing else count as equal.
"""

import re
import unicodedata
from typing import Final

from dragoman.core.errors import DragomanError
from dragoman.repository.archives.refusals import refused

Place = tuple[str, ...]
DRIVE: Final = re.compile(r"[A-Za-z]:")
MOST_COMPONENT_BYTES: Final = 255  # what file systems take
MOST_DEPTH: Final = 64
MOST_SHOWN: Final = 200  # characters of a name in a message


def place_of(name: str, archive: str) -> Place:
    """The components of a member's name; none for the folder itself (`./`).

    Errors: INVALID_ARGUMENT naming archive and member.
    """
    if "\0" in name:
        raise bad_name(archive, name, "holds a NUL")
    if "\\" in name:
        raise bad_name(archive, name, "holds a backslash")
    if name.startswith("/") or DRIVE.match(name):
        raise bad_name(archive, name, "is absolute")
    components = tuple(part for part in name.removesuffix("/").split("/") if part != ".")
    for part in components:
        if part in ("", ".."):
            raise bad_name(archive, name, f"has the component {part!r}")
        if len(part.encode("utf-8", "surrogatepass")) > MOST_COMPONENT_BYTES:
            raise bad_name(archive, name, f"has a component of more than {MOST_COMPONENT_BYTES} bytes")
    if len(components) > MOST_DEPTH:
        raise bad_name(archive, name, f"has more than {MOST_DEPTH} components")
    return components


class Places:
    """The places that are taken in one folder."""

    def __init__(self, archive: str, *, case_matters: bool = True) -> None:
        self._archive = archive
        self._case_matters = case_matters
        self._files: set[Place] = set()
        self._folders: dict[Place, Place] = {}  # as they are compared, and as they are written

    def add(self, place: Place, name: str, *, is_folder: bool) -> None:
        """Take the place of a member, and its folders.

        Errors: INVALID_ARGUMENT where it is taken already.
        """
        key = self._compared(place)
        folders = [place[:depth] for depth in range(1, len(place) + is_folder)]
        for folder in folders:
            if self._compared(folder) in self._files:
                raise bad_name(self._archive, name, "lies below a file")
            if self._folders.setdefault(self._compared(folder), folder) != folder:
                raise bad_name(self._archive, name, "differs from another by case alone")
        if is_folder:
            return
        if key in self._files or key in self._folders:
            raise bad_name(self._archive, name, "is there twice")
        self._files.add(key)

    def _compared(self, place: Place) -> Place:
        if self._case_matters:
            return place
        return tuple(unicodedata.normalize("NFC", part).casefold() for part in place)


def bad_name(archive: str, name: str, why: str) -> DragomanError:
    """The error for a member that has no place."""
    return refused(archive, f"the member {name[:MOST_SHOWN]!r} {why}")
