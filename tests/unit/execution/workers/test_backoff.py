"""Pauses before a worker is started again."""

from dragoman.execution.workers.backoff import FIRST_S, MOST_S, Backoff


def test_pauses_double_up_to_the_longest() -> None:
    backoff = Backoff(lambda: 0.0)
    pauses = [backoff.next_s() for _ in range(2000)]
    assert pauses[:4] == [FIRST_S, 2 * FIRST_S, 4 * FIRST_S, 8 * FIRST_S]
    assert pauses[-1] == MOST_S


def test_chance_shortens_a_pause_by_up_to_a_half() -> None:
    assert Backoff(lambda: 1.0).next_s() == FIRST_S / 2


def test_a_worker_that_did_well_starts_with_short_pauses_again() -> None:
    backoff = Backoff(lambda: 0.0)
    backoff.next_s()
    backoff.reset()
    assert backoff.next_s() == FIRST_S
