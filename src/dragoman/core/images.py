"""Images as inputs: what happens between an encoded file, or a tensor of pixels, and the model. As data."""

import enum

from msgspec import Struct

from dragoman.core.tensors import DType

Range = tuple[int, int]  # the least size and the greatest


class Color(enum.Enum):
    """What becomes of the channels."""

    KEEP = "keep"
    REVERSE = "reverse"  # BGR to RGB and back
    GRAY_OF_BGR = "gray_of_bgr"
    GRAY_OF_RGB = "gray_of_rgb"


class Preprocessing(Struct, frozen=True):
    """What an input's values go through, in this order: colours, type, mean, scale, order of the axes.

    Axes are counted as the values come. Axis `axes[i]` becomes the model's axis i; empty = all stay.
    """

    dtype: DType  # the model's
    channel_axis: int | None = None
    color: Color = Color.KEEP
    mean: tuple[float, ...] = ()  # one for all values, or one per channel; empty = nothing is subtracted
    scale: tuple[float, ...] = ()  # likewise what values are divided by
    axes: tuple[int, ...] = ()


class ImageSpec(Struct, frozen=True):
    """How encoded images become an input: as `(rows, height, width, channels)`, BGR, then preprocessed.

    None = any size. Images are resized where height and width are known, or a range of each is: then to the
    nearest size in it.
    """

    dtype: DType  # before the preprocessing
    rows: int | None
    height: int | None
    width: int | None
    channels: int | None
    preprocessing: Preprocessing | None = None
    height_range: Range | None = None
    width_range: Range | None = None

    @property
    def resizes(self) -> bool:
        """Whether images are resized; else all of a request have one size."""
        return None not in (self.height or self.height_range, self.width or self.width_range)

    def size(self, height: int, width: int) -> tuple[int, int]:
        """The height and width that an image of this size is brought to."""
        return (
            self.height or nearest(height, self.height_range),
            self.width or nearest(width, self.width_range),
        )


def nearest(size: int, wanted: Range | None) -> int:
    """The size in a range that is nearest to one."""
    return size if wanted is None else min(max(size, wanted[0]), wanted[1])
