"""What model.yaml says of the way that inputs go before the model."""

import pytest
from msgspec.structs import replace

from dragoman.core.errors import Code, DragomanError
from dragoman.core.images import Color, ImageSpec, Preprocessing
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.tensors import DType, Shape
from dragoman.repository.declared import merged_signatures
from dragoman.repository.preprocessing import needs_preparation
from dragoman.settings.model_document import read_model_settings

TO_NCHW = (0, 3, 1, 2)


def model(shape: Shape | None, dtype: DType = DType.FP32) -> Signature:
    return Signature("serving_default", {"x": TensorSpec("x", dtype, shape, "x")}, {})


NCHW = model((None, 3, 224, 112))
NHWC = model((4, 224, 112, 3))
SEVERAL = Signature(
    "serving_default",
    {name: TensorSpec(name, DType.FP32, (None, 3, 8, 8), name) for name in ("left", "right")},
    {},
)


def seen(said: str, native: Signature, name: str = "x") -> TensorSpec:
    settings = read_model_settings(said, "model.yaml")
    return merged_signatures({native.name: native}, settings)["serving_default"].inputs[name]


def refused(said: str, native: Signature) -> str:
    with pytest.raises(DragomanError) as caught:
        seen(said, native)
    assert caught.value.code is Code.INVALID_ARGUMENT
    return caught.value.message


# Nothing is said


def test_an_input_of_four_axes_takes_images_as_it_is() -> None:
    assert seen("", NHWC).image == ImageSpec(DType.FP32, 4, 224, 112, 3)
    assert seen("", NHWC).preprocessing is None
    assert seen("", NHWC).shape == (4, 224, 112, 3)


def test_channels_behind_the_rows_are_where_images_are_turned_to() -> None:
    spec = seen("", NCHW)
    turned = Preprocessing(DType.FP32, channel_axis=3, axes=TO_NCHW)
    assert spec.image == ImageSpec(DType.FP32, None, 224, 112, 3, turned)
    assert spec.preprocessing is None
    assert spec.shape == (None, 3, 224, 112)


@pytest.mark.parametrize("native", [model((None, 3)), model(None), model((None, 3, 4, 4), DType.BYTES)])
def test_other_inputs_take_none(native: Signature) -> None:
    assert seen("", native) == native.inputs["x"]
    assert not needs_preparation({native.name: native}, read_model_settings("", "m").preprocessing)


def test_each_of_several_inputs_takes_images() -> None:
    assert seen("", SEVERAL, "left").image == seen("", SEVERAL, "right").image
    assert seen("", SEVERAL, "left").image is not None


def test_images_can_be_switched_off() -> None:
    assert seen("preprocessing: {images: false}", NHWC) == NHWC.inputs["x"]


# Layout


def test_callers_see_their_layout() -> None:
    spec = seen("preprocessing: {layout: 'NHWC:NCHW'}", NCHW)
    turned = Preprocessing(DType.FP32, channel_axis=3, axes=TO_NCHW)
    assert (spec.shape, spec.layout) == ((None, 224, 112, 3), "NHWC")
    assert spec.preprocessing == turned
    assert spec.image == ImageSpec(DType.FP32, None, 224, 112, 3, turned)


def test_images_come_to_the_models_layout_whatever_that_of_the_callers_is() -> None:
    spec = seen("preprocessing: {layout: 'NCHW:NHWC'}", NHWC)
    assert spec.shape == (4, 3, 224, 112)
    assert spec.preprocessing == Preprocessing(DType.FP32, channel_axis=1, axes=(0, 2, 3, 1))
    assert spec.image == ImageSpec(DType.FP32, 4, 224, 112, 3)


def test_a_layout_alone_says_what_the_models_axes_are() -> None:
    ambiguous = model((None, 3, 8, 3))
    assert seen("", ambiguous).image == ImageSpec(DType.FP32, None, 3, 8, 3)
    spec = seen("preprocessing: {layout: NCHW}", ambiguous)
    assert spec.image == ImageSpec(
        DType.FP32, None, 8, 3, 3, Preprocessing(DType.FP32, channel_axis=3, axes=TO_NCHW)
    )
    assert spec.preprocessing is None


@pytest.mark.parametrize("said", ["N...", "...", "?..."])
def test_a_layout_that_says_nothing_of_images_leaves_the_usual_one(said: str) -> None:
    assert seen(f"preprocessing: {{layout: '{said}'}}", NCHW).image == seen("", NCHW).image


@pytest.mark.parametrize(
    ("own", "channels"), [("NCHW", 3), ("NHWC", 8), ("N...", 3), ("[N,C,H,W]", 3), ("NC", 3)]
)
def test_the_engines_own_layout_counts_where_it_says_something(own: str, channels: int) -> None:
    native = model((None, 3, 4, 8))
    spec = replace(native.inputs["x"], layout=own)
    image = seen("", replace(native, inputs={"x": spec})).image
    assert image is not None
    assert image.channels == channels


def test_a_layout_that_is_none_of_images_takes_none() -> None:
    assert seen("preprocessing: {layout: NDHW}", NHWC).image is None


def test_tensors_of_any_rank_are_turned() -> None:
    spec = seen("preprocessing: {layout: 'CN:NC'}", model((None, 5)))
    assert (spec.shape, spec.image) == ((5, None), None)
    assert spec.preprocessing == Preprocessing(DType.FP32, channel_axis=0, axes=(1, 0))


def test_an_open_rank_has_as_many_axes_as_the_layout() -> None:
    spec = seen("preprocessing: {layout: 'NHWC:NCHW'}", model(None))
    assert spec.preprocessing == Preprocessing(DType.FP32, channel_axis=3, axes=TO_NCHW)


# Colours, mean, scale, type


@pytest.mark.parametrize(
    ("said", "tensors", "images"),
    [
        ("RGB:BGR", Color.REVERSE, Color.REVERSE),
        ("bgr:rgb", Color.REVERSE, Color.REVERSE),
        ("RGB:RGB", Color.KEEP, Color.KEEP),
        ("RGB", Color.KEEP, Color.REVERSE),
        ("BGR", Color.KEEP, Color.KEEP),
    ],
)
def test_colours_of_tensors_and_of_images(said: str, tensors: Color, images: Color) -> None:
    spec = seen(f"preprocessing: {{color_format: '{said}', mean: 1}}", NHWC)
    assert spec.preprocessing is not None
    assert spec.image is not None
    assert spec.image.preprocessing is not None
    assert (spec.preprocessing.color, spec.image.preprocessing.color) == (tensors, images)


def test_colours_alone_that_stay_are_no_preprocessing() -> None:
    assert seen("preprocessing: {color_format: RGB}", NHWC).preprocessing is None


def test_grey_is_made_of_three_channels() -> None:
    spec = seen("preprocessing: {color_format: 'GRAY:BGR'}", model((None, 1, 8, 8)))
    assert spec.shape == (None, 3, 8, 8)
    assert spec.image is not None
    assert (spec.image.channels, spec.image.height) == (3, 8)
    assert spec.preprocessing == Preprocessing(DType.FP32, channel_axis=1, color=Color.GRAY_OF_BGR)


def test_mean_and_scale_are_one_number_or_one_per_channel() -> None:
    spec = seen("preprocessing: {mean: 127.5, scale: [1, 2, 3]}", NCHW)
    expected = Preprocessing(DType.FP32, channel_axis=1, mean=(127.5,), scale=(1.0, 2.0, 3.0))
    assert spec.preprocessing == expected
    assert spec.image is not None
    assert spec.image.preprocessing == Preprocessing(
        DType.FP32, channel_axis=3, mean=(127.5,), scale=(1.0, 2.0, 3.0), axes=TO_NCHW
    )


def test_callers_see_the_precision_that_is_said() -> None:
    spec = seen("preprocessing: {precision: uint8}", NHWC)
    assert spec.dtype is DType.UINT8
    assert spec.preprocessing == Preprocessing(DType.FP32, channel_axis=3)
    assert spec.image == ImageSpec(DType.UINT8, 4, 224, 112, 3, Preprocessing(DType.FP32, channel_axis=3))


def test_tensors_can_be_left_as_the_models() -> None:
    spec = seen("preprocessing: {tensors: false, mean: 1, layout: 'NHWC:NCHW', color_format: RGB}", NCHW)
    assert (spec.shape, spec.dtype, spec.preprocessing) == ((None, 3, 224, 112), DType.FP32, None)
    assert spec.image is not None
    assert spec.image.preprocessing == Preprocessing(
        DType.FP32, channel_axis=3, color=Color.REVERSE, mean=(1.0,), axes=TO_NCHW
    )


def test_images_are_resized_where_the_model_leaves_that_open() -> None:
    spec = seen("preprocessing: {resize: [64, 32]}", model((None, None, None, 3)))
    assert spec.image == ImageSpec(DType.FP32, None, 64, 32, 3)
    assert spec.shape == (None, None, None, 3)


def test_ranges_of_sizes_are_those_of_the_images_axes() -> None:
    x = TensorSpec("x", DType.FP32, (1, 3, None, None), "x", ranges=(None, None, (64, 224), (32, 112)))
    image = seen("", Signature("serving_default", {"x": x}, {})).image
    assert image is not None
    assert (image.height_range, image.width_range) == ((64, 224), (32, 112))
    assert image.resizes


# Which input is meant


def test_inputs_are_named_by_the_models_names_and_seen_under_the_callers() -> None:
    said = """
preprocessing: {inputs: {left: {mean: 1}}}
signatures: {serving_default: {inputs: {a: left, b: right}}}
"""
    assert seen(said, SEVERAL, "a").preprocessing == Preprocessing(DType.FP32, channel_axis=1, mean=(1.0,))
    assert seen(said, SEVERAL, "b").preprocessing is None


def test_a_named_input_wins_over_what_is_said_of_the_only_one() -> None:
    spec = seen("preprocessing: {mean: 1, inputs: {x: {scale: 2}}}", NHWC)
    assert spec.preprocessing == Preprocessing(DType.FP32, channel_axis=3, scale=(2.0,))


@pytest.mark.parametrize(
    ("said", "native", "words"),
    [
        ("{mean: 1}", SEVERAL, "preprocessing: the model has several inputs"),
        ("{inputs: {z: {mean: 1}}}", NHWC, "preprocessing.inputs.z: the model has no input 'z'"),
        ("{mean: [1, 2]}", NHWC, "preprocessing.mean: 2 numbers for 3 channels"),
        ("{mean: []}", NHWC, "preprocessing.mean: [] is no mean"),
        ("{scale: 0}", NHWC, "preprocessing.scale: 0.0 is no scale"),
        ("{mean: .nan}", NHWC, "preprocessing.mean: nan is no mean"),
        ("{scale: [1, 0, 1]}", NHWC, "preprocessing.scale: [1.0, 0.0, 1.0] is no scale"),
        ("{mean: 1}", model((1, 2, 2, 3), DType.UINT8), "preprocessing.mean: the model takes uint8"),
        ("{mean: [1, 2, 3]}", model((None, 3)), "preprocessing.mean: the layout does not say which axis"),
        ("{color_format: 'RGB:BGR'}", model((None, 3)), "preprocessing.color_format: the layout does not"),
        ("{color_format: NV12}", NHWC, "preprocessing.color_format: NV12: write RGB, BGR or GRAY"),
        ("{color_format: 'RGB:GRAY'}", NHWC, "preprocessing.color_format: RGB:GRAY: "),
        ("{resize: [64, 64]}", NHWC, "preprocessing.resize: the model takes 224 x 112"),
        ("{resize: [64, 64]}", model((None, 3)), "preprocessing.resize: the input takes no images"),
        ("{layout: NCH}", NHWC, "preprocessing.layout: NCH has 3 axes, and the input has 4"),
        ("{inputs: {x: {layout: NCH}}}", NHWC, "preprocessing.inputs.x.layout: NCH has 3 axes"),
    ],
)
def test_what_does_not_fit_the_model_is_refused_with_its_key(
    said: str, native: Signature, words: str
) -> None:
    assert refused(f"preprocessing: {said}", native).startswith(words)


def test_features_do_not_feed_inputs_that_are_preprocessed() -> None:
    said = """
preprocessing: {mean: 1}
signatures: {r: {method: regress, inputs: {x: x}, outputs: {outputs: y}}}
features: {x: {dtype: float32}}
"""
    native = Signature(
        "serving_default",
        {"x": TensorSpec("x", DType.FP32, (None,), "x")},
        {"y": TensorSpec("y", DType.FP32, (None,), "y")},
    )
    assert "signatures.r.inputs.x: features feed inputs as they are" in refused(said, native)


def test_a_value_of_another_type_is_told_with_its_line() -> None:
    with pytest.raises(DragomanError) as caught:
        read_model_settings("preprocessing:\n  resize: [64]\n  mean: red\n", "model.yaml")
    assert [line.partition(": ")[0] for line in caught.value.message.splitlines()] == [
        "model.yaml:2",
        "model.yaml:3",
    ]
