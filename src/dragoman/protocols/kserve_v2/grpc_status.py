"""Health, metadata and readiness over gRPC, as views of the repository's report."""

from dragoman import __version__
from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import Target
from dragoman.core.status import StatusReport
from dragoman.protocols.kserve_v2.grpc_messages import messages
from dragoman.protocols.kserve_v2.status import EXTENSIONS, answering_version, metadata
from dragoman.protocols.kserve_v2.target import read_version
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.protobuf import read_message

NOT_SERVING = frozenset({Code.NOT_FOUND, Code.UNAVAILABLE})


def answer_live(_: WireRequest, __: StatusReport) -> WireResponse:
    """The process is alive and its event loop turns."""
    return WireResponse(0, messages().ServerLiveResponse(live=True).SerializeToString())


def answer_server_ready(_: WireRequest, report: StatusReport) -> WireResponse:
    """Whether no model is on its way any more and one serves. Not to be ready is an answer and no failure."""
    return WireResponse(0, messages().ServerReadyResponse(ready=report.ready).SerializeToString())


def answer_server_metadata(name: str, _: WireRequest, __: StatusReport) -> WireResponse:
    """Name, version and extensions of the server."""
    answer = messages().ServerMetadataResponse(name=name, version=__version__, extensions=EXTENSIONS)
    return WireResponse(0, answer.SerializeToString())


def answer_model_ready(wire: WireRequest, report: StatusReport) -> WireResponse:
    """Whether the model, or one version of it, serves. An unknown model does not, which is no failure."""
    request = read_message(messages().ModelReadyRequest, wire.body)
    ready = True
    try:
        answering_version(named(request.name, request.version), report)
    except DragomanError as error:
        if error.code not in NOT_SERVING:  # the caller may not know
            raise
        ready = False
    return WireResponse(0, messages().ModelReadyResponse(ready=ready).SerializeToString())


def answer_metadata(wire: WireRequest, report: StatusReport) -> WireResponse:
    """Inputs, outputs and versions of a model.

    Errors: as `status.serving_version`.
    """
    request = read_message(messages().ModelMetadataRequest, wire.body)
    answer = messages().ModelMetadataResponse(**metadata(named(request.name, request.version), report))
    return WireResponse(0, answer.SerializeToString())


def named(name: str, version: str) -> Target:
    """The model that is meant, and the version where the message names one.

    Errors: NOT_FOUND for a version that no model can have.
    """
    return Target(name, read_version(name, version) if version else None)


def about_ready(wire: WireRequest) -> Target:
    """Which model ModelReady is about.

    Errors: INVALID_ARGUMENT, NOT_FOUND.
    """
    request = read_message(messages().ModelReadyRequest, wire.body)
    return named(request.name, request.version)


def about_metadata(wire: WireRequest) -> Target:
    """Which model ModelMetadata is about.

    Errors: INVALID_ARGUMENT, NOT_FOUND.
    """
    request = read_message(messages().ModelMetadataRequest, wire.body)
    return named(request.name, request.version)
