"""A decoded image, and its resizing.

Resizing is OpenCV's `resize` with its usual interpolation, bit for bit: bilinear between pixel centres, the
nearest pixel beyond the edges, no smoothing when an image shrinks. Bytes are weighed in whole numbers, by
2048ths along each axis, all other types in floats. (OpenCV built with Intel's IPP, as its Python packages
are, rounds floats otherwise: within 1e-5 of the largest value.)

Source: opencv/modules/imgproc/src/resize.cpp.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

import numpy as np
from msgspec import Struct

from dragoman.core.tensors import Array

WHOLE_PIXELS: Final = {size: np.dtype(f"u{size}") for size in (1, 2, 4, 8)}
KEPT_TAPS: Final = 512  # pairs of sizes
UNIT: Final = 2048  # the weight of a whole byte
BYTE: Final = np.dtype(np.uint8)
# Values at a time: what they take stays in a core's cache, and below the size from which the C library asks
# the system for memory each time and gives it back.
STRIP: Final = 24 * 1024


class Picture(Struct, frozen=True):
    """Pixels `(height, width, 1 or 4)`, grey, BGR with one value unused, or BGRA."""

    pixels: Array
    channels: int

    @property
    def values(self) -> Array:
        """The pixels without what is unused: `(height, width, channels)`."""
        return self.pixels[..., : self.channels]

    def strips(self, height: int, width: int, dtype: np.dtype[Any]) -> Iterator[tuple[int, Array]]:
        """The picture in that size, some rows `(rows, width, 1 or 4)` at a time, with the first one's number.

        They are bytes where `dtype` and the pixels are bytes; else floats where the picture is resized.
        """
        stored = self.pixels.shape[2]
        rows = max(STRIP // (width * stored), 1)
        if self.pixels.shape[:2] == (height, width):
            for top in range(0, height, rows):
                yield top, self.pixels[top : top + rows]
            return
        resizing = Resizing(self.pixels, height, width, dtype)
        for top in range(0, height, rows):
            yield top, resizing.rows(slice(top, top + rows)).reshape(-1, width, stored)


class Resizing:
    """Pixels on their way to another size."""

    def __init__(self, pixels: Array, height: int, width: int, dtype: np.dtype[Any]) -> None:
        stored = pixels.shape[2]
        self._dtype = pixels.dtype
        self._in_bytes = dtype == pixels.dtype == BYTE
        wide = np.dtype(np.float64 if dtype == np.float64 else np.float32)
        self._wide = wide = np.dtype(np.int32) if self._in_bytes else wide
        # Whole pixels are gathered; numbers are made only of the four that each new one lies between.
        self._whole = pixels.view(WHOLE_PIXELS[pixels.itemsize * stored])[..., 0]
        self._above, self._below, down = taps(pixels.shape[0], height)
        self._left, self._right, across = taps(pixels.shape[1], width, beyond=False)
        self._upper, self._lower = (each[:, None] for each in weights_of(down, wide))
        self._near, self._far = (np.repeat(each, stored) for each in weights_of(across, wide))

    def rows(self, which: slice) -> Array:
        """Some of the new rows, their values one after the other."""
        upper, lower = (self._across(at[which]) for at in (self._above, self._below))
        mixed = mix_bytes if self._in_bytes else mix
        return mixed(upper, lower, self._upper[which], self._lower[which])

    def _across(self, at: Array) -> Array:
        """Old rows in the new width."""
        rows = self._whole.take(at, axis=0)
        near, far = (
            rows.take(x, axis=1).view(self._dtype).astype(self._wide) for x in (self._left, self._right)
        )
        near *= self._near
        far *= self._far
        near += far
        return near


@lru_cache(KEPT_TAPS)
def taps(size: int, wanted: int, *, beyond: bool = True) -> tuple[Array, Array, Array]:
    """For each new pixel along an axis: the two that it lies between, and its share of the second.

    `beyond` = one that lies beyond an edge keeps its share, though both are that edge's: OpenCV's rows do,
    its columns do not.
    """
    centres = ((np.arange(wanted) + 0.5) * (1.0 / (wanted / size)) - 0.5).astype(np.float32)
    if not beyond:
        centres = centres.clip(0, size - 1)
    floor = np.floor(centres)
    first = floor.astype(np.intp)
    return first.clip(0, size - 1), (first + 1).clip(0, size - 1), centres - floor


def weights_of(shares: Array, wide: np.dtype[Any]) -> tuple[Array, Array]:
    """The weights of the first pixel and of the second, in the type that is counted in."""
    first, second = np.float32(1) - shares, shares
    if wide.kind == "i":
        first, second = (np.rint(weights * np.float32(UNIT)) for weights in (first, second))
    return first.astype(wide), second.astype(wide)


def mix(upper: Array, lower: Array, first: Array, second: Array) -> Array:
    """Rows between two rows of floats."""
    upper *= first
    lower *= second
    upper += lower
    return upper


def mix_bytes(upper: Array, lower: Array, first: Array, second: Array) -> Array:
    """Rows between two rows of 2048ths, as bytes; rounded as OpenCV does, in between as well."""
    share = weighed(upper, first)
    share += weighed(lower, second)
    share += 2
    share >>= 2
    return share.astype(np.uint8)


def weighed(rows: Array, weights: Array) -> Array:
    """Rows of 2048ths by their weights, which are 2048ths too, in quarters of a byte's unit."""
    rows >>= 4
    rows *= weights
    rows >>= 16
    return rows
