"""Letting others go first: how long an explanation rests between two slices of its work.

A request that comes while a slice runs waits for half of it in the mean, or shares the processor with it. So
what the slices take of the time has to be little where they are long beside a request: with a part p of the
time in slices of t, a request of length L waits p * t / 2 longer. The rest is chosen so that this stays below
a tenth of L, and p below a tenth. While nobody else has asked for anything there is no rest at all.
"""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Final

from msgspec import Struct

REMEMBERED_S: Final = 2.0  # for how long others count as being there after their last request
SHARE: Final = 0.1  # of the time, for slices, and of a request's length, for its wait
OVERHEAD_S: Final = 0.0003  # of a request beside its run
LONGEST_REST_S: Final = 1.0


class Traffic(Struct, frozen=True):
    """The requests of a process: how many have ended since it began, and how many are under way."""

    ended: int
    under_way: int


Watch = Callable[[], Traffic]
Sleep = Callable[[float], Awaitable[None]]


class Company:
    """Who else is there. `explaining` = the explanations under way, which are not others to each other."""

    def __init__(self, watch: Watch, now: Callable[[], float] = monotonic) -> None:
        self.explaining = 0
        self._watch = watch
        self._now = now
        self._ended = -1
        self._seen_s = float("-inf")

    def are_there(self) -> bool:
        """Whether others ask for something, or did so lately."""
        traffic, now = self._watch(), self._now()
        if traffic.under_way > self.explaining or 0 <= self._ended != traffic.ended:
            self._seen_s = now
        self._ended = traffic.ended
        return now - self._seen_s < REMEMBERED_S


class Pace:
    """The rests of one explanation."""

    def __init__(self, company: Company, sleep: Sleep = asyncio.sleep) -> None:
        self._company = company
        self._sleep = sleep

    async def rest(self, took_s: float, rows: int) -> None:
        """Wait after a slice of so many rows. Everyone else has a turn in any case."""
        await self._sleep(rest_s(took_s, rows) if self._company.are_there() else 0.0)


def rest_s(took_s: float, rows: int) -> float:
    """How long to rest after a slice while others are there."""
    length_s = took_s / max(rows, 1) + OVERHEAD_S
    by_wait_s = took_s * took_s / (2 * SHARE * length_s) - took_s
    return min(LONGEST_REST_S, max(took_s * (1 / SHARE - 1), by_wait_s))
