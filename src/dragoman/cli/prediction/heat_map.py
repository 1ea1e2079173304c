"""What each pixel adds to an answer, as an image: red where it raises it, blue where it lowers it."""

from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from dragoman.cli.failure import Exit, FailureError
from dragoman.cli.prediction.pictures import Layout, layout_of
from dragoman.core.tensors import Array, Shape

RAISES: Final = (214, 39, 40)
LOWERS: Final = (31, 119, 180)
STRONGEST: Final = 0.85  # how much of the colour stands where most is added
SMALLEST: Final = 256  # pixels of the longer side: small images are drawn larger
SUFFIX: Final = ".explained.png"


def image_layout(shape: Shape, *, from_picture: bool) -> Layout | None:
    """How an input of this shape holds an image; None where it holds none, or only may.

    A list of numbers that makes a square, and a table, are images only where one was given.
    """
    layout = layout_of(shape)
    if layout is None or (layout.axes in ("P", "HW") and not from_picture):
        return None
    return layout


def place_for(wanted: Path | None, picture: str | None, row: int, rows: int) -> Path:
    """The file of one row's heat map: the wanted one, else beside the image; several rows are numbered."""
    if wanted is not None:
        path = wanted
    elif picture is not None:
        path = Path(picture).with_name(Path(picture).stem + SUFFIX)
    else:
        path = Path(f"heat-map{SUFFIX}")
    return path if rows == 1 else path.with_name(f"{path.stem}-{row}{path.suffix}")


def heat_map(values: Array, adds: Array, layout: Layout) -> Image.Image:
    """The image in grey, with the colour of what its pixels add, all channels of one together."""
    grey = plane(values.astype(np.float64), layout) / (layout.channels or values.shape[-1])
    heat = plane(adds, layout)
    low, high = float(grey.min(initial=np.inf)), float(grey.max(initial=-np.inf))
    shown = (grey - low) / (high - low) * 255 if high > low else np.full(grey.shape, 127.0)
    greatest = float(np.abs(heat).max(initial=0.0)) or 1.0
    strength = (np.abs(heat) / greatest * STRONGEST)[:, :, None]
    colour = np.where(heat[:, :, None] >= 0, np.array(RAISES, np.float64), np.array(LOWERS, np.float64))
    mixed = shown[:, :, None] * (1 - strength) + colour * strength
    made = Image.fromarray(np.rint(mixed).astype(np.uint8), "RGB")
    factor = -(-SMALLEST // max(made.size))
    if factor > 1:
        made = made.resize((made.width * factor, made.height * factor), Image.Resampling.NEAREST)
    return made


def plane(values: Array, layout: Layout) -> Array:
    """The pixels as rows of a picture, channels added up."""
    if layout.axes == "P":
        return values.reshape(layout.height or -1, layout.width or -1)
    if layout.axes == "HWC":
        added: Array = values.sum(axis=-1)
        return added
    if layout.axes == "CHW":
        return np.asarray(values.sum(axis=0))
    return values


def write(image: Image.Image, path: Path) -> None:
    """Write it as PNG.

    Errors: FailureError.
    """
    try:
        with path.open("wb") as file:
            image.save(file, "PNG")
    except OSError as error:
        raise FailureError(f"{path} cannot be written: {error.strerror}", Exit.FAILURE) from error
