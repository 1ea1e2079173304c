"""Views of the state of the models for operators and orchestrators."""

from collections.abc import Mapping
from typing import Any

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.status import Cause, ModelStatus, StatusReport, VersionStatus, WorkersStatus
from dragoman.wire.json_tree import dump
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.percent import percent_decoded


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


def show(wire: WireRequest, report: StatusReport) -> WireResponse:
    """One model with all that is known of it; what `dragoman show` draws.

    Errors: NOT_FOUND.
    """
    name = percent_decoded(wire.params["model"])
    model = report.models.get(name)
    if model is None:
        raise DragomanError(Code.NOT_FOUND, f"there is no model {name!r}", reason=Reason.MODEL_UNKNOWN)
    view = model_view(model)
    for shown, version in zip(view["versions"], model.versions, strict=True):
        shown["signatures"] = [signature_view(signature) for signature in version.signatures.values()]
        shown["loaded_at_s"] = version.loaded_at_s
        shown["workers"] = None if version.workers is None else workers_view(version.workers())
    return WireResponse(200, dump(view))


def model_view(model: ModelStatus) -> dict[str, Any]:
    """One model as JSON; `cause` tells why it has no versions, `notes` what an operator should know."""
    return {
        "name": model.name,
        "labels": dict(model.labels),
        "cause": cause_view(model.cause),
        "notes": list(model.notes),
        "versions": [version_view(version) for version in model.versions],
    }


def version_view(version: VersionStatus) -> dict[str, Any]:
    """One version as JSON; `cause` is null unless something is wrong, `name` where it is just a number.

    `doing` is there while it is loaded and that takes minutes.
    """
    doing = {"doing": version.doing} if version.doing else {}
    return {
        "version": version.version,
        "name": version.name,
        "state": version.state.value,
        "engine": version.engine,
        "cause": cause_view(version.cause or version.ails),
        "signatures": sorted(version.signatures),
        **doing,
    }


def workers_view(workers: WorkersStatus) -> dict[str, Any]:
    """The workers of a version as JSON."""
    return {
        "min": workers.minimum,
        "max": workers.maximum,
        "healthy": workers.healthy,
        "workers": [
            {
                "id": worker.id,
                "state": worker.state.value,
                "pid": worker.pid,
                "started_at_s": worker.started_at_s,
                "memory_bytes": worker.memory_bytes,
                "gpu": worker.gpu,
            }
            for worker in workers.workers
        ],
    }


def cause_view(cause: Cause | None) -> dict[str, str] | None:
    """What is wrong, as JSON; null if nothing is."""
    return None if cause is None else {"code": cause.code.value, "message": cause.message}


def signature_view(signature: Signature) -> dict[str, Any]:
    """One signature as JSON."""
    return {
        "name": signature.name,
        "method": signature.method.value,
        "inputs": tensors_view(signature.inputs),
        "outputs": tensors_view(signature.outputs),
    }


def tensors_view(specs: Mapping[str, TensorSpec]) -> list[dict[str, Any]]:
    """Inputs or outputs as JSON; a size that is open is null, and so is the shape where even the rank is."""
    return [
        {"name": name, "dtype": spec.dtype.value, "shape": None if spec.shape is None else list(spec.shape)}
        for name, spec in specs.items()
    ]
