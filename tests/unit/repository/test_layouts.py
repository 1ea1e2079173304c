"""Layouts: what their letters say of an input's axes."""

import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.core.tensors import Shape
from dragoman.repository.layouts import Layout, image_axes, is_open, read_layout, usual_layout


@pytest.mark.parametrize(
    ("text", "rank", "sent", "own"),
    [
        ("NHWC", 4, "NHWC", "NHWC"),
        ("nhwc:nchw", 4, "NHWC", "NCHW"),
        ("N...", 4, "N???", "N???"),
        ("...", 2, "??", "??"),
        ("N...HWC", 4, "NHWC", "NHWC"),
        ("N...HWC", 5, "N?HWC", "N?HWC"),
        ("N?HWC", 5, "N?HWC", "N?HWC"),
        ("CN:NC", 2, "CN", "NC"),
        ("NDHWC:NCDHW", 5, "NDHWC", "NCDHW"),
        ("N...:N...", 3, "N??", "N??"),
    ],
)
def test_layouts_are_read_with_a_letter_for_each_axis(text: str, rank: int, sent: str, own: str) -> None:
    assert read_layout(text, rank, "k") == Layout(sent, own)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("NHW", "NHW has 3 axes, and the input has 4"),
        ("NHWX", "NHWX is no layout"),
        ("NHHC", "NHHC is no layout"),
        ("", "has 0 axes"),
        ("NHWC:", "has 0 axes"),
        (":NCHW", "has 0 axes"),
        ("NHWC:NCHW:NHWC", "is no layout"),
        ("NHWC:NCDW", "both sides have to name the same axes"),
        ("N...:NCHW", "both sides have to name the same axes"),
        ("......HWC", "is no layout"),
    ],
)
def test_what_is_no_layout_of_the_input_is_refused_with_the_key(text: str, words: str) -> None:
    with pytest.raises(DragomanError) as caught:
        read_layout(text, 4, "preprocessing.layout")
    assert caught.value.code is Code.INVALID_ARGUMENT
    assert caught.value.message.startswith("preprocessing.layout: ")
    assert words in caught.value.message


def test_axes_lead_from_the_callers_to_the_models() -> None:
    layout = read_layout("NHWC:NCHW", 4, "k")
    assert layout.axes == (0, 3, 1, 2)
    assert layout.sent_shape((None, 3, 224, 112)) == (None, 224, 112, 3)
    assert read_layout("NHWC", 4, "k").axes == ()


@pytest.mark.parametrize(
    ("shape", "letters"),
    [
        ((None, 224, 224, 3), "NHWC"),
        ((1, 3, 224, 224), "NCHW"),
        ((None, 3, None, None), "NCHW"),
        ((None, 1, 28, 28), "NCHW"),
        ((None, 28, 28, 1), "NHWC"),
        ((None, 3, 224, 3), "NHWC"),
        ((None, None, None, None), "NHWC"),
        ((None, 7, 7, 512), "NHWC"),
    ],
)
def test_channels_are_looked_for_last_and_then_behind_the_rows(shape: Shape, letters: str) -> None:
    assert usual_layout(shape) == Layout(letters, letters)


def test_images_have_four_axes() -> None:
    assert usual_layout((None, 3, 224)) is None
    assert usual_layout((None, 3, 8, 224, 224)) is None


@pytest.mark.parametrize(
    ("letters", "axes"),
    [("NHWC", (0, 1, 2, 3)), ("NCHW", (0, 3, 1, 2)), ("?HWC", (0, 1, 2, 3)), ("CHWN", (3, 1, 2, 0))],
)
def test_axes_of_images_are_found(letters: str, axes: tuple[int, ...]) -> None:
    assert image_axes(letters) == axes


@pytest.mark.parametrize("letters", ["NC", "NCDHW", "N?HW", "??WC", "NDHW", "N?HWC"])
def test_other_layouts_are_not_of_images(letters: str) -> None:
    assert image_axes(letters) is None


def test_a_layout_that_names_the_rows_alone_is_open() -> None:
    assert is_open("N???")
    assert not is_open("N??C")
