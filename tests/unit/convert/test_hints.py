"""What is sampled of a column, by the thresholds that trees have for it."""

import pytest

from dragoman.convert.hints import point_hint
from dragoman.convert.messages import Hint


def test_values_go_beyond_the_thresholds_to_both_sides():
    assert point_hint([3.0, 1.0, 3.0]) == Hint(0.5, 3.5, (1.0, 3.0))


@pytest.mark.parametrize(("only", "low", "high"), [(4.0, 3.0, 5.0), (0.0, -1.0, 1.0)])
def test_one_threshold_has_values_around_it_too(only: float, low: float, high: float):
    assert point_hint([only]) == Hint(low, high, (only,))


def test_of_many_thresholds_some_are_kept_with_both_ends():
    found = point_hint([float(number) for number in range(1000)])
    assert (found.points[0], found.points[-1], len(found.points)) == (0.0, 999.0, 64)


def test_of_a_column_that_no_tree_looks_at_nothing_is_known():
    assert point_hint([]) == Hint()
