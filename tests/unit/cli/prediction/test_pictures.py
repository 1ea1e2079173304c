"""Image files to the pixels that an input takes."""

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dragoman.cli.failure import FailureError
from dragoman.cli.prediction.pictures import Layout, is_picture, layout_of, read_picture
from dragoman.client.results import TensorMetadata
from dragoman.core.tensors import DType, Shape

# Two rows of three: red, green, blue, and three greys.
PIXELS = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]], [[0] * 3, [128] * 3, [255] * 3]], np.uint8)


def file(kind: str = "png", pixels: Any = PIXELS, **options: Any) -> bytes:
    written = BytesIO()
    Image.fromarray(pixels).save(written, kind, **options)
    return written.getvalue()


def read(shape: Shape, dtype: DType = DType.UINT8, data: bytes | None = None, scale: float = 1.0) -> Any:
    return read_picture(data or file(), TensorMetadata("x", dtype, shape), "f", scale)


@pytest.mark.parametrize(
    ("shape", "layout"),
    [
        ((None, 224, 200, 3), Layout("HWC", 224, 200, 3)),
        ((1, 224, 200, 1), Layout("HWC", 224, 200, 1)),
        ((None, 3, 224, 200), Layout("CHW", 224, 200, 3)),
        ((None, 1, 28, 28), Layout("CHW", 28, 28, 1)),
        ((None, 4, None, None), Layout("CHW", None, None, 4)),
        ((None, None, None, 3), Layout("HWC", None, None, 3)),
        ((None, None, None, None), Layout("HWC", None, None, 3)),
        ((None, 3, 224, 3), Layout("HWC", 3, 224, 3)),
        ((224, 200, 3), Layout("HWC", 224, 200, 3)),
        ((3, 224, 200), Layout("CHW", 224, 200, 3)),
        ((None, 28, 28), Layout("HW", 28, 28)),
        ((1, 28, 28), Layout("HW", 28, 28)),
        ((28, 20), Layout("HW", 28, 20)),
        ((None, 784), Layout("P", 28, 28)),
        ((1, 64), Layout("P", 8, 8)),
        ((None, 10), None),
        ((None, 1), None),
        ((None, None), None),
        ((8, 3, 224, 224), None),
        ((None, 7, 224, 224), None),
        ((8, 28, 28), None),
        ((None,), None),
        ((), None),
        ((None, 1, 3, 224, 224), None),
        (None, None),
    ],
)
def test_an_input_s_shape_says_how_it_holds_an_image(shape: Shape, layout: Layout | None) -> None:
    assert layout_of(shape) == layout


def test_pixels_are_red_green_blue_in_the_input_s_layout() -> None:
    assert read((None, 2, 3, 3)).tolist() == [PIXELS.tolist()]
    assert read((None, 3, 2, 3), data=file(pixels=PIXELS[:, :2])).shape == (1, 3, 2, 3)
    first = read((None, 3, 2, 5))
    assert first.shape == (1, 3, 2, 5)
    assert read((None, 3, None, None)).tolist() == [np.moveaxis(PIXELS, 2, 0).tolist()]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((None, 2, 3, 1), (1, 2, 3, 1)),
        ((None, 1, 2, 7), (1, 1, 2, 7)),
        ((None, 2, 7), (1, 2, 7)),
        ((2, 7), (2, 7)),
        ((None, 9), (1, 9)),
    ],
)
def test_an_input_without_colours_gets_greys(shape: Shape, expected: tuple[int, ...]) -> None:
    assert read(shape).shape == expected


def test_greys_are_weighed_as_eyes_do() -> None:
    assert read((2, 3)).tolist() == [[76, 150, 29], [0, 128, 255]]


def test_a_grey_image_gets_colours_and_a_transparent_one_loses_that() -> None:
    grey = file(pixels=PIXELS[:, :, 0])
    assert read((None, 2, 3, 3), data=grey)[0, 1, 0].tolist() == [0, 0, 0]
    clear = file(pixels=np.dstack([PIXELS, np.zeros((2, 3), np.uint8)]))
    assert read((None, 2, 3, 3), data=clear).shape == (1, 2, 3, 3)
    assert read((None, 2, 3, 4), data=clear)[0, 0, 0].tolist() == [255, 0, 0, 0]


def test_an_image_is_resized_where_the_input_has_a_size() -> None:
    assert read((None, 8, 6, 3)).shape == (1, 8, 6, 3)
    assert read((None, None, 6, 3)).shape == (1, 2, 6, 3)


def test_pixels_are_scaled_into_the_input_s_type() -> None:
    floats = read((None, 2, 3, 3), DType.FP32, scale=1 / 255)
    assert floats.dtype == np.float32
    assert floats.max() == 1.0
    assert read((None, 2, 3, 3), DType.BF16).dtype.itemsize == 2
    assert read((None, 2, 3, 3), DType.UINT8, scale=2.0).max() == 255
    assert read((None, 2, 3, 3), DType.INT8).max() == 127


def test_an_image_is_turned_as_its_file_says() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter to the right
    assert read((None, None, None, 3), data=file("jpeg", exif=exif)).shape == (1, 3, 2, 3)


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif", "bmp", "webp"])
def test_files_are_known_by_their_first_bytes(kind: str) -> None:
    assert is_picture(file(kind))


@pytest.mark.parametrize("data", [b"", b"[1]", "text", None, b"\x93NUMPY"])
def test_other_values_are_no_images(data: Any) -> None:
    assert not is_picture(data)


@pytest.mark.parametrize("data", [file()[:20], file()[:40] + b"0" * 20, b"\xff\xd8\xff", b"BM", b"RIFF"])
def test_a_broken_file_is_told(data: bytes) -> None:
    with pytest.raises(FailureError, match="f is no image that can be read"):
        read((None, 2, 3, 3), data=data)


def test_an_image_that_would_fill_the_memory_is_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 4)
    with pytest.raises(FailureError, match="f has too many pixels"):
        read((None, 2, 3, 3))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2)
    with pytest.raises(FailureError, match="f has too many pixels"):
        read((None, 2, 3, 3))


@pytest.mark.parametrize(("shape", "dtype"), [((None, 10), DType.FP32), ((None, 2, 3, 3), DType.BOOL)])
def test_an_input_that_takes_no_image_says_what_it_takes(shape: Shape, dtype: DType) -> None:
    with pytest.raises(FailureError, match=r"f is an image, and 'x': \w+ \(\?, .*\) takes none"):
        read(shape, dtype)
