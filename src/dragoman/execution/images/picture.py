"""A decoded image, and its resizing.

Resizing is OpenCV's `resize` with its usual interpolation: bilinear between pixel centres, the nearest pixel
beyond the edges, no smoothing when an image shrinks. Floats differ from OpenCV's by rounding alone.
"""

from functools import lru_cache
from typing import Final

import numpy as np
from msgspec import Struct

from dragoman.core.tensors import Array

WHOLE_PIXELS: Final = {size: np.dtype(f"u{size}") for size in (1, 2, 4, 8)}
KEPT_TAPS: Final = 512  # pairs of sizes


class Picture(Struct, frozen=True):
    """Pixels `(height, width, 1 or 4)`, grey, BGR with one value unused, or BGRA."""

    pixels: Array
    channels: int

    @property
    def values(self) -> Array:
        """The pixels without what is unused: `(height, width, channels)`."""
        return self.pixels[..., : self.channels]

    def resized(self, height: int, width: int) -> "Picture":
        """The picture in another size, its values as float32."""
        stored = self.pixels.shape[2]
        # Whole pixels are gathered at once; numbers are made only of the four that each new one lies between.
        whole = self.pixels.view(WHOLE_PIXELS[self.pixels.itemsize * stored])[..., 0]
        above, below, down = taps(self.pixels.shape[0], height)
        left, right, across = taps(self.pixels.shape[1], width)
        shares = np.repeat(across, stored)
        upper = self._between(whole.take(above, axis=0), left, right, shares)
        lower = self._between(whole.take(below, axis=0), left, right, shares)
        lower -= upper
        lower *= down[:, None]
        upper += lower
        return Picture(upper.reshape(height, width, stored), self.channels)

    def _between(self, rows: Array, left: Array, right: Array, shares: Array) -> Array:
        """The values between two pixels of each row; `shares` tells how far towards the right one."""
        near, far = (rows.take(at, axis=1).view(self.pixels.dtype).astype(np.float32) for at in (left, right))
        far -= near
        far *= shares
        near += far
        return near


@lru_cache(KEPT_TAPS)
def taps(size: int, wanted: int) -> tuple[Array, Array, Array]:
    """For each new pixel along an axis: the two that it lies between, and its share of the second."""
    centres = ((np.arange(wanted) + 0.5) * (size / wanted) - 0.5).astype(np.float32).clip(0, size - 1)
    first = np.floor(centres).astype(np.intp)
    return first, np.minimum(first + 1, size - 1), centres - first.astype(np.float32)
