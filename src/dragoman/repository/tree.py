"""What lies below a version folder, as data."""

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Final

from dragoman.engines.base import FileStat, TreeSnapshot
from dragoman.repository.sidecar import SIDECAR

MOST_FILES: Final = 100_000  # a version folder with more is a mistake, and not worth the time to look at


def scan(root: str) -> TreeSnapshot:
    """Every file below the folder `root`, or `root` itself where it is a file; links are followed, once.

    Errors: OSError where something cannot be read.
    """
    if os.path.isfile(root):
        return TreeSnapshot(root, {os.path.basename(root): file_stat(root)})
    files: dict[str, FileStat] = {}
    for name, path in walk(root):
        files[name] = file_stat(path)
        if len(files) > MOST_FILES:
            raise OSError(errno.EFBIG, f"more than {MOST_FILES} files", root)
    return TreeSnapshot(root, files)


def look(root: str) -> TreeSnapshot:
    """The same without `model.yaml`, whose changes count by themselves; empty where it cannot be read."""
    try:
        files = scan(root).files
    except OSError:
        files = {}
    return TreeSnapshot(root, {name: stat for name, stat in files.items() if name != SIDECAR})


def look_at_files(paths: Iterable[str]) -> TreeSnapshot:
    """These files, wherever they lie; those that cannot be read are left out."""
    files = {}
    for path in paths:
        with suppress(OSError):
            files[path] = file_stat(path)
    return TreeSnapshot("", files)


def walk(root: str) -> Iterator[tuple[str, str]]:
    """Relative POSIX path and path of every file, folder by folder, in the order of names."""
    seen = set()
    todo = [("", root)]
    while todo:
        prefix, folder = todo.pop()
        here = os.path.realpath(folder)
        if here in seen:
            continue
        seen.add(here)
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                name = f"{prefix}{entry.name}"
                if entry.is_dir():
                    todo.append((f"{name}/", entry.path))
                elif entry.is_file():
                    yield name, entry.path


def file_stat(path: str) -> FileStat:
    """Size and time of one file."""
    stat = os.stat(path)
    return FileStat(stat.st_size, stat.st_mtime_ns)
