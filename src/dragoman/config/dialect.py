"""What a front end for another server's flags and files is.

A dialect is pure: it gets the words of a command line, the environment and functions that read files, and
gives the native settings as plain data, with a note for every flag and key it met. None is dropped in
silence.
"""

import enum
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

Tree = Mapping[str, Any]


class Level(enum.Enum):
    """What became of a flag or key."""

    HONOURED = "honoured"
    IGNORED = "ignored"  # it does nothing here, and answers are the same without it
    UNSUPPORTED = "unsupported"  # answers or access would differ: an error unless that is allowed
    REFUSED = "refused"  # an entry of a list that is left out, while the others are served


class Note(Struct, frozen=True):
    """What became of one flag or key: `--port`, `models.config:3: logging_config`.

    `place` = how many models and pipelines that are served stand before an entry that is REFUSED.
    """

    key: str
    level: Level
    text: str
    place: int = 0

    def __str__(self) -> str:
        return f"{self.key}: {self.level.value}: {self.text}"


def unknown(path: str) -> int:
    """When a file was written to where nobody can tell."""
    return 0


class Source(Struct, frozen=True):
    """What a dialect may look at. `path` is the models' path, where the command line names one besides."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    read: Callable[[str], str]  # a file's text, by its path
    names: Callable[[str], Sequence[str]]  # what lies in a folder; nothing where there is none
    path: str | None = None
    modified: Callable[[str], int] = unknown  # when a file was last written to; the larger, the later


class Background(Struct, frozen=True):
    """A server that outlives its command: the file in the temporary folder that tells its process.

    `ends` = it is not to begin but to end.
    """

    pid_file: str
    ends: bool = False


class Translation(Struct, frozen=True):
    """The native settings, where each comes from by its key, and the notes.

    `message` is set where the command line asks for a text only, as `--version` does; `writes` are files that
    it asks to be written then, by their paths. `background` None = serve as long as the command runs.
    """

    tree: Tree
    origins: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    message: str | None = None
    writes: Mapping[str, str] = field(default_factory=dict)
    background: Background | None = None


class Dialect(Struct, frozen=True):
    """A front end, by the name that follows `--as`.

    `separate` divides words into the dialect's own and the others. `recognise` gets a file's text and path,
    and gives the command line that uses it, or nothing where it is none of that server's.
    """

    name: str
    title: str
    translate: Callable[[Source], Translation]
    recognise: Callable[[str, str], list[str]]
    separate: Callable[[Sequence[str]], tuple[list[str], list[str]]]
