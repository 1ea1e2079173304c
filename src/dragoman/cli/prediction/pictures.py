"""Image files to the pixels that an input takes: red, green, blue, resized, in its layout and type."""

import warnings
from io import BytesIO
from math import isqrt
from typing import Final, NamedTuple, TypeGuard

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from dragoman.cli.failure import Exit, FailureError
from dragoman.client.results import TensorMetadata
from dragoman.core.tensors import NUMPY, Array, DType, Shape

STARTS: Final = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"BM", b"RIFF")  # RIFF: WebP
ONE: Final = (None, 1)  # sizes that an axis of rows has
MODES: Final = {1: "L", 3: "RGB", 4: "RGBA"}


class Layout(NamedTuple):
    """How an input holds an image. `axes` = which, in order; P = all pixels, flat. A size of None is open."""

    axes: str
    height: int | None
    width: int | None
    channels: int = 1


def is_picture(value: object) -> TypeGuard[bytes]:
    """Whether these are the bytes of an image file."""
    return isinstance(value, bytes) and value.startswith(STARTS)


def read_picture(data: bytes, spec: TensorMetadata, place: str, scale: float) -> Array:
    """The image as one row of the input.

    Errors: FailureError for a file that is no image, and for an input that takes none.
    """
    layout = layout_of(spec.shape)
    if layout is None or spec.dtype is DType.BOOL:
        raise FailureError(f"{place} is an image, and {spec} takes none: give numbers instead", Exit.USAGE)
    image = opened(data, place).convert(MODES[layout.channels])
    size = (layout.width or image.width, layout.height or image.height)
    pixels = np.asarray(image.resize(size) if size != image.size else image) * scale
    if layout.axes == "CHW":
        pixels = np.moveaxis(pixels, 2, 0) if layout.channels > 1 else pixels[None]
    elif layout.axes == "HWC" and layout.channels == 1:
        pixels = pixels[:, :, None]
    elif layout.axes == "P":
        pixels = pixels.reshape(-1)
    target = NUMPY[spec.dtype]
    if not spec.dtype.is_float:
        limits = np.iinfo(target)
        pixels = np.clip(np.rint(pixels), limits.min, limits.max)
    return pixels.astype(target)[(None,) * (len(spec.shape) - pixels.ndim)]


def layout_of(shape: Shape) -> Layout | None:
    """How an input of this shape holds an image; None where it does not.

    Of three axes the last holds the channels, or, where it cannot, the first; an open last one takes colours.
    Inputs without channels take grey images: as rows of height and width, or flat, where that makes a square.
    """
    if shape is None or len(shape) not in (2, 3, 4) or (len(shape) == 4 and shape[0] not in ONE):
        return None
    if len(shape) == 2:
        return flat_layout(*shape)
    first, middle, last = shape[-3:]
    if last in MODES:
        return Layout("HWC", first, middle, last or 0)
    if first in MODES and (len(shape) == 4 or first != 1):
        return Layout("CHW", middle, last, first or 0)
    if len(shape) == 4:
        return Layout("HWC", first, middle, 3) if last is None else None
    return Layout("HW", middle, last) if first in ONE else None


def flat_layout(first: int | None, last: int | None) -> Layout | None:
    """How an input of two axes holds an image."""
    if first not in ONE:
        return Layout("HW", first, last)
    side = isqrt(last or 0)
    return Layout("P", side, side) if side > 1 and side * side == last else None


def opened(data: bytes, place: str) -> Image.Image:
    """The image in a file, turned as it says.

    Errors: FailureError for one that is broken, or too large to be one.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return ImageOps.exif_transpose(Image.open(BytesIO(data)))
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise FailureError(f"{place} is no image that can be read: {error}", Exit.USAGE) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise FailureError(f"{place} has too many pixels: {error}", Exit.USAGE) from None
