"""One timer for all connections of a process.

Most deadlines are moved later again and again and never reached, so moving one later costs an assignment:
the wheel looks at an entry when the deadline that it knew is over, and files it anew if there is a later one.
Only a deadline that comes before the wheel looks (`due`) needs `watch`.
"""

import asyncio
import math
import time
from collections.abc import Callable
from typing import Any, Final, Protocol

NEVER: Final = math.inf
STEP_S: Final = 1.0  # deadlines are met up to one step late, never early


class Timed(Protocol):
    """Something with a deadline. `due` is the wheel's own: when it looks again, NEVER at first."""

    deadline: float
    due: float

    @property
    def expired(self) -> Callable[[], Any]:
        """What to call when the deadline is over."""


class TimerWheel:
    """Calls `expired` of what it watches. `now` is the clock's time as of the last turn."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.now = clock()
        self._slots: dict[float, set[Timed]] = {}
        self._each_turn: list[Callable[[], None]] = []
        self._timer: asyncio.TimerHandle | None = None

    def each_turn(self, act: Callable[[], None]) -> None:
        """Have `act` called on every turn too."""
        self._each_turn.append(act)

    def watch(self, timed: Timed) -> None:
        """Look at `timed` when its deadline is over; for one that is new or has moved earlier."""
        if timed.deadline == NEVER:
            return
        due = (timed.deadline // STEP_S + 1) * STEP_S
        if due < timed.due:
            timed.due = due
            self._slots.setdefault(due, set()).add(timed)

    def forget(self, timed: Timed) -> None:
        """Stop watching `timed`."""
        self._slots.get(timed.due, set()).discard(timed)
        timed.due = timed.deadline = NEVER

    def turn(self) -> None:
        """Look at everything that is due."""
        self.now = now = self.clock()
        for act in self._each_turn:
            act()
        for due in sorted(due for due in self._slots if due <= now):
            for timed in self._slots.pop(due):
                if timed.due == due:  # else it was filed for an earlier look since
                    timed.due = NEVER
                    self._look_at(timed)

    def _look_at(self, timed: Timed) -> None:
        if timed.deadline <= self.now:
            timed.deadline = NEVER
            timed.expired()
        self.watch(timed)

    def start(self) -> None:
        """Turn once a step from now on, until `stop`."""
        if self._timer is None:
            self._run()

    def stop(self) -> None:
        """Turn no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _run(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(STEP_S, self._run)
        self.turn()
