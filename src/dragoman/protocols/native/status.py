"""Views of the state of the models for operators and orchestrators."""

from typing import Any

from dragoman.core.status import ModelStatus, StatusReport, VersionStatus
from dragoman.wire.json_tree import dump
from dragoman.wire.messages import WireRequest, WireResponse


def health(_: WireRequest, __: StatusReport) -> WireResponse:
    """The process is alive and its event loop turns."""
    return WireResponse(200, dump({"status": "alive"}))


def readiness(_: WireRequest, report: StatusReport) -> WireResponse:
    """200 once no model is on its way any more and one serves; a model that failed for good is only named."""
    idle = [model for model in report.models.values() if model.latest_ready is None]
    failed = [model.name for model in idle if model.failed]
    waiting = [model.name for model in idle if not model.failed]
    status = 200 if report.ready else 503
    return WireResponse(status, dump({"ready": report.ready, "loading": waiting, "failed": failed}))


def models(_: WireRequest, report: StatusReport) -> WireResponse:
    """Every model with its labels, versions, states, engines and causes; what `dragoman models` draws."""
    return WireResponse(200, dump({"models": [model_view(model) for model in report.models.values()]}))


def model_view(model: ModelStatus) -> dict[str, Any]:
    """One model as JSON."""
    return {
        "name": model.name,
        "labels": dict(model.labels),
        "versions": [version_view(version) for version in model.versions],
    }


def version_view(version: VersionStatus) -> dict[str, Any]:
    """One version as JSON; `cause` is null unless something is wrong."""
    cause = version.cause
    return {
        "version": version.version,
        "state": version.state.value,
        "engine": version.engine,
        "cause": None if cause is None else {"code": cause.code.value, "message": cause.message},
        "signatures": sorted(version.signatures),
    }
