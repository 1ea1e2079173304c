"""What a conversion is asked for, and what comes of it."""

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

USUAL_ROWS = 1000
USUAL_SEED = 7
USUAL_TOLERANCE = 1e-5

Tell = Callable[[str], None]  # what is under way, for a person who waits


class Wanted(Struct, frozen=True, kw_only=True):
    """What the command line asks for. `output` None = beside the source."""

    source: Path
    output: Path | None = None
    trust_code: bool = False
    samples: Path | None = None
    rows: int = USUAL_ROWS
    seed: int = USUAL_SEED
    tolerance: float = USUAL_TOLERANCE
    force: bool = False


class Timing(Struct, frozen=True):
    """Microseconds of a call with so many rows: the median of calls that took turns."""

    rows: int
    source_us: float
    onnx_us: float


class Agreement(Struct, frozen=True):
    """How far the answers agree. `ties` = rows whose two likeliest classes are equally likely."""

    rows: int
    largest_difference: float
    tolerance: float
    ties: int = 0


class Converted(Struct, frozen=True):
    """What a conversion made."""

    source: str
    engine: str
    output: str
    form: str  # the precision in which it computes
    agreement: Agreement
    timings: tuple[Timing, ...]
    sampled: bool  # whether the rows were made up
