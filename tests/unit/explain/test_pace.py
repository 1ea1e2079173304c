"""Who goes first."""

import asyncio
from itertools import pairwise

import pytest

from dragoman.explain.pace import LONGEST_REST_S, REMEMBERED_S, SHARE, Company, Pace, Traffic, rest_s


class Others:
    """What the others do, and what time it is."""

    def __init__(self) -> None:
        self.traffic = Traffic(0, 1)  # the explanation itself is under way
        self.now_s = 100.0
        self.company = Company(lambda: self.traffic, lambda: self.now_s)
        self.company.explaining = 1

    def are_there(self) -> bool:
        return self.company.are_there()


def test_nobody_is_there_but_the_explanation_itself() -> None:
    others = Others()
    assert not others.are_there()
    others.now_s += 10
    assert not others.are_there()


def test_a_request_that_ended_is_remembered_for_a_while() -> None:
    others = Others()
    others.are_there()
    others.traffic = Traffic(1, 1)
    assert others.are_there()
    others.now_s += REMEMBERED_S / 2
    assert others.are_there()
    others.now_s += REMEMBERED_S
    assert not others.are_there()


def test_a_request_under_way_is_somebody_however_long_it_takes() -> None:
    others = Others()
    others.traffic = Traffic(0, 2)
    for _ in range(3):
        assert others.are_there()
        others.now_s += 10


def test_other_explanations_are_not_others() -> None:
    others = Others()
    others.company.explaining = 2
    others.traffic = Traffic(0, 2)
    assert not others.are_there()


def test_a_slice_takes_a_tenth_of_the_time_at_most_and_less_the_longer_it_is_beside_a_request() -> None:
    for took_s in (0.00005, 0.0005, 0.005, 0.05):
        for rows in (1, 32):
            rest = rest_s(took_s, rows)
            length_s = took_s / rows
            share = took_s / (took_s + rest)
            assert share <= SHARE + 1e-9
            assert rest == LONGEST_REST_S or share * took_s / 2 <= SHARE * (length_s + 0.0003) + 1e-9
    assert all(one <= other for one, other in pairwise(rest_s(took_s, 32) for took_s in (0.001, 0.01, 0.1)))


@pytest.mark.parametrize(("ended", "rests"), [(0, False), (1, True)])
def test_an_explanation_rests_only_while_others_are_there(ended: int, rests: bool) -> None:
    others, slept = Others(), list[float]()

    async def sleep(time_s: float) -> None:
        slept.append(time_s)

    async def explain() -> None:
        pace = Pace(others.company, sleep)
        await pace.rest(0.01, 1)
        others.traffic = Traffic(ended, 1)
        await pace.rest(0.01, 1)

    asyncio.run(explain())
    assert slept[0] == 0.0
    assert (slept[1] > 0.05) is rests
