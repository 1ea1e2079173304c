"""Health and readiness, as views of the repository's report."""

from dragoman.core.status import StatusReport
from dragoman.protocols.torchserve.answers import Manner, document
from dragoman.protocols.torchserve.errors import unknown_model
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.percent import percent_decoded


def answer_ping(manner: Manner, _: WireRequest, report: StatusReport) -> WireResponse:
    """200 where every model has the workers that it needs, else 500, which is no error object."""
    return document(manner, 200 if report.healthy else 500, health(report))


def health(report: StatusReport) -> dict[str, str]:
    """What is told of that."""
    return {"status": "Healthy" if report.healthy else "Unhealthy"}


def answer_ready(manner: Manner, wire: WireRequest, report: StatusReport) -> WireResponse:
    """KServe's readiness of a model, whatever that is.

    Errors: NOT_FOUND for a model that there is not.
    """
    name = percent_decoded(wire.params["model"])
    model = report.models.get(name)
    if model is None:
        raise unknown_model(name)
    version = model.latest_ready
    return document(manner, 200, {"name": name, "ready": version is not None and version.answers})
