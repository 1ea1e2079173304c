"""Which values are left out together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.explain.blocks import SIDE, blocks, picture_axes

shapes = st.lists(st.integers(1, 40), min_size=0, max_size=3).map(tuple)


@given(st.lists(shapes, min_size=1, max_size=4), st.integers(2, SIDE))
def test_every_value_is_in_one_block_and_blocks_are_numbered_without_gaps(
    given_shapes: list[tuple[int, ...]], side: int
) -> None:
    labels = blocks(given_shapes, [None] * len(given_shapes), side)
    assert len(labels) == sum(int(np.prod(shape)) for shape in given_shapes)
    count = int(labels.max()) + 1
    assert set(labels.tolist()) == set(range(count))
    assert count <= side * side + len(given_shapes)


@pytest.mark.parametrize(
    ("shape", "layout", "axes"),
    [
        ((224, 224, 3), None, (0, 1)),
        ((3, 224, 224), None, (1, 2)),
        ((3, 224, 4), "NCHW", (1, 2)),
        ((28, 28), None, (0, 1)),
        ((784,), None, None),
        ((1, 784), None, None),
        ((2, 3, 4, 5), None, None),
    ],
)
def test_height_and_width_are_found(
    shape: tuple[int, ...], layout: str | None, axes: tuple[int, int] | None
) -> None:
    assert picture_axes(shape, layout) == axes


def test_inputs_share_the_blocks_by_their_sizes() -> None:
    labels = blocks([(100,), (300,)], [None, None], 10)
    assert len(set(labels[:100].tolist())) == 25
    assert len(set(labels[100:].tolist())) == 75
