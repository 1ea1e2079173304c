"""Resizing is OpenCV's."""

import numpy as np
import pytest

from dragoman.core.tensors import DType
from dragoman.execution.images.decoding import fitted
from dragoman.execution.images.files import EncodedImage
from dragoman.execution.images.picture import Picture
from tests.unit.execution.images.samples import OPENCV, read
from tests.unit.execution.images.test_files import FILES

CASES = [
    pytest.param(image["name"], case, id=f"{image['name']} {case['dtype']} {case['size']}")
    for image in OPENCV["resized"]
    for case in image["cases"]
]
# Of the type's range. OpenCV works on 8 bits in whole numbers, and otherwise in float32 throughout.
FLOAT_TOLERANCE = 1e-5


@pytest.mark.parametrize(("name", "case"), CASES)
def test_an_image_in_an_inputs_size_and_type_is_opencvs(name: str, case: dict[str, object]) -> None:
    dtype = DType(case["dtype"])
    height, width = case["size"]
    expected = read(case["pixels"])
    given = fitted(EncodedImage(FILES[name]).read(), height, width, dtype).astype(dtype.numpy)
    if dtype.is_integer:
        assert np.abs(given.astype(np.int64) - expected.astype(np.int64)).max() <= 1
    else:
        largest = 65535 if "16 bits" in name else 255
        np.testing.assert_allclose(given, expected, rtol=0, atol=FLOAT_TOLERANCE * largest)


def test_values_keep_their_place_when_they_need_no_resizing() -> None:
    pixels = np.arange(16, dtype=np.uint8).reshape(2, 2, 4)
    assert fitted(Picture(pixels, 4), 2, 2, DType.INT32).tolist() == pixels.tolist()


def test_an_unused_channel_is_not_seen() -> None:
    pixels = np.full((2, 2, 4), 9, np.uint8)
    pixels[..., 3] = 200
    assert set(Picture(pixels, 3).resized(5, 5).values.reshape(-1).tolist()) == {9.0}
    assert Picture(pixels, 3).values.shape == (2, 2, 3)
