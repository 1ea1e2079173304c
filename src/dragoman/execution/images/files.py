"""Encoded images: how large the image is, then its pixels.

Pixels are those of OpenCV's `imdecode` with nothing changed: BGR, grey images in one channel, alpha and 16
bits kept, EXIF's turning ignored. The size is known before any pixel is decoded.
"""

from dragoman.execution.images.jpeg import FastJpeg, open_fast
from dragoman.execution.images.picture import Picture
from dragoman.execution.images.pillow import JPEG, PillowImage, Refusal

__all__ = ["EncodedImage", "Refusal"]


class EncodedImage:
    """An encoded image whose head was read."""

    def __init__(self, data: bytes) -> None:
        """Read the head.

        Errors: Refusal.
        """
        found = open_fast(data) if data.startswith(JPEG) else None
        self._data = data
        self._file: FastJpeg | PillowImage = found or PillowImage(data)
        self.height = self._file.height
        self.width = self._file.width

    def read(self) -> Picture:
        """The pixels.

        Errors: Refusal.
        """
        return self._file.read() or PillowImage(self._data).read()
