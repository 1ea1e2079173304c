"""Encoded images and array helpers for the tests of images."""

import base64
import io
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from dragoman.core.images import ImageSpec
from dragoman.core.tensors import Array, DType

# What OpenCV made of these files; see write_opencv.py.
OPENCV = json.loads((Path(__file__).parent / "opencv.json").read_bytes())


def read(pixels: Any) -> Array:
    """An array of opencv.json, with an axis for its channels."""
    array = np.frombuffer(base64.b64decode(pixels["data"]), pixels["dtype"]).reshape(pixels["shape"])
    return array if array.ndim == 3 else array[..., None]


def encoded(pixels: Array, kind: str = "PNG") -> bytes:
    """An image file of these pixels, RGB or grey."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind)
    return out.getvalue()


def ramp(height: int = 2, width: int = 2, channels: int = 3) -> Array:
    """Pixels that are all different."""
    size = height * width * channels
    return np.arange(size, dtype=np.uint8).reshape(height, width, channels)


def bytes_array(*rows: bytes) -> Array:
    """An array of byte strings."""
    out = np.empty(len(rows), np.object_)
    out[:] = rows
    return out


def head_of_png(width: int, height: int) -> bytes:
    """A PNG that says it is so large, with next to nothing in it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def image_spec(
    dtype: DType = DType.FP32,
    rows: int | None = None,
    height: int | None = 2,
    width: int | None = 2,
    channels: int | None = 3,
) -> ImageSpec:
    return ImageSpec(dtype, rows, height, width, channels)
