"""What each value adds to an answer, as bars: to the right what raises it, to the left what lowers it."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, Final

import numpy as np
from msgspec import Struct
from rich.text import Text

from dragoman.cli.table import one_line
from dragoman.core.tensors import Array

MOST_BARS: Final = 20
HALF: Final = 20  # characters from the middle to either end
RAISES: Final = "green"
LOWERS: Final = "red"
WIDEST_VALUE: Final = 24  # characters of a value that is text
MIDDLE: Final = "|"


class Attribution(Struct, frozen=True):
    """One value, and what it adds."""

    name: str
    value: str
    adds: float


def of_row(inputs: Mapping[str, Array], explained: Mapping[str, Array], row: int) -> list[Attribution]:
    """Every value of one row, those that add or take most first."""
    made = []
    for name, adds in explained.items():
        for place in product(*(range(size) for size in adds.shape[1:])):
            shown = one_line(name) + (f"[{', '.join(map(str, place))}]" if place else "")
            made.append(
                Attribution(shown, value_text(inputs[name][(row, *place)]), float(adds[(row, *place)]))
            )
    return sorted(made, key=lambda each: -abs(each.adds))


def value_text(value: Any) -> str:
    """A value, short."""
    if isinstance(value, bytes):
        text = one_line(value.decode(errors="replace"))
        return text if len(text) <= WIDEST_VALUE else f"{text[: WIDEST_VALUE - 3]}..."
    return f"{float(value):.6g}"


def chart(attributions: list[Attribution], shades: str) -> Iterator[Text]:
    """The bars of one row's values; what does not fit is told in a last line."""
    shown = attributions[:MOST_BARS]
    greatest = max((abs(each.adds) for each in shown), default=0.0)
    names = max((len(each.name) for each in shown), default=0)
    values = max((len(each.value) for each in shown), default=0)
    for each in shown:
        line = Text(f"  {each.name:<{names}}  {each.value:>{values}}  {each.adds:>+12.6g}  ")
        yield line.append_text(bar(each.adds / greatest if greatest else 0.0, shades))
    rest = attributions[MOST_BARS:]
    if rest:
        total = sum(each.adds for each in rest)
        yield Text(f"  and {len(rest)} more, which add {total:+.6g} together")


def bar(part: float, shades: str) -> Text:
    """A bar to the right for a part above 0, to the left below it."""
    filled = shades[-1] * round(abs(part) * HALF)
    if part < 0:
        return Text(" " * (HALF - len(filled))).append(filled, LOWERS).append(MIDDLE)
    return Text(" " * HALF).append(MIDDLE).append(filled, RAISES)


def as_arrays(explained: Any, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """What the server said, by input and in each input's shape.

    Errors: ValueError for an answer of another form.
    """
    if not isinstance(explained, Mapping):
        if len(inputs) != 1:
            raise ValueError("it has no inputs by name")
        explained = {next(iter(inputs)): explained}
    made = {}
    for name, values in inputs.items():
        array = np.asarray(explained[name], np.float64)
        if array.shape != values.shape:
            raise ValueError(f"{name!r} has shape {array.shape}, and the input {values.shape}")
        made[name] = array
    return made
