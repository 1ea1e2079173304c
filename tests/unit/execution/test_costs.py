"""What calls are expected to cost."""

from math import inf

import pytest

from dragoman.execution.costs import CostEstimate


def test_a_cold_first_call_says_nothing_about_the_next() -> None:
    cost = CostEstimate()
    cost.add(5_000_000, 4)
    assert cost.ns_per_byte == inf
    cost.add(8_000, 4)
    assert cost.ns_per_byte == 2_000


def test_the_estimate_follows_a_model_that_gets_slower() -> None:
    cost = CostEstimate()
    for _ in range(10):
        cost.add(1_000, 100)
    for _ in range(50):
        cost.add(9_000, 100)
    assert cost.ns_per_byte == pytest.approx(90, rel=0.02)


def test_calls_without_input_bytes_leave_a_finite_estimate() -> None:
    cost = CostEstimate()
    cost.add(1_000, 0)
    cost.add(1_000, 0)
    assert cost.ns_per_byte < inf
