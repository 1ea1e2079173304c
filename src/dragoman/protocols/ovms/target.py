"""Which model and version a call means."""

from dragoman.core.errors import DragomanError, Reason, invalid
from dragoman.core.requests import Target
from dragoman.core.status import ModelStatus
from dragoman.protocols.ovms.errors import NO_PATH, UPWARDS, not_served
from dragoman.wire import target
from dragoman.wire.messages import WireRequest


def read_target(wire: WireRequest) -> Target:
    """The model, version and label in a path.

    Errors: NOT_FOUND for a version beyond 64 bits, INVALID_ARGUMENT for a name that leads upwards.
    """
    try:
        found = target.read_target(wire, None, superset=True)
    except DragomanError as error:
        raise not_served(Reason.VERSION_UNKNOWN) from error
    if UPWARDS in found.model.split("/"):
        raise invalid(NO_PATH)
    return found


def asked_version(wanted: Target, model: ModelStatus) -> int | None:
    """The version that is asked for; None = none. Version 0 is none, unless there is one of that number."""
    if wanted.version == 0 and model.version(0) is None:
        return None
    return wanted.version
