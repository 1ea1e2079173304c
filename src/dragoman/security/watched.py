"""Files that are read again when they change."""

import os
from collections.abc import Mapping

Stamp = tuple[int, int, int]  # changes whenever a file is written or replaced


def stamp(file: str) -> Stamp | None:
    """The file as it is now; None = it is not there."""
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def differ(stamps: Mapping[str, Stamp | None]) -> bool:
    """Whether one of the files is not as it was."""
    return any(stamp(file) != was for file, was in stamps.items())
