"""Layouts in options."""

import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.engines.openvino.layouts import Layout, parse_layout, suits


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ("NHWC", Layout("NHWC", "NHWC")),
        ("nhwc:nchw", Layout("NHWC", "NCHW")),
        (" N... ", Layout("N...", "N...")),
        ("N?HW", Layout("N?HW", "N?HW")),
        ("...C", Layout("...C", "...C")),
    ],
)
def test_a_layout_is_read(text: str, layout: Layout) -> None:
    assert parse_layout(text, "options.layout") == layout


@pytest.mark.parametrize(
    "text", ["", "NXHW", "NNHW", "N..", "N....", "N...C...", "NHWC:", ":NCHW", "a:b:c", "N-C"]
)
def test_what_is_no_layout_is_refused_with_what_would_be(text: str) -> None:
    with pytest.raises(
        DragomanError, match=r"^options\.layout\.x: .* is no layout; \"NHWC\" is one, "
    ) as caught:
        parse_layout(text, "options.layout.x")
    assert caught.value.code is Code.INVALID_ARGUMENT


def test_a_layout_suits_as_many_axes_as_it_has() -> None:
    assert suits("NHWC", 4)
    assert not suits("NHWC", 3)
    assert suits("N...C", 2)
    assert suits("N...C", 5)
    assert not suits("N...C", 1)
