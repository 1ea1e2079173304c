"""When another server is left alone."""

import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.engines.upstream.breaker import Breaker, BreakerState


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def opened(clock: Clock) -> Breaker:
    breaker = Breaker(2, 10, clock)
    for _ in range(2):
        breaker.failed(breaker.enter("it"), "it failed")
    return breaker


def test_so_many_failures_in_a_row_open_it() -> None:
    breaker = opened(Clock())
    assert breaker.state is BreakerState.OPEN
    with pytest.raises(DragomanError, match="it is not asked for now, after 2 failures: it failed") as caught:
        breaker.enter("it")
    assert (caught.value.code, caught.value.retry_after_s) == (Code.UNAVAILABLE, 10)


def test_a_success_between_failures_counts_anew() -> None:
    breaker = Breaker(2, 10, Clock())
    breaker.failed(breaker.enter("it"), "it failed")
    breaker.succeeded(breaker.enter("it"))
    breaker.failed(breaker.enter("it"), "it failed")
    assert breaker.state is BreakerState.CLOSED


def test_one_call_alone_tries_once_the_time_has_passed() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now_s = 10
    assert breaker.state is BreakerState.HALF_OPEN
    turn = breaker.enter("it")
    with pytest.raises(DragomanError):
        breaker.enter("it")
    breaker.succeeded(turn)
    assert (breaker.state, breaker.last_failure) == (BreakerState.CLOSED, "")


def test_a_try_that_fails_opens_it_for_another_while() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now_s = 10
    breaker.failed(breaker.enter("it"), "it failed again")
    assert breaker.state is BreakerState.OPEN
    clock.now_s = 20
    assert breaker.state is BreakerState.HALF_OPEN


def test_a_try_that_nobody_waits_for_leaves_the_next_to_try() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now_s = 10
    breaker.abandoned(breaker.enter("it"))
    breaker.succeeded(breaker.enter("it"))
    assert breaker.state is BreakerState.CLOSED


def test_what_began_before_it_opened_tells_nothing_after() -> None:
    breaker = Breaker(2, 10, Clock())
    early = breaker.enter("it")
    for _ in range(2):
        breaker.failed(breaker.enter("it"), "it failed")
    breaker.succeeded(early)
    assert breaker.state is BreakerState.OPEN
