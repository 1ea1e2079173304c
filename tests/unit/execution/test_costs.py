"""What calls are expected to cost."""

from math import inf

import pytest

from dragoman.execution.costs import CostEstimate


def after(*calls: tuple[int, int]) -> float:
    cost = CostEstimate()
    cost.add(5_000_000, 4)
    for elapsed_ns, size_bytes in calls:
        cost.add(elapsed_ns, size_bytes)
    return cost.ns_per_byte


def test_a_cold_first_call_says_nothing_about_the_next() -> None:
    assert after() == inf
    assert after((8_000, 4)) == 2_000


def test_the_estimate_follows_a_model_that_gets_slower() -> None:
    assert after(*[(1_000, 100)] * 10, *[(90_000, 100)] * 20) == pytest.approx(900, rel=0.02)


def test_the_estimate_falls_at_once_when_a_first_measurement_was_disturbed() -> None:
    assert after((5_000_000, 4), *[(4_000, 4)] * 12) < 2_000


def test_one_call_that_had_to_wait_moves_the_estimate_little() -> None:
    assert after(*[(4_000, 4)] * 5, (50_000_000, 4)) < 4_000


def test_a_dearer_call_beside_the_loop_may_have_waited_for_it_and_a_cheaper_one_has_not() -> None:
    cost = CostEstimate()
    for _ in range(2):
        cost.add(1_000, 4, on_thread=True)
    cost.add(9_000, 4, on_thread=True)
    assert cost.ns_per_byte == 250
    cost.add(200, 4, on_thread=True)
    assert cost.ns_per_byte == 150


def test_a_call_without_input_bytes_leaves_a_finite_estimate() -> None:
    assert after((1_000, 0)) < inf
