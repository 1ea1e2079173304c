"""What `dragoman convert` prints: what is under way, and the table of what a call costs."""

import signal
import sys
from collections.abc import Iterator
from typing import Final, NoReturn

import msgspec

from dragoman.cli.failure import FailureError
from dragoman.cli.table import aligned, one_line
from dragoman.cli.view import say
from dragoman.convert.causes import Causes
from dragoman.convert.run import convert
from dragoman.convert.wanted import Converted, Wanted
from dragoman.core.errors import DragomanError

SIGNALLED: Final = 128  # above which exit codes tell of signals


def run(wanted: Wanted, *, as_json: bool) -> None:
    """Convert, and print what came of it.

    Errors: FailureError.
    """
    causes = Causes()
    causes.listen()
    signal.signal(signal.SIGTERM, ended)
    try:
        made = convert(wanted, progress)
    except DragomanError as error:
        raise FailureError(causes.told(error)) from error
    except OSError as error:
        raise FailureError(f"{error.filename}: {(error.strerror or str(error)).lower()}") from error
    if as_json:
        say(msgspec.json.format(msgspec.json.encode(made)).decode())
    else:
        say(*lines(made))


def ended(number: int, frame: object) -> NoReturn:
    """Leave as by Ctrl-C: the converting process ends, and what is half made is taken away."""
    sys.exit(SIGNALLED + number)


def progress(text: str) -> None:
    """Say what is under way; answers go to standard output."""
    print(one_line(text), file=sys.stderr, flush=True)


def lines(made: Converted) -> Iterator[str]:
    """What was found, for a person."""
    found = made.agreement
    rows = f"{found.rows} {'made-up' if made.sampled else 'given'} rows"
    yield (
        f"equal on {rows}: the largest difference is {found.largest_difference:.2g} "
        f"(tolerance {found.tolerance:g}, computed in {made.form})"
    )
    if found.ties:
        yield f"in {found.ties} of them two classes are equally likely, and the models chose another one each"
    yield from table(made)
    yield f"{made.output} is made; serve it with: dragoman serve {folder_of(made.output)}"


def folder_of(file: str) -> str:
    """The model's folder."""
    return file.rsplit("/", 2)[0]


def table(made: Converted) -> Iterator[str]:
    """What a row costs in each, in columns."""
    cells = [("ROWS A CALL", made.engine.upper(), "ONNX", "FASTER")]
    for timing in made.timings:
        before, after = (cost / timing.rows for cost in (timing.source_us, timing.onnx_us))
        cells.append(
            (
                str(timing.rows),
                f"{micro(before)} a row",
                f"{micro(after)} a row",
                f"{before / after:,.1f} times",
            )
        )
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        yield aligned(line, widths)


def micro(microseconds: float) -> str:
    """A time in microseconds, to three digits."""
    return f"{microseconds:,.0f} us" if microseconds >= 100 else f"{microseconds:.3g} us"
