"""JPEG through simplejpeg, where that is installed: the same pixels in two thirds of the time."""

from typing import Any, Final

from dragoman.execution.images.picture import Picture

try:
    import simplejpeg
except ImportError:
    simplejpeg = None

GRAY: Final = "Gray"
COLORED: Final = frozenset({"YCbCr", "RGB"})  # CMYK is left to Pillow


class FastJpeg:
    """A JPEG whose head simplejpeg has read. `read` gives None for one that it does not take."""

    def __init__(self, data: bytes, height: int, width: int, *, gray: bool) -> None:
        self.height = height
        self.width = width
        self._data = data
        self._gray = gray

    def read(self) -> Picture | None:
        """The pixels, or None where something is wrong with them: Pillow finds the words, or forgives it."""
        try:
            if self._gray:
                return Picture(simplejpeg.decode_jpeg(self._data, "GRAY"), 1)
            return Picture(simplejpeg.decode_jpeg(self._data, "BGRX"), 3)
        except ValueError:
            return None


def open_fast(data: bytes) -> FastJpeg | None:
    """The JPEG, where it is one that simplejpeg reads."""
    if simplejpeg is None:
        return None
    try:
        head: tuple[int, int, str, Any] = simplejpeg.decode_jpeg_header(data)
    except ValueError:
        return None
    height, width, colors, _ = head
    if colors == GRAY or colors in COLORED:
        return FastJpeg(data, height, width, gray=colors == GRAY)
    return None
