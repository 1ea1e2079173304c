"""The methods of Triton's extensions for operators: statistics, configuration, the model repository."""

from typing import Final

from dragoman.core.access import Permission
from dragoman.protocols.kserve_v2.grpc_configuration import answer_configuration
from dragoman.protocols.kserve_v2.grpc_errors import fail_status
from dragoman.protocols.kserve_v2.grpc_statistics import answer_statistics
from dragoman.wire.operation import GrpcRoute, StatusOperation

SERVICE: Final = "/inference.GRPCInferenceService"

STATISTICS: Final = StatusOperation(
    "kserve_v2.grpc.statistics", answer_statistics, fail_status, Permission.METRICS
)
CONFIGURATION: Final = StatusOperation("kserve_v2.grpc.configuration", answer_configuration, fail_status)

GRPC_OPERATOR_ROUTES: Final = (
    GrpcRoute(f"{SERVICE}/ModelStatistics", STATISTICS),
    GrpcRoute(f"{SERVICE}/ModelConfig", CONFIGURATION),
)
