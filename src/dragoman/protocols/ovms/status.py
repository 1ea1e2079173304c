"""Status and metadata, as views of the repository's report."""

from typing import Any

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.requests import Target
from dragoman.core.status import PIPELINE, ModelStatus, State, StatusReport, VersionStatus
from dragoman.protocols.ovms.errors import NO_METHOD, not_served
from dragoman.protocols.ovms.target import asked_version, read_target
from dragoman.wire.json_tree import dump
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.signature_map import Spelling, metadata_body
from dragoman.wire.version_states import OK, STATES

JsonStatus = dict[str, Any]


def answer_config(_: WireRequest, report: StatusReport) -> WireResponse:
    """Every model with its versions, by its name."""
    return WireResponse(200, dump(config(report)))


def config(report: StatusReport) -> dict[str, JsonStatus]:
    """What /v1/config shows; the models are sorted by their names."""
    return {name: model_status(model.versions) for name, model in report.models.items()}


def answer_status(wire: WireRequest, report: StatusReport) -> WireResponse:
    """The versions of a model, lowest first, those that were once included; or the one that is asked for.

    Errors: NOT_FOUND for a model or a version that is unknown.
    """
    versions = wanted_versions(read_target(wire), report)
    return WireResponse(200, dump(model_status(versions)))


def wanted_versions(target: Target, report: StatusReport) -> tuple[VersionStatus, ...]:
    """The versions that a status tells of.

    Errors: NOT_FOUND.
    """
    model = known_model(target, report)
    number = asked_version(target, model)
    if target.label is not None:
        number = model.labels.get(target.label)
        if number is None and not model.is_pipeline:
            raise not_served(Reason.LABEL_UNKNOWN)
    if number is None or model.is_pipeline:
        return model.versions
    version = model.version(number)
    if version is None:
        raise not_served(Reason.VERSION_UNKNOWN)
    return (version,)


def answer_metadata(wire: WireRequest, report: StatusReport) -> WireResponse:
    """The signatures of one version, spelled as the reference does.

    Errors: NOT_FOUND for what does not serve.
    """
    target = read_target(wire)
    version = serving_version(target, report)
    return WireResponse(200, dump(metadata_body(target.model, version, Spelling.CAMEL)))


def answer_no_method(_: WireRequest, __: StatusReport) -> WireResponse:
    """Classify and regress are known words that the reference does not answer."""
    raise DragomanError(Code.NOT_FOUND, NO_METHOD)


def answer_options(_: WireRequest, __: StatusReport) -> WireResponse:
    """200 without a body, for the requests that web pages send ahead."""
    return WireResponse(200)


def known_model(target: Target, report: StatusReport) -> ModelStatus:
    """The model that is meant, whatever its state.

    Errors: NOT_FOUND.
    """
    model = report.models.get(target.model)
    if model is None:
        raise not_served(Reason.MODEL_UNKNOWN)
    return model


def serving_version(target: Target, report: StatusReport) -> VersionStatus:
    """The version that a request with this target would reach. Of a pipeline any version is the one it has.

    Errors: NOT_FOUND.
    """
    model = known_model(target, report)
    number = asked_version(target, model)
    if model.is_pipeline:
        return serving_pipeline(model)
    if target.label is not None:
        number = model.labels.get(target.label)
        if number is None:
            raise not_served(Reason.LABEL_UNKNOWN)
    found = model.latest_ready if number is None else model.version(number)
    if found is None:
        raise not_served(Reason.VERSION_UNKNOWN)
    if found.state is State.GONE:
        raise not_served(Reason.VERSION_RETIRED)
    if found.state is not State.READY:
        raise not_served(Reason.MODEL_NOT_READY)
    return found


def serving_pipeline(model: ModelStatus) -> VersionStatus:
    """The version of a pipeline.

    Errors: NOT_FOUND, UNAVAILABLE.
    """
    if model.latest_ready is not None:
        return model.latest_ready
    gone = all(version.state is State.GONE for version in model.versions)
    raise not_served(Reason.PIPELINE_REMOVED if gone else Reason.PIPELINE_NOT_READY)


def model_status(versions: tuple[VersionStatus, ...]) -> JsonStatus:
    """The versions as the reference lists them."""
    return {"model_version_status": [version_status(version) for version in versions]}


def version_status(version: VersionStatus) -> JsonStatus:
    """One version. One that failed is LOADING there, as it is tried again whenever somebody looks."""
    if version.state is not State.FAILED:
        return {"version": str(version.version), "state": STATES[version.state], "status": OK}
    code = "FAILED_PRECONDITION" if version.engine == PIPELINE else "UNKNOWN"
    message = version.cause.message if version.cause is not None else ""
    return {
        "version": str(version.version),
        "state": STATES[State.LOADING],
        "status": {"error_code": code, "error_message": message},
    }
