"""Encoded images through Pillow: every format, and what of each is read as OpenCV reads it.

Pillow's own file classes are called by what the first bytes say, so that no other format's code is reached.
It keeps 8 of 16 bits in coloured PNG: those are read in two passes, high bytes and low ones.
"""

import struct
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any, Final

import numpy as np
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.PpmImagePlugin import PpmImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from dragoman.core.tensors import Array
from dragoman.execution.images.picture import Picture

Open = Callable[[BytesIO], ImageFile]

JPEG: Final = b"\xff\xd8\xff"
BY_FIRST_BYTES: Final[Mapping[bytes, Open]] = {
    JPEG: JpegImageFile,
    b"\x89PNG\r\n\x1a\n": PngImageFile,
    b"BM": BmpImageFile,
    b"GIF87a": GifImageFile,
    b"GIF89a": GifImageFile,
    b"II*\0": TiffImageFile,
    b"MM\0*": TiffImageFile,
    b"RIFF": WebPImageFile,
    **{b"P%d%c" % (kind, space): PpmImageFile for kind in range(1, 7) for space in b" \t\r\n"},
}
FORMATS: Final = "JPEG, PNG, BMP, GIF, TIFF, WebP or PNM"
BITS_PER_SAMPLE: Final = 258  # a TIFF tag
DEEP: Final = "16B"  # in the names of Pillow's raw modes: 16 bits, high byte first
DEEP_GRAY_ALPHA: Final = "LA;16B"


class Refusal(Exception):
    """What is wrong with an image, in words for its sender."""


class PillowImage:
    """An encoded image that Pillow reads."""

    def __init__(self, data: bytes) -> None:
        """Read the head.

        Errors: Refusal.
        """
        make = next((make for first, make in BY_FIRST_BYTES.items() if data.startswith(first)), None)
        if make is None:
            raise Refusal(f"this is no {FORMATS}")
        self._data = data
        self._open = make
        self.width, self.height = webp_size(data) if make is WebPImageFile else self._opened().size

    def read(self) -> Picture:
        """The pixels.

        Errors: Refusal.
        """
        try:
            image = self._opened()
            deep = deep_mode(image)
            if deep is not None:
                return self._deep(deep)
            image.load()
            return read_pixels(image)
        except Refusal:
            raise
        except Exception as error:  # Pillow's file classes raise whatever breaks in them
            raise unreadable(error) from error

    def _opened(self) -> ImageFile:
        try:
            return self._open(BytesIO(self._data))
        except Exception as error:
            raise unreadable(error) from error

    def _deep(self, mode: str) -> Picture:
        """Coloured PNG of 16 bits."""
        if mode == DEEP_GRAY_ALPHA:  # four bytes a pixel are taken for RGBA's
            halves = self._raw("RGBA").astype(np.uint16)
            gray, alpha = (halves[..., at] << 8 | halves[..., at + 1] for at in (0, 2))
            return Picture(np.stack([gray, gray, gray, alpha], axis=2), 4)
        high, low = (self._raw(mode.replace(DEEP, bits)) for bits in (DEEP, "16L"))
        values = high.astype(np.uint16) << 8 | low
        channels = values.shape[2]
        return Picture(values.take([2, 1, 0, channels - 1], axis=2), channels)

    def _raw(self, mode: str) -> Array:
        """The pixels, with their bytes taken for another raw mode's."""
        image = self._opened()
        image.tile = [tile._replace(args=mode) for tile in image.tile]
        image.load()
        return np.asarray(image)


def unreadable(error: Exception) -> Refusal:
    """The refusal for a file that is damaged, cut off or of a kind that Pillow does not know."""
    return Refusal(f"the file cannot be read: {str(error)[:200] or type(error).__name__}")


def webp_size(data: bytes) -> tuple[int, int]:
    """Width and height from a WebP file's first chunk: Pillow sets memory for them aside when it opens one.

    Errors: Refusal.
    Source: RFC 9649.
    """
    kind, chunk = data[8:16], data[20:30]
    if len(chunk) == 10:
        if kind == b"WEBPVP8X":
            wide, high = chunk[4:7] + b"\0", chunk[7:10] + b"\0"
            return int.from_bytes(wide, "little") + 1, int.from_bytes(high, "little") + 1
        if kind == b"WEBPVP8L":
            (bits,) = struct.unpack_from("<I", chunk, 1)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        if kind == b"WEBPVP8 ":
            wide_bits, high_bits = struct.unpack_from("<HH", chunk, 6)
            return wide_bits & 0x3FFF, high_bits & 0x3FFF
    raise Refusal(f"this is no {FORMATS}")


def deep_mode(image: ImageFile) -> str | None:
    """The raw mode of a PNG that has 16 bits in each of several channels.

    Errors: Refusal for such files of another format.
    """
    if isinstance(image, PngImageFile):
        mode = str(image.tile[0].args) if image.tile else ""
        return mode if DEEP in mode and image.mode in ("RGB", "RGBA") else None
    if image.mode not in ("L", "I", "I;16", "I;16B", "F") and bits_of(image) > 8:
        raise Refusal("more than 8 bits in each of several channels are read from PNG only")
    return None


def bits_of(image: ImageFile) -> int:
    """The bits of each channel in the file, where it can have more than 8."""
    if isinstance(image, TiffImageFile):
        found = image.tag_v2.get(BITS_PER_SAMPLE, 8)
        return int(max(found) if isinstance(found, tuple) else found)
    if isinstance(image, PpmImageFile) and image.tile:
        args: Any = image.tile[0].args
        largest = args[1] if isinstance(args, tuple) and isinstance(args[1], int) else 255
        return 16 if largest > 255 else 8
    return 8


def read_pixels(image: ImageFile) -> Picture:
    """The pixels of a loaded image.

    Errors: Refusal for a mode that OpenCV gives no pixels for, or other ones.
    """
    if image.mode in TO_RGB:
        alpha = "transparency" in image.info or image.mode == "LA"
        return raw_pixels(image.convert("RGBA" if alpha else "RGB"))
    if image.mode == "RGB" and "transparency" in image.info:
        return raw_pixels(image.convert("RGBA"))
    if image.mode in RAW:
        return raw_pixels(image)
    if image.mode == "CMYK" and isinstance(image, JpegImageFile):
        return from_cmyk(np.asarray(image))
    if image.mode == "1":
        return gray(np.asarray(image) * np.uint8(255), np.uint8)
    if image.mode in SINGLE:
        return gray(np.asarray(image), SINGLE[image.mode])
    if image.mode == "I" and isinstance(image, PpmImageFile):  # 16 bits; in a TIFF they are 32
        return gray(np.asarray(image), np.uint16)
    raise Refusal(f"images of mode {image.mode} are not read")


RAW: Final = {"RGB": ("BGRX", 3), "RGBA": ("BGRA", 4)}  # the raw mode, and how many channels count
TO_RGB: Final = frozenset({"P", "LA"})
SINGLE: Final = {"L": np.uint8, "I;16": np.uint16, "I;16B": np.uint16, "F": np.float32}


def gray(values: Array, dtype: Any) -> Picture:
    """An image of one channel."""
    return Picture(np.ascontiguousarray(values[..., None], dtype), 1)


def raw_pixels(image: Any) -> Picture:
    """A coloured image's pixels, four bytes each."""
    mode, channels = RAW[image.mode]
    pixels = np.frombuffer(image.tobytes("raw", mode), np.uint8)
    return Picture(pixels.reshape(image.height, image.width, 4), channels)


def from_cmyk(inverted: Array) -> Picture:
    """A JPEG's four inks as BGR, by OpenCV's formula. Pillow gives the inks inverted."""
    inks = 255 - inverted.astype(np.int32)
    black = inks[..., 3:]
    colors = black - ((255 - inks[..., 2::-1]) * black >> 8)
    return Picture(np.pad(colors.astype(np.uint8), ((0, 0), (0, 0), (0, 1))), 3)
