"""The tensor that images become: each is drawn into a row of it, in the model's layout and type.

What `steps` does to tensors is done here to a few rows of pixels at a time, channels last.
"""

from typing import Any

import numpy as np

from dragoman.core.images import Color, ImageSpec, Preprocessing
from dragoman.core.tensors import Array, DType
from dragoman.execution.images.picture import Picture
from dragoman.execution.images.steps import GRAY_OF, as_type


class Canvas:
    """A tensor `shape` = (rows, height, width, channels of the images), turned as the model wants it."""

    def __init__(self, spec: ImageSpec, shape: tuple[int, int, int, int]) -> None:
        self._spec = spec
        self._size = shape[1:3]
        steps = spec.preprocessing or Preprocessing(spec.dtype)
        self._finish = Finish(steps, shape[2], shape[3])
        drawn = (*shape[:3], self._finish.channels)
        axes = steps.axes or (0, 1, 2, 3)
        self.dtype = steps.dtype
        self.array = np.empty([drawn[axis] for axis in axes], steps.dtype.numpy)
        self._rows = self.array.transpose(np.argsort(axes))

    def draw(self, row: int, picture: Picture) -> None:
        """Make a picture a row of the tensor."""
        dtype = self._spec.dtype
        if dtype.is_integer and not np.can_cast(picture.pixels.dtype, dtype.numpy):
            picture = Picture(as_type(picture.pixels, dtype), picture.channels)
        for top, values in picture.strips(*self._size, dtype.numpy):
            typed = as_type(values, dtype) if dtype.is_integer else values
            finished = self._finish(typed, picture.channels)
            self._rows[row, top : top + len(values)] = as_type(finished, self.dtype)


class Finish:
    """Colours, mean and scale of pixels `(rows, width, 1 or 4)`."""

    def __init__(self, steps: Preprocessing, width: int, channels: int) -> None:
        self._weights = GRAY_OF.get(steps.color)
        self._reverse = steps.color is Color.REVERSE
        self.channels = 1 if self._weights is not None else channels
        stored = 1 if self.channels == 1 else 4
        wide = np.dtype(np.float64 if steps.dtype is DType.FP64 else np.float32)
        self._mean = self._row(steps.mean, 0, width, stored, wide)
        self._scale = self._row(steps.scale, 1, width, stored, wide)
        self._wide = wide

    def __call__(self, values: Array, channels: int) -> Array:
        """The pixels as the model sees them: `(rows, width, channels)`."""
        if self._weights is not None:
            values = (values[..., :3].astype(np.float32) @ self._weights)[..., None]
            channels = 1
        if self._mean is not None:
            values = np.subtract(values, self._mean, dtype=self._wide, casting="unsafe")
        if self._scale is not None:
            values = np.divide(values, self._scale, dtype=self._wide, casting="unsafe")
        return values[..., channels - 1 :: -1] if self._reverse else values[..., :channels]

    def _row(
        self, numbers: tuple[float, ...], unused: float, width: int, stored: int, wide: np.dtype[Any]
    ) -> Array | None:
        """The numbers for each value of a row as it is stored; None where there are none."""
        if not numbers:
            return None
        each = numbers * self.channels if len(numbers) == 1 else numbers
        each = each[::-1] if self._reverse else each
        padded = (*each, *[unused] * (stored - len(each)))
        return np.tile(np.array(padded, wide), width).reshape(width, stored)
