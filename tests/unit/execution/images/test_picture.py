"""Resizing is OpenCV's."""

import numpy as np
import pytest

from dragoman.core.tensors import Array, DType
from dragoman.execution.images.canvas import Canvas
from dragoman.execution.images.files import EncodedImage
from dragoman.execution.images.picture import Picture
from tests.unit.execution.images.samples import OPENCV, image_spec, read
from tests.unit.execution.images.test_files import FILES


def fitted(picture: Picture, height: int, width: int, dtype: DType) -> Array:
    """The picture in an input's size and type."""
    canvas = Canvas(image_spec(dtype), (1, height, width, picture.channels))
    canvas.draw(0, picture)
    return canvas.array[0]


CASES = [
    pytest.param(image["name"], case, id=f"{image['name']} {case['dtype']} {case['size']}")
    for image in OPENCV["resized"]
    for case in image["cases"]
]


@pytest.mark.parametrize(("name", "case"), CASES)
def test_an_image_in_an_inputs_size_and_type_is_opencvs(name: str, case: dict[str, object]) -> None:
    dtype = DType(case["dtype"])
    height, width = case["size"]
    expected = read(case["pixels"])
    given = fitted(EncodedImage(FILES[name]).read(), height, width, dtype)
    np.testing.assert_array_equal(given, expected)


def test_values_keep_their_place_when_they_need_no_resizing() -> None:
    pixels = np.arange(16, dtype=np.uint8).reshape(2, 2, 4)
    assert fitted(Picture(pixels, 4), 2, 2, DType.INT32).tolist() == pixels.tolist()


def test_an_unused_channel_is_not_seen() -> None:
    pixels = np.full((2, 2, 4), 9, np.uint8)
    pixels[..., 3] = 200
    assert set(fitted(Picture(pixels, 3), 5, 5, DType.UINT8).reshape(-1).tolist()) == {9}
    assert Picture(pixels, 3).values.shape == (2, 2, 3)


@pytest.mark.parametrize("size", [(40, 600), (300, 1), (1, 30_000), (64, 64)])
def test_rows_are_the_same_however_many_are_made_at_a_time(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (64, 64, 4), np.uint8)
    made = fitted(Picture(pixels, 4), *size, DType.FP32)
    monkeypatch.setattr("dragoman.execution.images.picture.STRIP", 1 << 30)
    np.testing.assert_array_equal(made, fitted(Picture(pixels, 4), *size, DType.FP32))
