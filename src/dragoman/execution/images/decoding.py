"""Encoded images -> one tensor.

1. The rows have to be as many as the model takes. All are bounded in pixels before one of them is decoded,
   and the tensor in bytes: one that is made of images may be as large as one that is sent.
2. An image has to have the input's channels. Its values are held within the input's type, then resized.
3. Where a size is open, every image has that of the first, and none is resized. Of a range it is the nearest
   size, which has to be the same for all.

What stands before a dash in an error is OpenVINO Model Server's sentence.
"""

from collections.abc import Sequence
from math import prod

import numpy as np

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.core.images import ImageSpec
from dragoman.core.tensors import Array, Tensor
from dragoman.execution.images.canvas import Canvas
from dragoman.execution.images.files import EncodedImage, Refusal
from dragoman.execution.images.picture import Picture
from dragoman.settings.limits import Limits


def decode(name: str, spec: ImageSpec, encoded: Array, limits: Limits, call: CallContext) -> Tensor:
    """The tensor that these images are to the model.

    Errors: INVALID_ARGUMENT naming the input, and the row where one is at fault; CANCELLED.
    """
    rows = read_rows(name, spec, encoded)
    files = [opened(place(name, row), data, limits) for row, data in enumerate(rows)]
    check_sizes(name, spec, files, limits)
    first = read(place(name, 0), files[0], spec.channels)
    height, width = spec.size(files[0].height, files[0].width)
    shape = (len(files), height, width, first.channels)
    if prod(shape) * (spec.preprocessing or spec).dtype.numpy.itemsize > limits.body_bytes:
        raise invalid(
            f'input "{name}": the images make a tensor {shape} of {spec.dtype.value}, which is larger than '
            f"{limits.body_bytes} bytes (limits.body_bytes)"
        )
    canvas = Canvas(spec, shape)
    with np.errstate(over="ignore"):  # beyond float16 is infinity, as everywhere
        canvas.draw(0, first)
        for row in range(1, len(files)):
            if call.cancelled:
                raise DragomanError(Code.CANCELLED, "the caller has gone")
            canvas.draw(row, read(place(name, row), files[row], first.channels))
    return Tensor(canvas.dtype, canvas.array)


def place(name: str, row: int) -> str:
    """Where an image stands, for messages."""
    return f'input "{name}", row {row}'


def read_rows(name: str, spec: ImageSpec, encoded: Array) -> Sequence[bytes]:
    """The encoded images, one to a row. One alone may come without an axis, all with a second of size 1."""
    if encoded.ndim > 1 and encoded.shape[1:] != (1,):
        shape = list(encoded.shape)
        raise invalid(
            f'Invalid number of shape dimensions - input "{name}" takes images in shape [N], not {shape}'
        )
    rows: list[bytes] = encoded.reshape(-1).tolist()
    if not rows or spec.rows not in (None, len(rows)):
        expected = "at least 1" if spec.rows is None else str(spec.rows)
        raise invalid(
            f'Invalid input batch size - Expected: {expected}; Actual: {len(rows)} images, input "{name}"'
        )
    return rows


def opened(where: str, data: bytes, limits: Limits) -> EncodedImage:
    """An image whose head was read."""
    if not data:
        raise invalid(f"String val is empty - {where}")
    try:
        file = EncodedImage(data)
    except Refusal as refusal:
        raise invalid(f"Image parsing failed - {where}: {refusal}") from refusal
    if file.height * file.width > limits.image_pixels:
        raise invalid(
            f"Image parsing failed - {where}: it is {file.width} x {file.height}, and at most "
            f"{limits.image_pixels} pixels are decoded (limits.image_pixels)"
        )
    return file


def check_sizes(name: str, spec: ImageSpec, files: Sequence[EncodedImage], limits: Limits) -> None:
    """Nothing, where the images are small enough together, and as large as they have to be.

    Errors: INVALID_ARGUMENT.
    """
    pixels = sum(file.height * file.width for file in files)
    if pixels > limits.request_pixels:
        raise invalid(
            f'Image parsing failed - input "{name}": the images have {pixels} pixels together, and at most '
            f"{limits.request_pixels} are decoded (limits.request_pixels)"
        )
    first = files[0]
    wanted = spec.size(first.height, first.width)
    if not spec.resizes and wanted != (first.height, first.width):
        raise invalid(
            f"Invalid input shape - {place(name, 0)} is {first.width} x {first.height}, "
            f"and the input is {spec.width or 'any'} x {spec.height or 'any'}"
        )
    for row, file in enumerate(files):
        size = file.height, file.width
        if (spec.size(*size) if spec.resizes else size) != wanted:
            raise invalid(
                "Binary input images for this endpoint are required to have the same resolution - "
                f"{place(name, row)} is {file.width} x {file.height}, row 0 is {first.width} x {first.height}"
            )


def read(where: str, file: EncodedImage, channels: int | None) -> Picture:
    """The pixels of an image.

    Errors: INVALID_ARGUMENT.
    """
    try:
        picture = file.read()
    except Refusal as refusal:
        raise invalid(f"Image parsing failed - {where}: {refusal}") from refusal
    if channels not in (None, picture.channels):
        raise invalid(
            f"Invalid number of channels in binary input - {where} has {picture.channels}, "
            f"{channels} expected"
        )
    return picture
