"""What a call costs before and after; both models are called in turns, as a busy machine is fair to both."""

from collections.abc import Callable, Collection
from statistics import median
from time import perf_counter
from typing import Final

from dragoman.convert.comparing import AT_ONCE, at_once, call, predicting
from dragoman.convert.sampling import Inputs, rows_of, some_rows
from dragoman.convert.wanted import Timing
from dragoman.repository.loader import LoadedVersion

ROWS: Final = (1, 64)
BLOCK: Final = 10  # calls of one turn: what comes first after the other's turn is slower
MOST_S: Final = 1.5  # for one number of rows
LEAST_TURNS: Final = 3

Clock = Callable[[], float]


def timed(
    source: LoadedVersion,
    onnx: LoadedVersion,
    inputs: Inputs,
    wanted: Collection[str] = (),
    clock: Clock = perf_counter,
) -> tuple[Timing, ...]:
    """The median cost of a call with one row, and with many, of the first signature that is wanted."""
    name, signature = next(predicting(source, wanted))
    found = []
    rows = rows_of(inputs)
    fixed = at_once(signature)
    sizes = ROWS if fixed == AT_ONCE and rows >= ROWS[-1] else (min(rows, fixed),)
    for size in sizes:
        part = inputs if size == rows else some_rows(inputs, 0, size)
        found.append(turns(size, caller(source, name, part), caller(onnx, name, part), clock))
    return tuple(found)


def caller(version: LoadedVersion, name: str, inputs: Inputs) -> Callable[[], object]:
    """What makes one call."""
    signature = version.signatures[name]
    return lambda: call(version, signature, inputs)


def turns(rows: int, before: Callable[[], object], after: Callable[[], object], clock: Clock) -> Timing:
    """Call them in turns until the time is over."""
    before(), after()  # the first call is another
    taken: tuple[list[float], list[float]] = ([], [])
    end = clock() + MOST_S
    turn = 0
    while turn < LEAST_TURNS or clock() < end:
        for one, times in zip((before, after), taken, strict=True):
            for _ in range(BLOCK):
                start = clock()
                one()
                times.append(clock() - start)
        turn += 1
    return Timing(rows, *(1e6 * median(times) for times in taken))
