"""GetModelStatus, GetModelMetadata and the reload over gRPC, as views of the repository's report."""

from typing import TYPE_CHECKING, Final

from dragoman.core.errors import invalid
from dragoman.core.requests import Target
from dragoman.core.status import StatusReport
from dragoman.protocols.ovms.status import model_status, serving_version, wanted_versions
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.metadata_message import SIGNATURE_DEF, metadata_response
from dragoman.wire.model_spec import spec_target
from dragoman.wire.protobuf import read_message
from dragoman.wire.tfs_messages import messages

if TYPE_CHECKING:
    from dragoman.wire.protos.tensorflow_serving.apis.get_model_metadata_pb2 import GetModelMetadataRequest
    from dragoman.wire.protos.tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusRequest

NO_SPEC: Final = "model_spec missing in request"
NO_SIGNATURE: Final = "Invalid signature name"


def answer_status(wire: WireRequest, report: StatusReport) -> WireResponse:
    """A GetModelStatusResponse: the version that is asked for, or all there ever were, lowest first.

    Errors: INVALID_ARGUMENT without a ModelSpec, NOT_FOUND for a model or a version that is unknown.
    """
    target = read_target(read_message(messages().GetModelStatusRequest, wire.body))
    response = messages().GetModelStatusResponse()
    for version in model_status(wanted_versions(target, report))["model_version_status"]:
        response.model_version_status.add(**version | {"version": int(version["version"])})
    return WireResponse(0, response.SerializeToString())


def answer_metadata(wire: WireRequest, report: StatusReport) -> WireResponse:
    """A GetModelMetadataResponse with the signatures of one version.

    Errors: INVALID_ARGUMENT without a ModelSpec, and for other fields than one `signature_def`; those of
    `status.serving_version`.
    """
    request = read_message(messages().GetModelMetadataRequest, wire.body)
    target = read_target(request)
    # The reference refuses a request without a field, too, which its own page on clients shows.
    if request.metadata_field and list(request.metadata_field) != [SIGNATURE_DEF]:
        raise invalid(NO_SIGNATURE)
    version = serving_version(target, report)
    return WireResponse(0, metadata_response(target.model, version, graph_names=False))


def answer_reload(_: WireRequest, __: StatusReport) -> WireResponse:
    """A ReloadConfigResponse that says OK, whatever is asked for: nothing is done, as in the reference."""
    return WireResponse(0, messages().ReloadConfigResponse().SerializeToString())


def read_target(request: "GetModelStatusRequest | GetModelMetadataRequest") -> Target:
    """The target of a request that need not have one.

    Errors: INVALID_ARGUMENT.
    """
    if not request.HasField("model_spec"):
        raise invalid(NO_SPEC)
    return spec_target(request.model_spec, superset=True)


def about_status(wire: WireRequest) -> Target:
    """Which model GetModelStatus is about.

    Errors: INVALID_ARGUMENT.
    """
    return read_target(read_message(messages().GetModelStatusRequest, wire.body))


def about_metadata(wire: WireRequest) -> Target:
    """Which model GetModelMetadata is about.

    Errors: INVALID_ARGUMENT.
    """
    return read_target(read_message(messages().GetModelMetadataRequest, wire.body))
