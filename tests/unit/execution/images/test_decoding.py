"""Encoded images become one tensor, within bounds."""

import numpy as np
import pytest
from msgspec.structs import replace

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError
from dragoman.core.images import Color, ImageSpec, Preprocessing
from dragoman.core.tensors import Array, DType, Tensor
from dragoman.execution.images.decoding import decode
from dragoman.settings.limits import Limits
from tests.unit.execution.images.samples import bytes_array, encoded, head_of_png, image_spec, ramp

CALL = CallContext("id")


def decoded(spec: ImageSpec, *rows: bytes, limits: Limits = Limits()) -> Tensor:  # noqa: B008 (frozen)
    return decode("picture", spec, bytes_array(*rows), limits, CALL)


def refused(spec: ImageSpec, *rows: bytes, limits: Limits = Limits()) -> str:  # noqa: B008 (frozen)
    with pytest.raises(DragomanError) as caught:
        decoded(spec, *rows, limits=limits)
    assert caught.value.code is Code.INVALID_ARGUMENT
    return caught.value.message


def test_rows_follow_one_another_as_bgr() -> None:
    first, second = ramp(), ramp()[::-1].copy()
    tensor = decoded(image_spec(), encoded(first), encoded(second))
    assert tensor.dtype is DType.FP32
    np.testing.assert_array_equal(tensor.array, np.stack([first, second])[..., ::-1])


def test_images_of_any_size_become_the_inputs() -> None:
    flat = np.full((5, 9, 3), 70, np.uint8)
    tensor = decoded(image_spec(DType.UINT8), encoded(flat), encoded(ramp()), encoded(flat[:1]))
    assert tensor.array.shape == (3, 2, 2, 3)
    assert tensor.array[0].tolist() == tensor.array[2].tolist() == np.full((2, 2, 3), 70).tolist()


def test_images_go_through_the_inputs_preprocessing() -> None:
    steps = Preprocessing(
        DType.FP32, channel_axis=3, color=Color.REVERSE, mean=(1.0,), scale=(2.0,), axes=(0, 3, 1, 2)
    )
    spec = ImageSpec(DType.UINT8, None, 2, 2, 3, steps)
    tensor = decoded(spec, encoded(ramp()))
    assert tensor.dtype is DType.FP32
    np.testing.assert_array_equal(tensor.array, (ramp()[None].transpose(0, 3, 1, 2) - 1.0) / 2)


def test_open_sizes_are_those_of_the_first_image() -> None:
    tensor = decoded(image_spec(height=None, width=None, channels=None), encoded(ramp(3, 5, 1)[..., 0]))
    assert tensor.array.shape == (1, 3, 5, 1)


def test_an_image_alone_needs_no_axis_and_a_second_one_of_size_1_does_no_harm() -> None:
    rows = bytes_array(encoded(ramp()))
    for shape in [(), (1,), (1, 1)]:
        tensor = decode("picture", image_spec(), rows.reshape(shape), Limits(), CALL)
        assert tensor.array.shape == (1, 2, 2, 3)


def test_images_stand_in_one_row_each() -> None:
    rows = bytes_array(*[encoded(ramp())] * 4).reshape(2, 2)
    with pytest.raises(DragomanError) as caught:
        decode("picture", image_spec(), rows, Limits(), CALL)
    assert caught.value.message == (
        'Invalid number of shape dimensions - input "picture" takes images in shape [N], not [2, 2]'
    )


@pytest.mark.parametrize(
    ("count", "rows", "expected"),
    [(2, 1, "1; Actual: 2"), (1, 4, "4; Actual: 1"), (0, None, "at least 1; Actual: 0")],
)
def test_there_have_to_be_as_many_images_as_the_model_takes_rows(
    count: int, rows: int | None, expected: str
) -> None:
    message = refused(image_spec(rows=rows), *[encoded(ramp())] * count)
    assert message == f'Invalid input batch size - Expected: {expected} images, input "picture"'


@pytest.mark.parametrize(("data", "words"), [(b"", "String val is empty"), (b"text", "Image parsing failed")])
def test_the_row_at_fault_is_named(data: bytes, words: str) -> None:
    assert refused(image_spec(), encoded(ramp()), data).startswith(f'{words} - input "picture", row 1')


def test_a_truncated_image_is_named_with_its_row() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    message = refused(image_spec(), encoded(noise, "JPEG")[:900])
    assert message.startswith('Image parsing failed - input "picture", row 0: the file cannot be read: ')


@pytest.mark.parametrize(
    ("pixels", "spec", "message"),
    [
        (ramp()[..., 0], image_spec(), "row 0 has 1, 3 expected"),
        (ramp(), image_spec(channels=1), "row 0 has 3, 1 expected"),
        (ramp(2, 2, 4), image_spec(), "row 0 has 4, 3 expected"),
    ],
)
def test_channels_have_to_be_the_inputs(pixels: Array, spec: ImageSpec, message: str) -> None:
    expected = f'Invalid number of channels in binary input - input "picture", {message}'
    assert refused(spec, encoded(pixels)) == expected


def test_open_channels_are_those_of_the_first_image() -> None:
    message = refused(image_spec(channels=None), encoded(ramp()), encoded(ramp()[..., 0]))
    assert message.endswith("row 1 has 1, 3 expected")


def test_with_an_open_size_all_images_have_one_resolution() -> None:
    message = refused(image_spec(height=None), encoded(ramp()), encoded(ramp(3, 2)))
    assert message == (
        "Binary input images for this endpoint are required to have the same resolution - "
        'input "picture", row 1 is 2 x 3, row 0 is 2 x 2'
    )


def test_with_an_open_size_the_other_one_has_to_be_the_inputs() -> None:
    message = refused(image_spec(height=None), encoded(ramp(2, 3)))
    assert message == 'Invalid input shape - input "picture", row 0 is 3 x 2, and the input is 2 x any'


RANGED = replace(image_spec(height=None, width=None), height_range=(2, 3), width_range=(2, 4))


@pytest.mark.parametrize(
    ("size", "wanted"), [((1, 1), (2, 2)), ((2, 4), (2, 4)), ((9, 3), (3, 3)), ((3, 9), (3, 4))]
)
def test_of_a_range_of_sizes_an_image_gets_the_nearest(
    size: tuple[int, int], wanted: tuple[int, int]
) -> None:
    assert decoded(RANGED, encoded(ramp(*size))).array.shape == (1, *wanted, 3)


def test_in_a_range_all_images_become_one_size() -> None:
    assert decoded(RANGED, encoded(ramp(7, 8)), encoded(ramp(8, 7))).array.shape == (2, 3, 4, 3)
    message = refused(RANGED, encoded(ramp(7, 8)), encoded(ramp(2, 8)))
    assert message.endswith('input "picture", row 1 is 8 x 2, row 0 is 8 x 7')


def test_a_range_beside_an_open_size_resizes_nothing() -> None:
    message = refused(replace(RANGED, width_range=None), encoded(ramp(4, 4)))
    assert message == 'Invalid input shape - input "picture", row 0 is 4 x 4, and the input is any x any'


def test_an_image_of_900_million_pixels_is_refused_before_it_is_decoded() -> None:
    message = refused(image_spec(), head_of_png(30_000, 30_000))
    assert message == (
        'Image parsing failed - input "picture", row 0: it is 30000 x 30000, and at most 67108864 pixels are '
        "decoded (limits.image_pixels)"
    )


def test_all_images_of_an_input_are_bounded_together() -> None:
    limits = Limits(request_pixels=7)
    assert decoded(image_spec(), encoded(ramp()), limits=limits).array.size
    message = refused(image_spec(), encoded(ramp()), encoded(ramp()), limits=limits)
    assert message == (
        'Image parsing failed - input "picture": the images have 8 pixels together, and at most 7 are '
        "decoded (limits.request_pixels)"
    )


def test_the_tensor_is_bounded_as_one_that_is_sent() -> None:
    message = refused(image_spec(height=1000, width=1000), encoded(ramp()), limits=Limits(body_bytes=5000))
    assert message == (
        'input "picture": the images make a tensor (1, 1000, 1000, 3) of float32, which is larger than 5000 '
        "bytes (limits.body_bytes)"
    )


def test_decoding_ends_when_nobody_waits_for_it() -> None:
    call = CallContext("id", cancelled=True)
    rows = bytes_array(*[encoded(ramp())] * 2)
    with pytest.raises(DragomanError) as caught:
        decode("picture", image_spec(), rows, Limits(), call)
    assert caught.value.code is Code.CANCELLED


@pytest.mark.parametrize("dtype", [DType.INT64, DType.UINT32, DType.FP16, DType.BF16, DType.FP64])
def test_other_types_take_the_same_values(dtype: DType) -> None:
    tensor = decoded(image_spec(dtype), encoded(ramp()))
    assert tensor.array.dtype == dtype.numpy
    np.testing.assert_array_equal(tensor.array[0].astype(np.float64), ramp()[..., ::-1])


def test_16_bits_beyond_half_precision_are_infinite() -> None:
    deep = np.full((2, 2), 65535, np.uint16)
    tensor = decoded(image_spec(DType.FP16, channels=1), encoded(deep))
    assert np.isinf(tensor.array).all()
