"""How long a connection may take over what it is doing."""

import enum
from typing import Final

from dragoman.settings.limits import Limits
from dragoman.transports.http.wheel import NEVER

LINGER_S: Final = 5.0  # after a refusal, without a byte from the client; nginx lingering_timeout: 5
LINGER_TOTAL_S: Final = 30.0  # nginx lingering_time: 30


class Phase(enum.Enum):
    """What a connection waits for."""

    IDLE = "idle"  # a request
    HEAD = "head"  # the rest of a head
    BODY = "body"  # the rest of a body
    ANSWERING = "answering"  # the handler
    STALLED = "stalled"  # the reader, to take what was written
    LINGERING = "lingering"  # the client, to read a refusal and hang up
    CLOSING = "closing"  # the last bytes, to leave


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


def linger_deadline(now: float, began: float) -> float:
    """When to hang up on a client that is still sending."""
    return min(now + LINGER_S, began + LINGER_TOTAL_S)
