"""The index of the model repository: every version that was ever loaded, and models that never were."""

from collections.abc import Iterator, Mapping
from typing import Final

from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.core.status import ModelStatus, State, StatusReport, VersionStatus
from dragoman.protocols.kserve_v2.bodies import read_object
from dragoman.wire.json_tree import dump, excerpt
from dragoman.wire.messages import WireRequest, WireResponse

READY: Final = "READY"
UNAVAILABLE: Final = "UNAVAILABLE"
UNLOADED: Final = "unloaded"
STATES: Final[Mapping[State, str]] = {  # Triton's words
    State.NEW: "LOADING",
    State.LOADING: "LOADING",
    State.READY: READY,
    State.QUIESCING: "UNLOADING",
    State.QUIESCED: "UNLOADING",
    State.UNLOADING: "UNLOADING",
    State.GONE: UNAVAILABLE,
    State.FAILED: UNAVAILABLE,
}


def answer_index(wire: WireRequest, report: StatusReport) -> WireResponse:
    """The index; with `{"ready": true}` of what serves alone.

    Errors: INVALID_ARGUMENT for a body that is no such thing.
    """
    ready = read_object(wire).get("ready")
    if ready is not None and type(ready) is not bool:
        raise invalid(f"'ready' must be true or false, not {excerpt(ready)}")
    return WireResponse(200, dump(list(index(report, ready_only=ready is True))))


def answer_named_repository(_: WireRequest, __: StatusReport) -> WireResponse:
    """Whatever is asked of a repository by its name: a server has one, which has none.

    Errors: UNIMPLEMENTED.
    """
    raise no_repository_names()


def index(report: StatusReport, *, ready_only: bool) -> Iterator[dict[str, str]]:
    """An entry for each version of each model, lowest first. MLServer's clients need each `reason`."""
    for model in report.models.values():
        if model.known:
            yield from (entry for entry in entries(model) if not ready_only or entry["state"] == READY)


def entries(model: ModelStatus) -> Iterator[dict[str, str]]:
    """Those of one model; where it has no versions, one without a version."""
    for version in model.versions:
        yield {
            "name": model.name,
            "version": str(version.version),
            "state": STATES[version.state],
            "reason": reason(version),
        }
    if not model.versions:
        why = model.cause.message if model.cause is not None else ""
        yield {"name": model.name, "state": UNAVAILABLE, "reason": why}


def reason(version: VersionStatus) -> str:
    """Why a version does not serve, or what is done for it to; empty where it does, or soon will."""
    if version.cause is not None:
        return version.cause.message
    return UNLOADED if version.state is State.GONE else version.doing


def no_repository_names() -> DragomanError:
    """The error for a request that names a repository, in Triton's words."""
    return DragomanError(Code.UNIMPLEMENTED, "'repository_name' specification is not supported")
