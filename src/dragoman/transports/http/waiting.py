"""What a connection waits for, and until when.

- IDLE, HEAD, BODY, ANSWERING, and IDLE again: a request and its answer; what takes no time is left out.
- STALLED: the client does not take what was written.
- LINGERING, CLOSING: a refusal was written; the client may read it, then hang up.
"""

import enum
from collections.abc import Callable
from typing import Final

from dragoman.settings.limits import Limits
from dragoman.transports.http.wheel import NEVER, TimerWheel

LINGER_S: Final = 5.0  # after a refusal, without a byte from the client; nginx lingering_timeout: 5
LINGER_TOTAL_S: Final = 30.0  # nginx lingering_time: 30


class Phase(enum.Enum):
    """Who or what is waited for."""

    IDLE = "idle"  # a request
    HEAD = "head"  # the rest of a head
    BODY = "body"  # the rest of a body
    ANSWERING = "answering"  # the handler
    STALLED = "stalled"  # the client, to take what was written
    LINGERING = "lingering"  # the client, to read a refusal and hang up
    CLOSING = "closing"  # the last bytes, to leave


class Waiting:
    """One connection's phase and deadline. `expired` is called when it is over."""

    __slots__ = ("_began", "_limits", "_unsent", "_wheel", "deadline", "due", "expired", "phase")

    def __init__(self, wheel: TimerWheel, limits: Limits, expired: Callable[[], None]) -> None:
        self._wheel = wheel
        self._limits = limits
        self.expired = expired
        self.phase = Phase.IDLE
        self.deadline = self.due = NEVER
        self._began = 0.0
        self._unsent = 0

    def for_request(self) -> None:
        """Wait for a request. The wheel's time does: it is at most one step old, and costs nothing."""
        self.phase = Phase.IDLE
        timeout_s = self._limits.keep_alive_timeout_s
        self.deadline = self._wheel.now + timeout_s if timeout_s else NEVER
        if self.deadline < self.due:
            self._wheel.watch(self)

    def for_head(self) -> None:
        """Wait for the rest of a head; every further piece leaves the deadline where it is."""
        if self.phase is not Phase.HEAD:
            self.phase = Phase.HEAD
            self._until(after(self._wheel.clock(), self._limits.header_timeout_s))

    def for_body(self, received: int) -> None:
        """Wait for the rest of a body of which so much is here."""
        if self.phase is not Phase.BODY:
            self.phase = Phase.BODY
            self._began = self._wheel.clock()
        self._until(body_deadline(self._limits, self._began, received))

    def for_answer(self) -> None:
        """Wait for the handler, as long as it takes: its deadline is the gateway's."""
        self.phase = Phase.ANSWERING
        self.deadline = NEVER

    def for_reader(self, phase: Phase, unsent: int) -> None:
        """Wait for the client to take so many bytes; STALLED or CLOSING."""
        self.phase = phase
        self._unsent = unsent
        self._until(after(self._wheel.clock(), self._limits.write_timeout_s))

    def reader_moved(self, unsent: int) -> bool:
        """Whether the client has taken anything since; if so it has as much time again."""
        if unsent >= self._unsent:
            return False
        self.for_reader(self.phase, unsent)
        return True

    def for_hang_up(self) -> None:
        """Wait for the client to read a refusal and hang up."""
        self.phase = Phase.LINGERING
        self._began = now = self._wheel.clock()
        self._until(now + LINGER_S)

    def still_sending(self) -> None:
        """A client that lingers has sent more, which nobody reads."""
        self.deadline = min(self._wheel.now + LINGER_S, self._began + LINGER_TOTAL_S)

    def end(self) -> None:
        """Wait for nothing more."""
        self.phase = Phase.CLOSING
        self._wheel.forget(self)
        self.expired = nothing  # not the connection, which refers to this

    def _until(self, deadline: float) -> None:
        self.deadline = deadline
        if deadline < self.due:
            self._wheel.watch(self)


def nothing() -> None:
    """What a connection that is gone does when its time is over."""


def after(now: float, timeout_s: float) -> float:
    """The deadline; 0 switches a timeout off."""
    return now + timeout_s if timeout_s else NEVER


def body_deadline(limits: Limits, began: float, received: int) -> float:
    """When a body that has come so far is too slow, if nothing more of it comes.

    That is at its deadline, or where its average falls below the least rate once the grace is over.
    """
    total = after(began, limits.body_timeout_s)
    if not limits.body_bytes_per_s:
        return total
    return min(total, began + max(limits.body_grace_s, received / limits.body_bytes_per_s))
