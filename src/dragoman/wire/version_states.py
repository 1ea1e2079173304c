"""The states of a model's versions as TensorFlow Serving tells them (`apis/get_model_status.proto`)."""

from collections.abc import Mapping
from typing import Any, Final

from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import Target
from dragoman.core.status import ModelStatus, State, StatusReport, VersionStatus

STATES: Final[Mapping[State, str]] = {
    State.NEW: "START",
    State.LOADING: "LOADING",
    State.READY: "AVAILABLE",
    State.QUIESCING: "UNLOADING",
    State.QUIESCED: "UNLOADING",
    State.UNLOADING: "UNLOADING",
    State.GONE: "END",
    State.FAILED: "END",
}
OK: Final = {"error_code": "OK", "error_message": ""}


def version_state(version: VersionStatus) -> dict[str, Any]:
    """One entry of `model_version_status`. The version is a text, as 64-bit numbers are in protobuf JSON."""
    cause = version.cause if version.state is State.FAILED else version.ails
    status = OK
    if cause is not None:
        status = {"error_code": error_code(cause.code), "error_message": cause.message}
    return {"version": str(version.version), "state": STATES[version.state], "status": status}


def error_code(code: Code) -> str:
    """The name in `tensorflow.error.Code`, which has all but one of ours."""
    return Code.RESOURCE_EXHAUSTED.value if code is Code.TOO_LARGE else code.value


def known_model(superset: bool, report: StatusReport, target: Target) -> ModelStatus:
    """The model that is meant, whatever its state.

    Errors: NOT_FOUND; on the reference's own listener also where no version was ever found.
    """
    model = report.models.get(target.model)
    if model is None or not (model.versions or superset):
        raise DragomanError(Code.NOT_FOUND, f"Could not find any versions of model {target.model}")
    return model


def wanted_versions(model: ModelStatus, target: Target) -> tuple[VersionStatus, ...]:
    """The one version that is asked for, or all of them, highest first.

    Errors: NOT_FOUND for a version that there never was.
    """
    number = target.version
    if number is None:
        return model.versions[::-1]
    if (version := model.version(number)) is not None:
        return (version,)
    if number == 0 and target.zero_means_latest:
        return model.versions[::-1]
    raise DragomanError(Code.NOT_FOUND, f"Could not find version {number} of model {target.model}")
