"""Status and metadata over REST, as views of the repository's report."""

from collections.abc import Mapping
from typing import Any, Final

from dragoman.core.errors import Code, DragomanError, Reason, invalid
from dragoman.core.requests import Target
from dragoman.core.status import ModelStatus, State, StatusReport, VersionStatus
from dragoman.protocols.tfs.errors import not_served
from dragoman.protocols.tfs.metadata import metadata_body
from dragoman.protocols.tfs.target import read_target
from dragoman.wire.json_tree import dump
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.model_card import model_card, model_list, readiness_card

STATES: Final[Mapping[State, str]] = {  # apis/get_model_status.proto
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


def answer_status(superset: bool, wire: WireRequest, report: StatusReport) -> WireResponse:
    """The states of a model's versions, highest first; always 200 for a model that is known.

    A label in the path is not looked at, as in the reference. The superset adds what KServe's and OpenAI's
    clients read.
    Errors: NOT_FOUND for a model or a version that is unknown.
    """
    target = read_target(wire, None, superset)
    model = known_model(superset, report, target)
    versions = wanted_versions(model, target)
    body: dict[str, Any] = {"model_version_status": [version_state(version) for version in versions]}
    if superset:
        body |= readiness_card(model) | model_card(model)
    return WireResponse(200, dump(body))


def answer_metadata(superset: bool, wire: WireRequest, report: StatusReport) -> WireResponse:
    """The signatures of one version.

    Errors: NOT_FOUND for what is not served, INVALID_ARGUMENT for an unknown label, UNAVAILABLE on the
    superset for a model that is known but has no version ready.
    """
    if not wire.path.endswith("/metadata"):  # /METADATA is the status in the reference
        return answer_status(superset, wire, report)
    target = read_target(wire, None, superset)
    return WireResponse(
        200, dump(metadata_body(target.model, serving_version(superset, report, target), superset))
    )


def answer_list(_: WireRequest, report: StatusReport) -> WireResponse:
    """Every model, for the clients of protocols that can list them."""
    return WireResponse(200, dump(model_list(report)))


def answer_nameless(_: WireRequest, __: StatusReport) -> WireResponse:
    """The reference has no list of models."""
    raise invalid("Missing model name in request.")


def version_state(version: VersionStatus) -> dict[str, Any]:
    """One entry of `model_version_status`. The version is a text, as 64-bit numbers are in protobuf JSON."""
    cause = version.cause
    status = OK
    if version.state is State.FAILED and cause is not None:
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


def serving_version(superset: bool, report: StatusReport, target: Target) -> VersionStatus:
    """The READY version that a request with this target would reach.

    Errors: NOT_FOUND for what is not served, INVALID_ARGUMENT for an unknown label, UNAVAILABLE on the
    superset for a model that is known but has no version ready.
    """
    model = report.models.get(target.model)
    found = None if model is None else _find_serving(model, target)
    if found is not None:
        return found
    if superset and model is not None and model.latest_ready is None:
        raise DragomanError(
            Code.UNAVAILABLE, f"model {target.model} is not ready", reason=Reason.MODEL_NOT_READY
        )
    raise not_served(target)


def _find_serving(model: ModelStatus, target: Target) -> VersionStatus | None:
    number = target.version
    if target.label is not None:
        number = model.labels.get(target.label)
        if number is None:
            return None
    found = model.latest_ready if number is None else model.version(number)
    if found is None and number == 0 and target.zero_means_latest:
        found = model.latest_ready
    return found if found is not None and found.state is State.READY else None
