"""ModelConfig over gRPC."""

from dragoman.core.status import StatusReport
from dragoman.protocols.kserve_v2.configuration import model_config
from dragoman.protocols.kserve_v2.grpc_status import named
from dragoman.protocols.kserve_v2.operator_messages import messages
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.protobuf import read_message


def answer_configuration(wire: WireRequest, report: StatusReport) -> WireResponse:
    """The configuration of one version: of the one that is asked for, else of the one that serves.

    Errors: as `status.serving_version`.
    """
    request = read_message(messages().ModelConfigRequest, wire.body)
    config = model_config(named(request.name, request.version), report)
    return WireResponse(0, messages().ModelConfigResponse(config=config).SerializeToString())
