"""Which version to load or unload next: pure functions from snapshots to one action.

Asked again after every action, with the states as they are then; None = nothing to do now. Versions in
between (loading, unloading) are waited for, not acted upon.
"""

import enum
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from dragoman.core.status import State


class VersionSnapshot(Struct, frozen=True):
    """One version as a policy sees it.

    Where a version is loaded anew, because its files or settings changed, it is there twice for a while: the
    newer one has the higher `generation`, and only that one is aspired. `dismissed`: an operator wants the
    version gone, whether or not another serves.
    """

    version: int
    state: State
    aspired: bool
    generation: int = 0
    dismissed: bool = False


class Move(enum.Enum):
    """What can be done to a version."""

    LOAD = "load"
    UNLOAD = "unload"


class Action(Struct, frozen=True):
    """One thing to do."""

    move: Move
    version: int
    generation: int = 0


Policy = Callable[[Sequence[VersionSnapshot]], Action | None]

IDLE = frozenset({State.NEW, State.FAILED})  # nothing is in memory
HOLDING = frozenset({State.LOADING, State.READY, State.QUIESCING, State.QUIESCED, State.UNLOADING})


def availability_preserving(versions: Sequence[VersionSnapshot]) -> Action | None:
    """Load what is wanted first, highest first; let go of a version, lowest first, once another serves.

    A version that is no longer wanted stays while it is the only one that serves and its successor is not
    ready. One that is loaded anew gives way to its own newer generation only.
    """
    unwanted = [v for v in versions if v.state is State.READY and not v.aspired]
    successor = any(v.aspired and v.state is State.READY for v in versions)
    nothing_wanted = not any(v.aspired for v in versions)
    renewed = {v.version for v in versions if v.aspired and v.state is not State.READY}
    dismissed = [v for v in unwanted if v.dismissed]
    if dismissed:
        return unload(dismissed)
    free = [v for v in unwanted if v.version not in renewed]
    if free and (successor or nothing_wanted or len(unwanted) > 1):
        return unload(free)
    return drop_idle(versions) or load_highest(versions)


def resource_preserving(versions: Sequence[VersionSnapshot]) -> Action | None:
    """Let go of all that is not wanted before loading anything.

    Never are two versions in memory where one is wanted, at the price of a gap in service.
    """
    unwanted = [v for v in versions if not v.aspired and v.state in HOLDING]
    ready = [v for v in unwanted if v.state is State.READY]
    if ready:
        return unload(ready)
    return drop_idle(versions) or (None if unwanted else load_highest(versions))


def parts_following(versions: Sequence[VersionSnapshot]) -> Action | None:
    """For a pipeline: what fitted its models as they were goes as soon as it is known what fits them now.

    It serves until then. Where its models do not fit together any more, nothing serves.
    """
    known = all(v.state in (State.READY, State.FAILED) for v in versions if v.aspired)
    former = [v for v in versions if v.state is State.READY and not v.aspired]
    if former and known:
        return unload(former)
    return drop_idle(versions) or load_highest(versions)


def drop_idle(versions: Sequence[VersionSnapshot]) -> Action | None:
    """Forget a version that is not wanted and was never, or in vain, loaded."""
    idle = [v for v in versions if not v.aspired and v.state in IDLE]
    return unload(idle) if idle else None


def unload(versions: Sequence[VersionSnapshot]) -> Action:
    """Unload the lowest of these."""
    version, generation = min((v.version, v.generation) for v in versions)
    return Action(Move.UNLOAD, version, generation)


def load_highest(versions: Sequence[VersionSnapshot]) -> Action | None:
    """Load the highest wanted version that is not."""
    new = [(v.version, v.generation) for v in versions if v.aspired and v.state is State.NEW]
    return Action(Move.LOAD, *max(new)) if new else None


POLICIES: Final[Mapping[str, Policy]] = {  # by their names in `version_transition`
    "availability_preserving": availability_preserving,
    "resource_preserving": resource_preserving,
}
