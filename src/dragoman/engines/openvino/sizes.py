"""Shapes and batch sizes as options say them, in the words of OpenVINO Model Server's configuration.

"(1,3,224,224)" says sizes, where -1 stands for any size and 1:8 for a range; "auto" is any size everywhere.
Here a size is a number, a range, or None = any.
"""

import re
from collections.abc import Sequence
from typing import Final

from dragoman.core.errors import invalid

Size = int | tuple[int, int] | None
Sizes = tuple[Size, ...]

AUTO: Final = "auto"
SHAPE: Final = re.compile(r"\(([-\d:]+(?:,[-\d:]+)*)\)")
LARGEST: Final = 2**31 - 1
AS_IN_MODEL: Final = 0  # a batch size that is none


def parse_shape(text: str, key: str) -> Sizes | None:
    """The sizes; None = `auto`.

    Errors: INVALID_ARGUMENT naming the key.
    """
    bare = "".join(text.split())
    if bare.lower() == AUTO:
        return None
    found = SHAPE.fullmatch(bare)
    try:
        if found is None:
            raise ValueError(text)
        return tuple(parse_size(size) for size in found[1].split(","))
    except ValueError:
        raise invalid(
            f'{key}: {text!r} is no shape; "auto" is one, and so is "(1,3,224,224)", where -1 stands for any '
            f"size and 1:8 for a range"
        ) from None


def parse_batch_size(value: int | str) -> Size:
    """The batch size; AS_IN_MODEL = the one that the model has.

    Errors: INVALID_ARGUMENT.
    """
    bare = "".join(str(value).split())
    if bare.lower() == AUTO:
        return None
    try:
        return parse_size(bare)
    except ValueError:
        raise invalid(
            f'options.batch_size: {value!r} is no batch size; a number is one, "auto", or a range such as 1:8'
        ) from None


def parse_size(text: str) -> Size:
    """One size.

    Errors: ValueError.
    """
    low, colon, high = text.partition(":")
    numbers = [int(low), int(high)] if colon else [int(low)]
    if numbers == [-1]:
        return None
    if min(numbers) < 0 or max(numbers) > LARGEST or sorted(set(numbers)) != numbers:
        raise ValueError(text)
    return (numbers[0], numbers[1]) if colon else numbers[0]


def show_sizes(sizes: Sequence[Size]) -> str:
    """Sizes for a message: `(1..8, 3, ?)`."""
    shown = [show_size(size) for size in sizes]
    return f"({shown[0]},)" if len(shown) == 1 else f"({', '.join(shown)})"


def show_size(size: Size) -> str:
    """One size for a message."""
    if isinstance(size, tuple):
        return f"{size[0]}..{size[1]}"
    return "?" if size is None else str(size)


def fit(given: tuple[int, ...], expected: Sequence[Size]) -> bool:
    """Whether a shape is one of those."""
    return len(given) == len(expected) and all(map(fits, given, expected))


def fits(given: int, expected: Size) -> bool:
    """Whether one size is one of those."""
    if isinstance(expected, tuple):
        return expected[0] <= given <= expected[1]
    return expected is None or given == expected
