"""Layouts."""

import pytest

from dragoman.core.layouts import batch_axis


@pytest.mark.parametrize(
    ("layout", "rank", "axis"),
    [
        (None, 4, 0),
        (None, 0, None),
        ("NHWC", 4, 0),
        ("CHWN", 4, 3),
        ("N...", 3, 0),
        ("...N", 3, 2),
        ("...NC", 4, 2),
        ("HWC", 3, None),
    ],
)
def test_the_batch_axis_is_where_the_n_is(layout: str | None, rank: int, axis: int | None) -> None:
    assert batch_axis(layout, rank) == axis
