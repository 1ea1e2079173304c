"""Liveness, the list of models and their readiness, as views of the repository's report."""

from dragoman.core.requests import Target
from dragoman.core.status import ModelStatus, StatusReport, VersionStatus
from dragoman.wire.json_tree import dump
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.target import read_target
from dragoman.wire.v1.wording import not_ready, unknown_model, unknown_version


def answer_alive(_: WireRequest, __: StatusReport) -> WireResponse:
    """The server answers: all that KServe's V1 client asks for."""
    return WireResponse(200, dump({"status": "alive"}))


def answer_models(_: WireRequest, report: StatusReport) -> WireResponse:
    """The names of every model."""
    return WireResponse(200, dump({"models": list(report.models)}))


def answer_ready(wire: WireRequest, report: StatusReport) -> WireResponse:
    """200 for a model, or a version of one, that serves.

    Errors: NOT_FOUND for what there is not, UNAVAILABLE for what is not ready.
    """
    target = read_target(wire, None, superset=False)
    model = report.models.get(target.model)
    if model is None:
        raise unknown_model(target.model)
    version = asked_version(model, target)
    if version is None or not version.answers:
        raise not_ready(model.name)
    return WireResponse(200, dump({"name": model.name, "ready": True}))


def asked_version(model: ModelStatus, target: Target) -> VersionStatus | None:
    """The version that is asked for; without a wish the one that serves, where there is any.

    Errors: NOT_FOUND for a version or a label that the model does not have.
    """
    number = target.version if target.label is None else model.labels.get(target.label)
    if number is None and target.label is None:
        return model.latest_ready
    version = None if number is None else model.version(number)
    if version is None:
        raise unknown_version(target)
    return version
