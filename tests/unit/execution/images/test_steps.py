"""What values go through before the model."""

import numpy as np
import pytest

from dragoman.core.images import Color, Preprocessing
from dragoman.core.tensors import Array, DType
from dragoman.execution.images.steps import apply

PIXELS = np.arange(2 * 2 * 3 * 3, dtype=np.float32).reshape(2, 2, 3, 3)
TO_NCHW = (0, 3, 1, 2)


def steps(dtype: DType = DType.FP32, **said: object) -> Preprocessing:
    return Preprocessing(**{"dtype": dtype, "channel_axis": 3, **said})


def test_nothing_said_leaves_the_values_alone() -> None:
    assert apply(steps(), PIXELS) is PIXELS


def test_axes_are_turned_and_the_result_is_in_c_order() -> None:
    turned = apply(steps(axes=TO_NCHW), PIXELS)
    np.testing.assert_array_equal(turned, PIXELS.transpose(TO_NCHW))
    assert turned.flags.c_contiguous


def test_colours_are_reversed() -> None:
    np.testing.assert_array_equal(apply(steps(color=Color.REVERSE), PIXELS), PIXELS[..., ::-1])


@pytest.mark.parametrize("axes", [(), TO_NCHW])
def test_each_channel_has_its_mean_and_scale_of_the_colours_that_the_model_sees(
    axes: tuple[int, ...],
) -> None:
    made = apply(steps(color=Color.REVERSE, mean=(1.0, 2.0, 3.0), scale=(2.0, 4.0, 8.0), axes=axes), PIXELS)
    expected = (PIXELS[..., ::-1] - np.array([1, 2, 3])) / np.array([2, 4, 8])
    np.testing.assert_array_equal(made, expected.transpose(axes or (0, 1, 2, 3)))
    assert made.dtype == np.float32
    assert made.flags.c_contiguous


@pytest.mark.parametrize(("mean", "scale"), [((5.0,), ()), ((), (4.0,)), ((5.0,), (4.0,))])
@pytest.mark.parametrize("values", [PIXELS, PIXELS[0, 0, 0], np.float32(7.0).reshape(())])
def test_one_mean_and_one_scale_are_every_values(
    values: Array, mean: tuple[float, ...], scale: tuple[float, ...]
) -> None:
    made = apply(steps(channel_axis=None, mean=mean, scale=scale), values)
    np.testing.assert_array_equal(made, (values - sum(mean)) / (scale or (1.0,))[0])
    assert made.shape == values.shape


def test_the_callers_values_are_not_written_to() -> None:
    given = PIXELS.copy()
    given.flags.writeable = False
    apply(steps(mean=(1.0,), scale=(2.0,)), given)


@pytest.mark.parametrize(
    ("color", "weights"),
    [(Color.GRAY_OF_RGB, (0.299, 0.587, 0.114)), (Color.GRAY_OF_BGR, (0.114, 0.587, 0.299))],
)
def test_grey_weighs_the_colours_as_television_does(color: Color, weights: tuple[float, ...]) -> None:
    made = apply(steps(color=color), PIXELS)
    assert made.shape == (2, 2, 3, 1)
    np.testing.assert_allclose(made[..., 0], PIXELS @ np.array(weights), rtol=1e-6)


def test_grey_of_whole_numbers_is_rounded() -> None:
    pixels = np.array([[[[0, 0, 255]]]], np.uint8)
    assert apply(steps(DType.UINT8, color=Color.GRAY_OF_BGR), pixels).tolist() == [[[[76]]]]


def test_channels_may_lie_on_any_axis() -> None:
    first = PIXELS.transpose(TO_NCHW)
    made = apply(steps(channel_axis=1, color=Color.REVERSE, mean=(1.0, 2.0, 3.0)), first)
    np.testing.assert_array_equal(made, first[:, ::-1] - np.array([1, 2, 3]).reshape(3, 1, 1))


@pytest.mark.parametrize("dtype", [DType.FP16, DType.BF16, DType.FP32, DType.FP64])
def test_the_result_has_the_models_type(dtype: DType) -> None:
    whole = np.arange(12, dtype=np.uint8).reshape(1, 2, 2, 3)
    made = apply(steps(dtype, mean=(1.0,), scale=(2.0,)), whole)
    assert made.dtype == dtype.numpy
    assert made.astype(np.float64)[0, 1, 1].tolist() == [4.0, 4.5, 5.0]


def test_a_wide_type_is_normalized_in_itself() -> None:
    values = np.full((1, 1, 1, 3), 1 + 1e-12)
    assert apply(steps(DType.FP64, mean=(1.0,)), values).max() > 0


@pytest.mark.parametrize(
    ("dtype", "values", "expected"),
    [
        (DType.UINT8, np.array([-3.0, 0.4, 0.6, 300.0], np.float32), [0, 0, 1, 255]),
        (DType.INT8, np.array([200, 5], np.uint8), [127, 5]),
        (DType.INT32, np.array([200, 5], np.uint8), [200, 5]),
    ],
)
def test_whole_numbers_are_rounded_and_held_within_their_range(
    dtype: DType, values: Array, expected: list[int]
) -> None:
    made = apply(steps(dtype, channel_axis=None), values)
    assert (made.dtype, made.tolist()) == (dtype.numpy, expected)
