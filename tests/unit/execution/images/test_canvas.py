"""Pictures drawn into a tensor are what the same steps make of the same pixels as a tensor."""

import numpy as np
import pytest

from dragoman.core.images import Color, ImageSpec, Preprocessing
from dragoman.core.tensors import DType
from dragoman.execution.images.canvas import Canvas
from dragoman.execution.images.picture import Picture
from dragoman.execution.images.steps import apply

HEIGHT, WIDTH = 50, 90  # several strips
PIXELS = np.random.default_rng(4).integers(0, 256, (2, HEIGHT, WIDTH, 4), np.uint8)
TO_NCHW, TO_CHWN = (0, 3, 1, 2), (3, 1, 2, 0)


@pytest.mark.parametrize("dtype", [DType.FP32, DType.FP64, DType.FP16, DType.BF16])
@pytest.mark.parametrize("color", Color)
@pytest.mark.parametrize("axes", [(), TO_NCHW, TO_CHWN])
@pytest.mark.parametrize(
    ("mean", "scale"), [((), ()), ((1.0, 2.0, 3.0), (2.0, 3.0, 4.0)), ((7.0,), (0.5,)), ((), (3.0,))]
)
def test_every_step(
    dtype: DType,
    color: Color,
    axes: tuple[int, ...],
    mean: tuple[float, ...],
    scale: tuple[float, ...],
) -> None:
    if color in (Color.GRAY_OF_BGR, Color.GRAY_OF_RGB):
        mean, scale = mean[:1], scale[:1]
    steps = Preprocessing(dtype, 3, color, mean, scale, axes)
    canvas = Canvas(ImageSpec(DType.FP32, None, HEIGHT, WIDTH, 3, steps), (2, HEIGHT, WIDTH, 3))
    for row, pixels in enumerate(PIXELS):
        canvas.draw(row, Picture(pixels, 3))
    assert canvas.dtype is dtype
    assert canvas.array.flags.c_contiguous
    expected = apply(steps, PIXELS[..., :3].astype(np.float32))
    np.testing.assert_allclose(
        canvas.array.astype(np.float64), expected.astype(np.float64), rtol=1e-6, atol=1e-6
    )


def test_whole_numbers_are_rounded_before_the_steps() -> None:
    steps = Preprocessing(DType.FP32, 3, mean=(0.5,))
    canvas = Canvas(ImageSpec(DType.UINT8, None, 1, 1, 1, steps), (1, 1, 1, 1))
    canvas.draw(0, Picture(np.array([[[1]], [[2]]], np.uint8), 1))
    assert canvas.array.tolist() == [[[[1.5]]]]


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_as_many_channels_as_the_images_have(channels: int) -> None:
    stored = PIXELS[0][..., :1] if channels == 1 else PIXELS[0]
    canvas = Canvas(ImageSpec(DType.UINT8, None, None, None, None), (1, HEIGHT, WIDTH, channels))
    canvas.draw(0, Picture(np.ascontiguousarray(stored), channels))
    np.testing.assert_array_equal(canvas.array[0], PIXELS[0][..., :channels])


def test_what_was_decoded_is_not_written_to() -> None:
    pixels = PIXELS[0].copy()
    pixels.flags.writeable = False
    steps = Preprocessing(DType.FP32, 3, Color.REVERSE, (1.0,), (2.0,))
    for size in ((HEIGHT, WIDTH), (7, 5)):
        canvas = Canvas(ImageSpec(DType.FP32, None, *size, 3, steps), (1, *size, 3))
        canvas.draw(0, Picture(pixels, 3))
    np.testing.assert_array_equal(pixels, PIXELS[0])
