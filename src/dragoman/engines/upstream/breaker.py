"""When another server is not asked any more, for a while.

CLOSED     calls go through; so many failures in a row open it
OPEN       calls are refused at once, for `open_s`
HALF_OPEN  one call goes through to see: it closes the breaker, or opens it for another while

What a call tells that began before the breaker was opened or closed says nothing any more.
"""

import enum
from collections.abc import Callable

from dragoman.core.errors import Code, DragomanError


class BreakerState(enum.Enum):
    """Where a breaker is."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """Counts the failures of one server. `now` is a monotonic clock; for one thread at a time.

    Whoever has entered calls one of `succeeded`, `failed` and `abandoned` with what `enter` gave.
    """

    def __init__(self, failures: int, open_s: float, now: Callable[[], float]) -> None:
        self.last_failure = ""  # in words; empty = the last call that told anything went well
        self._most = failures
        self._open_s = open_s
        self._now = now
        self._in_a_row = 0
        self._opened_s: float | None = None
        self._trying = False
        self.turn = 0  # how often it was opened or closed: what was asked before tells nothing after

    @property
    def state(self) -> BreakerState:
        """Where it is now."""
        if self._opened_s is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if self._left_s > 0 else BreakerState.HALF_OPEN

    def enter(self, name: str) -> int:
        """Begin a call.

        Errors: UNAVAILABLE with the time after which to come again.
        """
        if self._opened_s is not None:
            if self._left_s > 0 or self._trying:
                message = f"{name} is not asked for now, after {self._in_a_row} failures: {self.last_failure}"
                raise DragomanError(Code.UNAVAILABLE, message, retry_after_s=max(1.0, self._left_s))
            self._trying = True
        return self.turn

    def succeeded(self, turn: int) -> None:
        """The server answered."""
        if turn != self.turn:
            return
        self.last_failure = ""
        self._in_a_row = 0
        if self._opened_s is not None:
            self._opened_s, self._trying = None, False
            self.turn += 1

    def failed(self, turn: int, why: str) -> None:
        """The server failed."""
        if turn != self.turn:
            return
        self.last_failure = why
        self._in_a_row += 1
        if self._opened_s is not None or self._in_a_row >= self._most:
            self._opened_s, self._trying = self._now(), False
            self.turn += 1

    def abandoned(self, turn: int) -> None:
        """Nobody waited for what would have come of it."""
        if turn == self.turn:
            self._trying = False

    @property
    def _left_s(self) -> float:
        return 0.0 if self._opened_s is None else self._opened_s + self._open_s - self._now()
