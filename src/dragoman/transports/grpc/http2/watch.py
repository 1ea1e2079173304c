"""One timer for whatever may take too long, of all connections of a server."""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

STEP_S: Final = 1.0


class Watched(Protocol):
    """Something that may be overdue."""

    def look(self, now: float) -> bool:
        """Do what is due; whether to look again."""


class Watch:
    """Looks at its members once a step, while there are any."""

    __slots__ = ("_members", "_timer", "clock")

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._members: set[Watched] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, member: Watched) -> None:
        """Look at it from now on."""
        self._members.add(member)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(STEP_S, self._step)

    def discard(self, member: Watched) -> None:
        """Look at it no more."""
        self._members.discard(member)

    def turn(self) -> None:
        """Look at all."""
        now = self.clock()
        for member in list(self._members):
            if not member.look(now):
                self._members.discard(member)

    def stop(self) -> None:
        """Look no more."""
        self._members.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _step(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(STEP_S, self._step) if self._members else None
        self.turn()
