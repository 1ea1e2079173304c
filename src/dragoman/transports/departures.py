"""Answers that leave together.

To write to a socket can wake whoever reads it, on another core, and that takes longer than to write: with 64
clients on one machine it took two fifths of a request's time, with the cold caches after it. Where a turn of
the loop has several answers they therefore leave in one go at its end, when the first reader, once awake,
finds the others' answers too. Where it has one or two each leaves at once, for then the reader can work while
the server does. docs/performance.md has the figures.
"""

import asyncio
from collections.abc import Callable
from time import perf_counter_ns
from typing import Final, Protocol

import structlog

LOG: Final = structlog.get_logger("dragoman.transports")
CROWD: int = 3  # answers of a turn that leave together; not Final, for tests set it to 1
MOST: Final = 16  # at once: more gain nothing
LONGEST_NS: Final = 500_000  # an answer that has waited so long leaves with the next
LOOK_EVERY: Final = 32  # answers that leave at once; then a turn's are counted


class Leaving(Protocol):
    """Who has something to write."""

    def flush(self) -> None:
        """Write it, if there is anything yet."""

    def abort(self) -> None:
        """Hang up, since it cannot be written."""


class Departures:
    """What the connections of one server write, at the end of a turn where that has a crowd of answers."""

    __slots__ = ("_answers", "_clock", "_first_ns", "_looking", "_together", "_waiting")

    def __init__(self, clock: Callable[[], int] = perf_counter_ns) -> None:
        self._clock = clock
        self._together = CROWD == 1
        self._waiting: list[Leaving] = []
        self._answers = 0  # of this turn, or since a turn was last looked at
        self._looking = False
        self._first_ns = 0

    def add(self, leaving: Leaving) -> None:
        """Have this written now or at the end of the turn."""
        self._answers += 1
        if self._together:
            waiting = self._waiting
            if not waiting:
                self._first_ns = self._clock()
            waiting.append(leaving)
            if self._answers == 1:
                asyncio.get_running_loop().call_soon(self._end_of_turn)
            elif len(waiting) >= MOST or self._clock() - self._first_ns > LONGEST_NS:
                self._leave()
        else:
            leaving.flush()
            if self._answers >= LOOK_EVERY and not self._looking:
                self._looking = True
                asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        """Count the answers of the turn that begins."""
        self._answers = 0
        asyncio.get_running_loop().call_soon(self._looked)

    def _looked(self) -> None:
        """Decide by the answers of the turn that is over."""
        self._together = self._answers >= CROWD
        self._answers = 0
        self._looking = False

    def _end_of_turn(self) -> None:
        self._looked()
        self._leave()

    def _leave(self) -> None:
        waiting, self._waiting = self._waiting, []
        for leaving in waiting:
            try:
                leaving.flush()
            except Exception:  # of one connection, which must not keep others from theirs
                LOG.exception("answer cannot be written")
                leaving.abort()
