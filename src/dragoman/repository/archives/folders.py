"""Where archives are unpacked, and files of requests laid down: a folder of this process alone, gone with it.

A process that was killed leaves its folder behind. It cannot have kept the lock of it, so the next one that
makes such a folder at the same place deletes it.
"""

import os
import shutil
import sys
import tempfile
from threading import Lock
from typing import Final

from dragoman.core.errors import Code, DragomanError

if sys.platform != "win32":
    import fcntl

PREFIX: Final = "dragoman-archives-"
LOCK: Final = "lock"
ATTEMPTS: Final = 10


class PrivateFolder:
    """Made when it is first asked for, below `parent`; empty = where the system keeps temporary files.

    `purpose` is what there is no place for, in the error. Those of one `prefix` are for one purpose. Once it
    is closed it is not made again: what still goes on as the server ends leaves nothing behind.
    """

    def __init__(
        self, parent: str = "", prefix: str = PREFIX, purpose: str = "to unpack archives (archives.folder)"
    ) -> None:
        self._parent = parent
        self._prefix = prefix
        self._purpose = purpose
        self._path = ""
        self._closed = False
        self._lock = -1
        self._making = Lock()

    def path(self) -> str:
        """Where it is.

        Errors: FAILED_PRECONDITION where it cannot be made, UNAVAILABLE where it was closed.
        """
        with self._making:
            if self._closed:
                raise DragomanError(Code.UNAVAILABLE, "the server ends")
            if not self._path:
                try:
                    parent = self._parent or tempfile.gettempdir()
                    self._make(parent)
                except OSError as error:
                    why = (error.strerror or "unknown reason").lower()
                    raise DragomanError(
                        Code.FAILED_PRECONDITION, f"there is no place {self._purpose}: {why}"
                    ) from error
                remove_forsaken(parent, self._prefix)
            return self._path

    def close(self) -> None:
        """Delete it with all that it holds."""
        with self._making:
            self._closed = True
            if self._path:
                shutil.rmtree(self._path, ignore_errors=True)
                os.close(self._lock)
                self._path = ""

    def _make(self, parent: str) -> None:
        for _ in range(ATTEMPTS):
            path = tempfile.mkdtemp(prefix=self._prefix, dir=parent)
            lock = take_lock(os.path.join(path, LOCK))
            if lock is not None:
                self._path, self._lock = path, lock
                return
        raise OSError("others take every folder away")


def take_lock(path: str, *, create: bool = True) -> int | None:
    """The file, locked until it is closed; None where another process has it."""
    file = os.open(path, os.O_RDWR | (os.O_CREAT if create else 0), 0o600)
    if sys.platform != "win32":
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            return None
    return file


def remove_forsaken(parent: str, prefix: str) -> None:
    """Delete the folders of that prefix and of this user whose processes are gone."""
    with os.scandir(parent) as entries:
        found = [entry.path for entry in entries if entry.name.startswith(prefix) and is_own(entry)]
    for path in found:
        try:
            lock = take_lock(os.path.join(path, LOCK), create=False)
        except OSError:  # it is only just being made, or deleted
            continue
        if lock is not None:
            shutil.rmtree(path, ignore_errors=True)
            os.close(lock)


def is_own(entry: os.DirEntry[str]) -> bool:
    """Whether this is a folder of this user."""
    if sys.platform == "win32" or not entry.is_dir(follow_symlinks=False):
        return False
    return entry.stat(follow_symlinks=False).st_uid == os.getuid()
