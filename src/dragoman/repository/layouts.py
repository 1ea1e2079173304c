"""Layouts: a letter for each axis, as in NHWC.

N, C, D, H and W are what they are everywhere; `?` is an axis of which nothing is said, `...` any number of
those. `NHWC:NCHW` is the caller's layout and the model's. Case does not matter.

Source: OpenVINO Model Server, docs/shape_batch_size_and_layout.md.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from dragoman.core.errors import invalid
from dragoman.core.tensors import Shape

KNOWN: Final = frozenset("NCDHW")
UNKNOWN: Final = "?"
ANY: Final = "..."
IMAGE: Final = "NHWC"  # the axes of decoded images
CHANNELS: Final = frozenset({1, 3, 4})  # what images have


class Layout(Struct, frozen=True):
    """The axes of an input, as callers send it and as the model takes it."""

    sent: str
    own: str

    @property
    def axes(self) -> tuple[int, ...]:
        """Which of the caller's axes becomes each of the model's; empty where all stay."""
        return () if self.sent == self.own else positions(self.sent, self.own)

    def sent_shape(self, own: Shape) -> Shape:
        """The model's shape in the caller's order."""
        return own if self.sent == self.own else tuple(own[axis] for axis in positions(self.own, self.sent))


def positions(letters: str, wanted: str) -> tuple[int, ...]:
    """Where each of the wanted letters stands."""
    return tuple(letters.index(letter) for letter in wanted)


def read_layout(text: str, rank: int, key: str) -> Layout:
    """A layout that was written down, with a letter or `?` for each axis.

    Errors: INVALID_ARGUMENT naming the key.
    """
    left, colon, right = text.upper().partition(":")
    sent = expanded(left, rank, key)
    own = expanded(right, rank, key) if colon else sent
    if sent != own and (UNKNOWN in sent + own or set(sent) != set(own)):
        raise invalid(f"{key}: {text}: both sides have to name the same axes, one letter each")
    return Layout(sent, own)


def expanded(part: str, rank: int, key: str) -> str:
    """One side of a layout with `?` written out for `...`."""
    letters = part.replace(ANY, UNKNOWN * max(rank - len(part) + len(ANY), 0), 1)
    named = [letter for letter in letters if letter != UNKNOWN]
    if set(named) - KNOWN or len(set(named)) != len(named):
        raise invalid(f"{key}: {part} is no layout: letters of N, C, D, H, W, each once, ? and ... are")
    if len(letters) != rank:
        raise invalid(f"{key}: {part} has {len(letters)} axes, and the input has {rank}")
    return letters


def usual_layout(shape: Shape) -> Layout | None:
    """The layout of images that four axes have where nothing else is said; None for other ranks.

    Channels are looked for last, as OpenVINO Model Server does, and only then behind the rows.
    """
    if len(shape) != len(IMAGE):
        return None
    letters = "NCHW" if shape[1] in CHANNELS and shape[3] not in CHANNELS else IMAGE
    return Layout(letters, letters)


def is_open(letters: str) -> bool:
    """Whether a layout says nothing of where an image's axes are."""
    return not set(letters) & set("CHW")


def image_axes(letters: str) -> Sequence[int] | None:
    """Which axis of decoded images each axis is; None where this is no layout of images."""
    rest = letters.replace(UNKNOWN, "N") if letters.count(UNKNOWN) == 1 else letters
    return positions(IMAGE, rest) if sorted(rest) == sorted(IMAGE) else None
