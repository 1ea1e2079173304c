"""One timer for all connections of a process.

Most deadlines are moved later again and again and never reached, so moving one later costs an assignment:
the wheel looks at an entry when the deadline that it knew is over, and files it anew if there is a later one.
Only a deadline that comes earlier than the one known needs `watch`.
"""

import asyncio
import math
import time
from collections.abc import Callable
from typing import Final, Protocol

NEVER: Final = math.inf
STEP_S: Final = 1.0  # deadlines are met up to one step late, never early


class Timed(Protocol):
    """Something with a deadline. `slot` is the wheel's own: the step at which it looks again, 0 = never."""

    deadline: float
    slot: int

    def expired(self, now: float) -> None:
        """The deadline is over."""


class TimerWheel:
    """Calls `expired` of what it watches. `now` is the clock's time as of the last turn."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.now = clock()
        self._slots: dict[int, set[Timed]] = {}
        self._each_turn: list[Callable[[], None]] = []
        self._timer: asyncio.TimerHandle | None = None

    def each_turn(self, act: Callable[[], None]) -> None:
        """Have `act` called on every turn too."""
        self._each_turn.append(act)

    def watch(self, timed: Timed) -> None:
        """Look at `timed` when its deadline is over; for one that is new or has moved earlier."""
        if timed.deadline == NEVER:
            return
        slot = int(timed.deadline / STEP_S) + 1
        if timed.slot == 0 or slot < timed.slot:
            timed.slot = slot
            self._slots.setdefault(slot, set()).add(timed)

    def forget(self, timed: Timed) -> None:
        """Stop watching `timed`."""
        self._slots.get(timed.slot, set()).discard(timed)
        timed.slot = 0

    def turn(self) -> None:
        """Look at everything that is due."""
        self.now = now = self.clock()
        for act in self._each_turn:
            act()
        for slot in sorted(slot for slot in self._slots if slot * STEP_S <= now):
            for timed in self._slots.pop(slot):
                if timed.slot == slot:  # else it has been filed under an earlier step since
                    timed.slot = 0
                    self._look_at(timed, now)

    def _look_at(self, timed: Timed, now: float) -> None:
        if timed.deadline <= now:
            timed.expired(now)
        self.watch(timed)

    def start(self) -> None:
        """Turn once a step from now on; called while it turns, it does nothing."""
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
