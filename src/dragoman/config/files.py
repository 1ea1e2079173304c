"""Files of settings: their text, and whether they have changed since."""

import os
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from dragoman.core.errors import Code, DragomanError, invalid

MOST_BYTES: Final = 32 << 20
Stamp = tuple[int, ...] | None  # what changes when a file does; None where there is none


class Files:
    """Reads files, and remembers which and how they were."""

    def __init__(self) -> None:
        self.stamps: dict[str, Stamp] = {}
        self.contents: dict[str, bytes] = {}  # a digest of what each held

    def read(self, path: str) -> str:
        """A file's text.

        Errors: NOT_FOUND, PERMISSION_DENIED or INVALID_ARGUMENT naming the file.
        """
        self.stamps[os.path.abspath(path)] = stamp(path)  # before reading: a change meanwhile is seen later
        try:
            with open(path, "rb") as file:
                data = file.read(MOST_BYTES + 1)
        except OSError as error:
            code = Code.NOT_FOUND if isinstance(error, FileNotFoundError) else Code.PERMISSION_DENIED
            raise DragomanError(code, f"{path} cannot be read: {(error.strerror or '').lower()}") from error
        self.contents[os.path.abspath(path)] = sha256(data).digest()
        if len(data) > MOST_BYTES:
            raise invalid(f"{path}: the file is larger than {MOST_BYTES} bytes")
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise invalid(f"{path}:{line}: the file is not UTF-8") from error

    @staticmethod
    def names(folder: str) -> Sequence[str]:
        """What lies in a folder; nothing where it cannot be read."""
        try:
            return os.listdir(folder)
        except OSError:
            return ()


def modified(path: str) -> int:
    """When the file was last written to; 0 where there is none."""
    found = stamp(path)
    return 0 if found is None else found[0]


def stamp(path: str) -> Stamp:
    """The file as it is now."""
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino
