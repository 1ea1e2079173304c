"""ModelStatistics over gRPC."""

from google.protobuf.json_format import ParseDict

from dragoman.core.status import StatusReport
from dragoman.protocols.kserve_v2.grpc_status import named
from dragoman.protocols.kserve_v2.operator_messages import messages
from dragoman.protocols.kserve_v2.statistics import all_statistics, statistics
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.protobuf import read_message


def answer_statistics(wire: WireRequest, report: StatusReport) -> WireResponse:
    """The statistics of one version, of every version of a model that serves, or of all that serve.

    Errors: as `status.serving_version`.
    """
    request = read_message(messages().ModelStatisticsRequest, wire.body)
    name, version = request.name, request.version
    found = statistics(named(name, version), report) if name else all_statistics(report)
    answer = ParseDict({"model_stats": list(found)}, messages().ModelStatisticsResponse())
    return WireResponse(0, answer.SerializeToString())
