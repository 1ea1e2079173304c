"""The process that converts: it alone runs the converters, and reads files that are code."""

import subprocess
import sys
import tempfile
from collections.abc import Iterable
from typing import IO, Final

import msgspec

from dragoman.convert.messages import Done, Failed, Order, Step, Told
from dragoman.convert.wanted import Tell
from dragoman.core.errors import Code, DragomanError

COMMAND: Final = (sys.executable, "-P", "-m", "dragoman.convert.child")
SHOWN_LINES: Final = 3  # of what it wrote before it died


def converted(order: Order, tell: Tell) -> Done:
    """What the process made.

    Errors: what it says; INTERNAL where it ends without a word.
    """
    with (
        tempfile.TemporaryFile() as errors,
        tempfile.TemporaryFile() as given,
    ):
        given.write(msgspec.json.encode(order))
        given.seek(0)
        child = subprocess.Popen(COMMAND, stdin=given, stdout=subprocess.PIPE, stderr=errors)  # noqa: S603
        try:
            lines = child.stdout or iter(())
            return listened(lines, tell) or died(child.wait(), errors)
        finally:
            child.kill()
            child.communicate()


def listened(lines: Iterable[bytes], tell: Tell) -> Done | None:
    """What comes at the end; None where nothing does.

    Errors: what the process says.
    """
    for line in lines:
        told = msgspec.json.decode(line, type=Told)
        if isinstance(told, Step):
            tell(told.text)
        elif isinstance(told, Failed):
            raise DragomanError(Code(told.code), told.message)
        else:
            return told
    return None


def died(code: int, errors: IO[bytes]) -> Done:
    """Never anything.

    Errors: INTERNAL with the last lines that the process wrote.
    """
    errors.seek(0)
    lines = errors.read().decode(errors="replace").strip().splitlines()[-SHOWN_LINES:]
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    raise DragomanError(Code.INTERNAL, "\n  ".join([f"the process that converts ended ({how})", *lines]))
