"""Files that requests bring along: each model's in a folder of its own that nobody else may read.

A folder goes when no version is made of it any more, and all of them when the server ends.
"""

import os
import shutil
import tempfile
from collections.abc import Collection, Mapping
from typing import Final

from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.repository.archives.folders import PrivateFolder
from dragoman.repository.sidecar import SIDECAR

PREFIX: Final = "dragoman-uploads-"
MOST_FILES: Final = 1000
MOST_DEPTH: Final = 16  # components of a path
MOST_COMPONENT_BYTES: Final = 255  # what file systems take
FORBIDDEN: Final = frozenset("\\:")  # separators of other systems


class Uploads:
    """The folders there are. For one thread, but for `write`."""

    def __init__(self) -> None:
        self._home = PrivateFolder(prefix=PREFIX, purpose="for files that come with requests")
        self._folders: set[str] = set()

    def write(self, files: Mapping[str, bytes]) -> str:
        """A new folder with these files.

        Errors: as `check_paths`; FAILED_PRECONDITION where there is no place for them, INTERNAL where they
        cannot be written.
        """
        check_paths(files)
        return write_files(self._home.path(), files)

    def keep(self, folder: str) -> None:
        """From now on the folder goes when it is not used."""
        self._folders.add(folder)

    def unused(self, used: Collection[str]) -> list[str]:
        """The folders that are none of these, which nobody knows any more."""
        gone = self._folders.difference(used)
        self._folders -= gone
        return sorted(gone)

    def close(self) -> None:
        """Delete everything."""
        self._home.close()


def write_files(root: str, files: Mapping[str, bytes]) -> str:
    """A new folder with these files, by their paths in it.

    Errors: INTERNAL where they cannot be written.
    """
    try:
        folder = tempfile.mkdtemp(dir=root)
    except OSError as error:
        raise unwritten("the files", error) from error
    for path, content in files.items():
        try:
            write(folder, path.split("/"), content)
        except OSError as error:
            delete([folder])
            raise unwritten(f"file:{path}", error) from error
    return folder


def delete(folders: Collection[str]) -> None:
    """Delete folders. What cannot be deleted is left where it is."""
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def check_paths(paths: Collection[str]) -> None:
    """Nothing, if these paths lie below the folder that they are relative to, and are not too many.

    Errors: INVALID_ARGUMENT naming the path; INTERNAL, as Triton has it, for one that no file system takes.
    """
    if len(paths) > MOST_FILES:
        raise invalid(f"there are more than {MOST_FILES} files")
    for path in paths:
        shown = f"file:{path[:300]}"
        if path == SIDECAR:
            raise invalid(f"{shown} is not taken: config says what may be said with a request")
        components = path.split("/")
        if len(components) > MOST_DEPTH:
            raise invalid(f"{shown} has more than {MOST_DEPTH} components")
        for component in components:
            if not is_component(component):
                raise invalid(f"{shown} is no path below the model's folder: {component!r} may not be in one")
            if len(component.encode()) > MOST_COMPONENT_BYTES:
                message = f"{shown} cannot be written: a name has more than {MOST_COMPONENT_BYTES} bytes"
                raise DragomanError(Code.INTERNAL, message)


def is_component(text: str) -> bool:
    """Whether a file or folder may be called so."""
    return text.strip() not in ("", ".", "..") and text.isprintable() and FORBIDDEN.isdisjoint(text)


def write(folder: str, components: list[str], content: bytes) -> None:
    """Write one file that is not there yet."""
    *parents, name = components
    parent = os.path.join(folder, *parents)
    os.makedirs(parent, mode=0o700, exist_ok=True)
    with open(os.path.join(parent, name), "xb") as file:
        file.write(content)


def unwritten(what: str, error: OSError) -> DragomanError:
    """The error for what cannot be written here."""
    reason = (error.strerror or "unknown reason").lower()
    return DragomanError(Code.INTERNAL, f"{what} cannot be written: {reason}")
