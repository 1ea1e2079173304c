"""What the command line gives for a model's inputs: texts, and the contents of files."""

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from dragoman.cli.failure import Exit, FailureError

# A name has none of what JSON begins with, so that a VALUE alone may hold an equals sign.
NAMED: Final = re.compile(r'([^=\s"\[\]{}@]+)=(.*)', re.DOTALL)
STDIN: Final = "-"
MAX_FILE_BYTES: Final = 2**31  # no server takes more in one request


class Source(Struct, frozen=True):
    """A value as it was given. `name` None = for the model's only input; `place` is what messages call it."""

    name: str | None
    data: str | bytes
    place: str


def read_sources(inputs: Sequence[str], files: Sequence[str]) -> Iterator[Source]:
    """Everything that is given, files read.

    Errors: FailureError for a file that cannot be read.
    """
    for text in inputs:
        named = NAMED.fullmatch(text)
        name, value = named.groups() if named else (None, text)
        if value.startswith("@"):
            yield Source(name, read_file(value[1:]), value[1:])
        else:
            yield Source(name, value, f"--input {name or ''}".rstrip())
    for path in files:
        yield Source(None, read_file(path), "standard input" if path == STDIN else path)


def read_file(path: str) -> bytes:
    """A file's bytes, or those of standard input.

    Errors: FailureError.
    """
    try:
        if path == STDIN:
            data = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
        else:
            with Path(path).open("rb") as file:
                data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise FailureError(f"{path} cannot be read: {error.strerror}", Exit.USAGE) from error
    if len(data) > MAX_FILE_BYTES:
        raise FailureError(f"{path} has more than {MAX_FILE_BYTES} bytes", Exit.USAGE)
    return data
