"""Views of the state of the models for operators and orchestrators."""

from typing import Any

from dragoman.core.status import ModelStatus, StatusReport, VersionStatus
from dragoman.wire.json_tree import dump
from dragoman.wire.messages import WireRequest, WireResponse


def health(_: WireRequest, __: StatusReport) -> WireResponse:
    """The process is alive and its event loop turns."""
    return WireResponse(200, dump({"status": "alive"}))


def readiness(_: WireRequest, report: StatusReport) -> WireResponse:
    """200 once no model is on its way any more and one serves; a model that failed for good is only named.

    Were a broken model to make the whole server unready, an orchestrator would take the good ones away with
    it.
    """
    idle = {name: model for name, model in report.models.items() if model.latest_ready is None}
    failed = [name for name, model in idle.items() if model.failed]
    ready = len(failed) == len(idle) and (not idle or len(idle) < len(report.models))
    waiting = [name for name in idle if name not in failed]
    return WireResponse(200 if ready else 503, dump({"ready": ready, "loading": waiting, "failed": failed}))


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
