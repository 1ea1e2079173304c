"""Shapes and batch sizes in options."""

import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.engines.openvino.sizes import Size, fit, parse_batch_size, parse_shape, show_sizes


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("(1,3,224,224)", (1, 3, 224, 224)),
        ("( -1, 3 )", (None, 3)),
        ("(1:8,3)", ((1, 8), 3)),
        ("(0)", (0,)),
        ("auto", None),
        ("AUTO", None),
    ],
)
def test_a_shape_is_read(text: str, sizes: tuple[Size, ...] | None) -> None:
    assert parse_shape(text, "options.shape") == sizes


NO_SHAPES = ("", "()", "1,3", "(1,3", "(1,,3)", "(a)", "(-2)", "(8:1)", "(3:3)", "(1:2:3)", "(1:-1)", "(1-)")
TOO_LARGE = (f"({2**31})", f"({'9' * 5000})")


@pytest.mark.parametrize("text", NO_SHAPES + TOO_LARGE)
def test_what_is_no_shape_is_refused_with_what_would_be(text: str) -> None:
    with pytest.raises(
        DragomanError, match=r"^options\.shape\.x: .* is no shape; \"auto\" is one, "
    ) as caught:
        parse_shape(text, "options.shape.x")
    assert caught.value.code is Code.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("value", "size"),
    [(0, 0), (4, 4), ("4", 4), ("auto", None), (-1, None), ("1:8", (1, 8)), ("1 : 8", (1, 8))],
)
def test_a_batch_size_is_read(value: int | str, size: Size) -> None:
    assert parse_batch_size(value) == size


@pytest.mark.parametrize("value", [-2, "many", "1:", "8:1", ""])
def test_what_is_no_batch_size_is_refused(value: int | str) -> None:
    with pytest.raises(DragomanError, match=r"^options\.batch_size: "):
        parse_batch_size(value)


@pytest.mark.parametrize(
    ("shape", "fits"),
    [((1, 3), True), ((8, 3), True), ((9, 3), False), ((1, 4), False), ((1,), False), ((), False)],
)
def test_a_shape_fits_sizes(shape: tuple[int, ...], fits: bool) -> None:
    assert fit(shape, ((1, 8), 3)) is fits


def test_sizes_are_shown_with_their_ranges() -> None:
    assert show_sizes(((1, 8), None, 3)) == "(1..8, ?, 3)"
    assert show_sizes((None,)) == "(?,)"
