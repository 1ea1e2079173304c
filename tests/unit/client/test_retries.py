"""When a call is made again, and after which pause."""

from collections.abc import Iterator

import pytest

from dragoman.client.errors import (
    BadAnswer,
    ClientError,
    Code,
    ConnectionFailed,
    InvalidInput,
    ServerError,
    TimedOut,
)
from dragoman.client.retries import Retries, may_repeat


def unavailable(retry_after_s: float | None = None) -> ServerError:
    return ServerError("busy", code=Code.UNAVAILABLE, status=503, retry_after_s=retry_after_s)


def test_pauses_grow_up_to_the_longest() -> None:
    rules = Retries(first_s=0.5, factor=4, longest_s=6)
    assert [rules.pause_s(attempt, unavailable(), 1.0) for attempt in range(1, 6)] == [0.5, 2, 6, 6, 6]


def test_a_random_part_of_a_pause_is_waited() -> None:
    rules = Retries(first_s=1)
    assert [rules.pause_s(1, unavailable(), random) for random in (0.0, 0.25, 1.0)] == [0, 0.25, 1]


def test_the_server_is_not_asked_before_it_wants_to_be() -> None:
    rules = Retries(first_s=1)
    assert rules.pause_s(1, unavailable(7), 1.0) == 7
    assert rules.pause_s(1, unavailable(0.25), 1.0) == 1


def test_a_hundred_thousandth_pause_is_still_a_number() -> None:
    assert Retries().pause_s(100_000, unavailable(), 1.0) == Retries().longest_s


def failures() -> Iterator[tuple[ClientError, bool, bool]]:
    """An error, and whether a call is made again after it: one that only reads, and one that changes."""
    yield ConnectionFailed("refused", sent=False), True, True
    yield ConnectionFailed("broke", sent=True), True, False
    yield TimedOut("late"), False, False
    yield BadAnswer("garbage"), False, False
    yield InvalidInput("no"), False, False
    for code in Code:
        yield ServerError("x", code=code, status=500), code is Code.UNAVAILABLE, False


@pytest.mark.parametrize(("error", "reading", "changing"), list(failures()))
def test_only_what_a_second_try_can_mend_is_tried_again(
    error: ClientError, reading: bool, changing: bool
) -> None:
    assert may_repeat(error, repeatable=True) is reading
    assert may_repeat(error, repeatable=False) is changing
