"""Health, metadata and readiness over REST, as views of the repository's report."""

from typing import Any, Final

from dragoman import __version__
from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.requests import Target
from dragoman.core.signatures import DEFAULT_SIGNATURE, Signature, TensorSpec
from dragoman.core.status import ModelStatus, State, StatusReport, VersionStatus
from dragoman.protocols.kserve_v2.errors import unknown_model
from dragoman.protocols.kserve_v2.platforms import platform_of
from dragoman.protocols.kserve_v2.target import read_target
from dragoman.wire.datatypes import DATATYPES, shown_shape
from dragoman.wire.json_tree import dump
from dragoman.wire.messages import WireRequest, WireResponse

# Triton's names of those that are served.
EXTENSIONS: Final = (
    "classification",
    "binary_tensor_data",
    "parameters",
    "model_repository",
    "model_repository(unload_dependents)",
    "model_configuration",
    "statistics",
    "logging",
)


def answer_live(_: WireRequest, __: StatusReport) -> WireResponse:
    """The process is alive and its event loop turns."""
    return WireResponse(200, dump({"live": True}))


def answer_server_ready(_: WireRequest, report: StatusReport) -> WireResponse:
    """200 once no model is on its way any more and one serves, else 503.

    The protocol's text calls the key `live` in both answers, and KServe's client reads `ready`.
    """
    ready = report.ready
    return WireResponse(200 if ready else 503, dump({"ready": ready, "live": ready}))


def answer_server_metadata(name: str, _: WireRequest, __: StatusReport) -> WireResponse:
    """Name, version and extensions of the server."""
    body = {"name": name, "version": __version__, "extensions": list(EXTENSIONS)}
    return WireResponse(200, dump(body))


def answer_models(_: WireRequest, report: StatusReport) -> WireResponse:
    """The names of all models, as KServe lists them."""
    return WireResponse(200, dump({"models": list(report.models)}))


def answer_metadata(wire: WireRequest, report: StatusReport) -> WireResponse:
    """Inputs, outputs and versions of a model.

    Errors: as `serving_version`.
    """
    target = read_target(wire)
    return WireResponse(200, dump(metadata(target, report)))


def answer_ready(wire: WireRequest, report: StatusReport) -> WireResponse:
    """200 where a model, or one version of it, serves.

    Errors: as `answering_version`.
    """
    target = read_target(wire)
    answering_version(target, report)
    return WireResponse(200, dump({"name": target.model, "ready": True}))


def metadata(target: Target, report: StatusReport) -> dict[str, Any]:
    """A model's metadata: of the version that is asked for, else of the one that serves.

    Errors: as `serving_version`.
    """
    model, serving = serving_version(target, report)
    versions = [serving] if target.version is not None else ready_versions(model)
    signature = default_signature(serving)
    return {
        "name": model.name,
        "versions": [str(version.version) for version in versions],
        "platform": platform(serving),
        "inputs": [tensor_metadata(spec) for spec in signature.inputs.values()] if signature else [],
        "outputs": [tensor_metadata(spec) for spec in signature.outputs.values()] if signature else [],
    }


def serving_version(target: Target, report: StatusReport) -> tuple[ModelStatus, VersionStatus]:
    """The model that is meant and its READY version that a request with this target would reach.

    Errors: NOT_FOUND for a model or a version that there is not, UNAVAILABLE for one that does not serve.
    """
    model = report.models.get(target.model)
    if model is None or not model.known:
        raise unknown_model(target.model)
    if target.version is None or model.any_version:
        found = model.latest_ready
    else:
        found = model.version(target.version)
        if found is None or found.state is State.GONE:
            raise unknown_model(target.model, target.version)
    if found is None or found.state is not State.READY:
        raise not_ready(model, target.version)
    return model, found


def answering_version(target: Target, report: StatusReport) -> VersionStatus:
    """The same version, if calls to it are answered now.

    Errors: as `serving_version`, and UNAVAILABLE for one that has no worker, or is not well.
    """
    model, version = serving_version(target, report)
    if not version.answers:
        ails = version.ails
        why = f"version {version.version} has no worker" if ails is None else ails.message
        message = f"model '{model.name}' is not ready: {why}"
        raise DragomanError(Code.UNAVAILABLE, message, reason=Reason.MODEL_NOT_READY)
    return version


def not_ready(model: ModelStatus, number: int | None) -> DragomanError:
    """The error for a model, or a version of one, that is there and does not serve."""
    versions = [version for version in model.versions if number in (None, version.version)]
    states = ", ".join(f"version {version.version} is {version.state.value}" for version in versions)
    message = f"model '{model.name}' is not ready: {states or 'it has no versions'}"
    return DragomanError(Code.UNAVAILABLE, message, reason=Reason.MODEL_NOT_READY)


def ready_versions(model: ModelStatus) -> list[VersionStatus]:
    """The versions that serve, lowest first."""
    return [version for version in model.versions if version.state is State.READY]


def default_signature(version: VersionStatus) -> Signature | None:
    """The signature that calls of this protocol reach; None where the version has no default."""
    signatures = version.signatures
    only = next(iter(signatures.values())) if len(signatures) == 1 else None
    return signatures.get(DEFAULT_SIGNATURE, only)


def platform(version: VersionStatus) -> str:
    """What runs the version, in the protocol's words."""
    names = platform_of(version.engine)
    return names.name or names.backend


def tensor_metadata(spec: TensorSpec) -> dict[str, Any]:
    """One input or output."""
    return {"name": spec.name, "datatype": DATATYPES[spec.dtype], "shape": shown_shape(spec.shape)}
