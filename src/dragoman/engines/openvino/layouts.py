"""Layouts as options say them, in the words of OpenVINO Model Server's configuration.

"NHWC" says which axis is which, "NHWC:NCHW" that callers send NHWC and the model has NCHW. `...` stands for
any number of axes, so that "N..." says which one is the batch, and `?` for an axis without a name.
"""

import re
from typing import Final

from msgspec import Struct

from dragoman.core.errors import invalid
from dragoman.core.layouts import REST

LAYOUT: Final = re.compile(r"[NCHWD?]*(?:\.\.\.[NCHWD?]*)?")


class Layout(Struct, frozen=True):
    """The axes as callers see them, and as the model has them."""

    callers: str
    models: str

    def __str__(self) -> str:
        return self.callers if self.callers == self.models else f"{self.callers}:{self.models}"


def parse_layout(text: str, key: str) -> Layout:
    """The layout, in capitals.

    Errors: INVALID_ARGUMENT naming the key.
    """
    callers, colon, models = "".join(text.upper().split()).partition(":")
    sides = (callers, models) if colon else (callers, callers)
    if not all(is_layout(side) for side in sides):
        raise invalid(
            f'{key}: {text!r} is no layout; "NHWC" is one, and "NHWC:NCHW" for callers that send NHWC to a '
            f"model that has NCHW, of the letters N, C, H, W and D, ? for an axis and ... for any number"
        )
    return Layout(*sides)


def is_layout(text: str) -> bool:
    """Whether this is one layout: letters at most once each."""
    letters = [letter for letter in text if letter.isalpha()]
    return bool(text) and LAYOUT.fullmatch(text) is not None and len(set(letters)) == len(letters)


def axis_count(layout: str) -> int:
    """The number of axes; with `...` in it, the least number."""
    return len(layout.replace(REST, ""))


def suits(layout: str, rank: int) -> bool:
    """Whether a tensor with so many axes can have the layout."""
    named = axis_count(layout)
    return named <= rank if REST in layout else named == rank
