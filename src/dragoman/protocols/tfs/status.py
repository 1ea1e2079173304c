"""Status and metadata over REST, as views of the repository's report."""

from dragoman.core.errors import Code, DragomanError, Reason, invalid
from dragoman.core.requests import Target
from dragoman.core.status import ModelStatus, State, StatusReport, VersionStatus
from dragoman.protocols.tfs.errors import not_served
from dragoman.wire.json_tree import dump
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.signature_map import Spelling, metadata_body
from dragoman.wire.target import read_target
from dragoman.wire.v1_models import answer_model
from dragoman.wire.version_states import known_model, version_state, wanted_versions


def answer_status(wire: WireRequest, report: StatusReport) -> WireResponse:
    """The states of a model's versions, highest first; always 200 for a model that is known.

    A label in the path is not looked at, as in the reference.
    Errors: NOT_FOUND for a model or a version that is unknown.
    """
    target = read_target(wire, None, superset=False)
    versions = wanted_versions(known_model(False, report, target), target)
    return WireResponse(200, dump({"model_version_status": [version_state(each) for each in versions]}))


def answer_metadata(superset: bool, wire: WireRequest, report: StatusReport) -> WireResponse:
    """The signatures of one version.

    Errors: NOT_FOUND for what is not served, INVALID_ARGUMENT for an unknown label, UNAVAILABLE on the
    superset for a model that is known but has no version ready.
    """
    if not wire.path.endswith("/metadata"):  # /METADATA is the status in the reference
        return answer_model(wire, report) if superset else answer_status(wire, report)
    target = read_target(wire, None, superset)
    version = serving_version(superset, report, target)
    spelling = Spelling.BOTH if superset else Spelling.SNAKE
    return WireResponse(200, dump(metadata_body(target.model, version, spelling)))


def answer_nameless(_: WireRequest, __: StatusReport) -> WireResponse:
    """The reference has no list of models."""
    raise invalid("Missing model name in request.")


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
