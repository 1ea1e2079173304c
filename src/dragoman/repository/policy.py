"""Which version to load or unload next: pure functions from snapshots to one action.

Asked again after every action, with the states as they are then; None = nothing to do now. Versions in
between (loading, unloading) are waited for, not acted upon.
"""

import enum
from collections.abc import Callable, Sequence

from msgspec import Struct

from dragoman.core.status import State


class VersionSnapshot(Struct, frozen=True):
    """One version as a policy sees it."""

    version: int
    state: State
    aspired: bool


class Move(enum.Enum):
    """What can be done to a version."""

    LOAD = "load"
    UNLOAD = "unload"


class Action(Struct, frozen=True):
    """One thing to do."""

    move: Move
    version: int


Policy = Callable[[Sequence[VersionSnapshot]], Action | None]

IDLE = frozenset({State.NEW, State.FAILED})  # nothing is in memory
HOLDING = frozenset({State.LOADING, State.READY, State.QUIESCING, State.QUIESCED, State.UNLOADING})


def availability_preserving(versions: Sequence[VersionSnapshot]) -> Action | None:
    """Load what is wanted first, highest first; let go of a version, lowest first, once another serves.

    A version that is no longer wanted stays while it is the only one that serves and its successor is not
    ready.
    """
    unwanted = [v for v in versions if v.state is State.READY and not v.aspired]
    successor = any(v.aspired and v.state is State.READY for v in versions)
    nothing_wanted = not any(v.aspired for v in versions)
    if unwanted and (successor or nothing_wanted or len(unwanted) > 1):
        return Action(Move.UNLOAD, min(v.version for v in unwanted))
    return drop_idle(versions) or load_highest(versions)


def resource_preserving(versions: Sequence[VersionSnapshot]) -> Action | None:
    """Let go of all that is not wanted before loading anything.

    Never are two versions in memory where one is wanted, at the price of a gap in service.
    """
    unwanted = [v for v in versions if not v.aspired and v.state in HOLDING]
    ready = [v.version for v in unwanted if v.state is State.READY]
    if ready:
        return Action(Move.UNLOAD, min(ready))
    return drop_idle(versions) or (None if unwanted else load_highest(versions))


def drop_idle(versions: Sequence[VersionSnapshot]) -> Action | None:
    """Forget a version that is not wanted and was never, or in vain, loaded."""
    idle = [v.version for v in versions if not v.aspired and v.state in IDLE]
    return Action(Move.UNLOAD, min(idle)) if idle else None


def load_highest(versions: Sequence[VersionSnapshot]) -> Action | None:
    """Load the highest wanted version that is not."""
    new = [v.version for v in versions if v.aspired and v.state is State.NEW]
    return Action(Move.LOAD, max(new)) if new else None
