"""Pictures in the terminal: one small greyscale image, and bars."""

from collections.abc import Sequence
from typing import Final

SHADES: Final = " ░▒▓█"
LETTERS: Final = " .+x#"  # where the terminal's encoding has no block characters
BAR: Final = 20  # characters of a full bar


def ramp(encoding: str) -> str:
    """Five characters from empty to full that this encoding has."""
    try:
        SHADES.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return LETTERS
    return SHADES


def draw(pixels: Sequence[int], width: int, brightest: int, shades: str) -> list[str]:
    """The image as lines of text, two characters a pixel, which is about square."""
    steps = len(shades) - 1
    drawn = [shades[round(pixel * steps / brightest)] * 2 for pixel in pixels]
    return ["".join(drawn[start : start + width]) for start in range(0, len(drawn), width)]


def bar(part: float, shades: str) -> str:
    """A bar as long as that part of the whole."""
    return shades[-1] * round(part * BAR)
