"""What a piece of code does to the world beside its own answer: connections, and files that are written."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
MADE: Final = {"os.mkdir": 0, "os.rename": 1, "os.link": 1, "os.symlink": 1, "os.truncate": 0}


class Seen:
    """The addresses that were connected to, the names that were looked up, the paths that were written."""

    def __init__(self) -> None:
        self.connected: list[Any] = []
        self.resolved: list[str] = []
        self.written: set[str] = set()

    def written_outside(self, *folders: object) -> set[str]:
        """The paths that lie in none of these folders."""
        inside = tuple(f"{folder}{os.sep}" for folder in folders)
        return {path for path in self.written if not path.startswith(inside)}

    def note(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Take down what an audit event tells."""
        if event == "socket.connect":
            self.connected.append(arguments[1])
        elif event == "socket.getaddrinfo":
            self.resolved.append(str(arguments[0]))
        elif event == "open" and writes(*arguments):
            self.written.add(os.path.abspath(os.fsdecode(arguments[0])))
        elif event in MADE:
            self.written.add(os.path.abspath(os.fsdecode(arguments[MADE[event]])))


def writes(path: object, mode: object, flags: object) -> bool:
    """Whether a file is opened to be written; one that is open already is not counted."""
    if not isinstance(path, str | bytes):
        return False
    return bool(isinstance(flags, int) and flags & WRITING)


class Watch:
    """The hook, which stays once it is there; it looks on only while somebody wants to know."""

    def __init__(self) -> None:
        self._seen: list[Seen] = []
        self._hooked = False

    @contextmanager
    def looking(self) -> Iterator[Seen]:
        """What happens meanwhile, in all threads."""
        if not self._hooked:
            self._hooked = True
            sys.addaudithook(self._hook)
        seen = Seen()
        self._seen.append(seen)
        try:
            yield seen
        finally:
            self._seen.remove(seen)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        for seen in self._seen:
            seen.note(event, arguments)


WATCH: Final = Watch()
