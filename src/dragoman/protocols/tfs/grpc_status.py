"""GetModelStatus and GetModelMetadata over gRPC, as views of the repository's report."""

from typing import TYPE_CHECKING

from dragoman.core.errors import DragomanError, invalid
from dragoman.core.requests import Target
from dragoman.core.status import StatusReport
from dragoman.protocols.tfs.errors import grpc_error
from dragoman.protocols.tfs.status import serving_version
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.metadata_message import SIGNATURE_DEF, metadata_response
from dragoman.wire.model_spec import spec_target
from dragoman.wire.protobuf import read_message
from dragoman.wire.tfs_messages import messages
from dragoman.wire.version_states import known_model, version_state, wanted_versions

if TYPE_CHECKING:
    from dragoman.wire.protos.tensorflow_serving.apis.get_model_metadata_pb2 import GetModelMetadataRequest
    from dragoman.wire.protos.tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusRequest


def answer_status(superset: bool, wire: WireRequest, report: StatusReport) -> WireResponse:
    """A GetModelStatusResponse: the version that is asked for, or all of them, highest first.

    A label is not looked at, as in the reference.
    Errors: INVALID_ARGUMENT without a ModelSpec, NOT_FOUND for a model or a version that is unknown.
    """
    request = read_message(messages().GetModelStatusRequest, wire.body)
    target = read_target(superset, request)
    response = messages().GetModelStatusResponse()
    for version in wanted_versions(known_model(superset, report, target), target):
        response.model_version_status.add(**version_state(version) | {"version": version.version})
    return WireResponse(0, response.SerializeToString())


def answer_metadata(superset: bool, wire: WireRequest, report: StatusReport) -> WireResponse:
    """A GetModelMetadataResponse with the signatures of one version.

    The superset gives them also where no field is asked for, as published examples of a client do.
    Errors: INVALID_ARGUMENT without a ModelSpec and for any field but `signature_def`; all of
    `status.serving_version`.
    """
    request = read_message(messages().GetModelMetadataRequest, wire.body)
    target = read_target(superset, request)
    if not request.metadata_field and not superset:
        raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
    for name in request.metadata_field:
        if name != SIGNATURE_DEF:
            raise invalid(f"Metadata field {name} is not supported")
    version = serving_version(superset, report, target)
    return WireResponse(0, metadata_response(target.model, version))


def read_target(superset: bool, request: "GetModelStatusRequest | GetModelMetadataRequest") -> Target:
    """The target of a request that need not have one.

    Errors: INVALID_ARGUMENT.
    """
    if not request.HasField("model_spec"):
        raise invalid("Missing ModelSpec")
    return spec_target(request.model_spec, superset)


def about_status(wire: WireRequest) -> Target:
    """Which model GetModelStatus is about.

    Errors: INVALID_ARGUMENT.
    """
    return read_target(True, read_message(messages().GetModelStatusRequest, wire.body))


def about_metadata(wire: WireRequest) -> Target:
    """Which model GetModelMetadata is about.

    Errors: INVALID_ARGUMENT.
    """
    return read_target(True, read_message(messages().GetModelMetadataRequest, wire.body))


def fail_status(_: None, error: DragomanError) -> WireResponse:
    """A failed view, which words its errors itself."""
    return grpc_error(error)
