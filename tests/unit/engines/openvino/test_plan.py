"""What a model's sizes say about calls with one row."""

import pytest

from dragoman.engines.openvino.plan import one_row
from dragoman.engines.openvino.sizes import Sizes


@pytest.mark.parametrize(
    ("inputs", "shapes"),
    [
        ([((None, 3), None)], ((1, 3),)),
        ([(((1, 8), 3), None)], ((1, 3),)),
        ([((None,), None), ((None, 2, 2), None)], ((1,), (1, 2, 2))),
        ([((None, 3), None), ((), None), ((5, 2), None)], ((1, 3), (), (5, 2))),
        ([((3, None), "CN")], ((3, 1),)),
        ([((None, 3), "N...")], ((1, 3),)),
    ],
)
def test_where_only_rows_are_open_one_row_has_a_shape(
    inputs: list[tuple[Sizes, str | None]], shapes: tuple[tuple[int, ...], ...]
) -> None:
    assert one_row(inputs) == shapes


@pytest.mark.parametrize(
    "inputs",
    [
        [((4, 3), None)],
        [((None, None), None)],
        [((None, 3), None), ((5, None), None)],
        [((None, 3), "HW")],
        [(((2, 8), 3), None)],
        [],
    ],
    ids=["nothing-open", "two-axes", "another-input", "no-batch-axis", "more-than-one-row", "no-inputs"],
)
def test_elsewhere_it_has_none(inputs: list[tuple[Sizes, str | None]]) -> None:
    assert one_row(inputs) == ()
