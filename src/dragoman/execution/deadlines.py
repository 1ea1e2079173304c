"""Waiting no longer than the caller does."""

import asyncio
from collections.abc import Awaitable
from math import inf
from time import monotonic
from typing import Protocol, TypeVar

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError

T = TypeVar("T")


async def within(call: CallContext, work: Awaitable[T]) -> T:
    """The work's result, if it comes before the call's deadline. A call that is given up is marked cancelled.

    Errors: DEADLINE_EXCEEDED.
    """
    left_s = None if call.deadline_s is None else call.deadline_s - monotonic()
    try:
        async with asyncio.timeout(left_s):
            return await work
    except TimeoutError:
        call.cancelled = True
        raise overdue() from None
    except asyncio.CancelledError:
        call.cancelled = True
        raise


class Expiring(Protocol):
    """Something that is waited for until its deadline."""

    def expire(self) -> None:
        """The deadline has passed."""


class Alarm:
    """One timer for many deadlines, few of which are reached. For the event loop's thread only.

    It is set for the earliest, and where that was met meanwhile, for the next once it rings.
    """

    def __init__(self) -> None:
        self._deadlines: dict[Expiring, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._rings_s = inf

    def watch(self, waiting: Expiring, deadline_s: float) -> None:
        """Have it expire then, in seconds of the monotonic clock."""
        self._deadlines[waiting] = deadline_s
        if deadline_s < self._rings_s:
            self._set(deadline_s)

    def forget(self, waiting: Expiring) -> None:
        """It has come, or nobody waits any more."""
        self._deadlines.pop(waiting, None)

    def _set(self, at_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rings_s = at_s
        self._timer = asyncio.get_running_loop().call_later(max(0.0, at_s - monotonic()), self._ring)

    def _ring(self) -> None:
        self._timer, self._rings_s = None, inf
        now = monotonic()
        for waiting in [waiting for waiting, at_s in self._deadlines.items() if at_s <= now]:
            self.forget(waiting)
            waiting.expire()
        if self._deadlines:  # of which one may have been added just now
            self._set(min(self._rings_s, *self._deadlines.values()))


def overdue() -> DragomanError:
    """The error for a call whose deadline has passed."""
    return DragomanError(Code.DEADLINE_EXCEEDED, "the model gave no answer before the deadline")
