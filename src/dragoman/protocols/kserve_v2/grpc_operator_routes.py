"""The methods of Triton's extensions for operators: repository, statistics, settings, shared memory."""

from typing import Final

from dragoman.core.access import Permission
from dragoman.protocols.kserve_v2.grpc_configuration import answer_configuration
from dragoman.protocols.kserve_v2.grpc_control import (
    answer_index,
    encode_load,
    encode_unload,
    fail_load,
    fail_unload,
    parse_load,
    parse_unload,
)
from dragoman.protocols.kserve_v2.grpc_errors import fail_status
from dragoman.protocols.kserve_v2.grpc_statistics import answer_statistics
from dragoman.protocols.kserve_v2.logging_settings import (
    encode_log_settings,
    fail_log_settings,
    parse_log_settings,
)
from dragoman.protocols.kserve_v2.shared_memory import (
    answer_cuda_register,
    answer_cuda_status,
    answer_cuda_unregister,
    answer_system_register,
    answer_system_status,
    answer_system_unregister,
)
from dragoman.protocols.kserve_v2.tracing import answer_trace_setting
from dragoman.wire.operation import ControlOperation, GrpcRoute, StatusOperation

SERVICE: Final = "/inference.GRPCInferenceService"

STATISTICS: Final = StatusOperation(
    "kserve_v2.grpc.statistics", answer_statistics, fail_status, Permission.METRICS
)
CONFIGURATION: Final = StatusOperation("kserve_v2.grpc.configuration", answer_configuration, fail_status)

INDEX: Final = StatusOperation("kserve_v2.grpc.index", answer_index, fail_status)
LOAD: Final = ControlOperation("kserve_v2.grpc.load", parse_load, encode_load, fail_load)
UNLOAD: Final = ControlOperation("kserve_v2.grpc.unload", parse_unload, encode_unload, fail_unload)
TRACE: Final = StatusOperation("kserve_v2.grpc.trace", answer_trace_setting, fail_status)
LOG: Final = ControlOperation(
    "kserve_v2.grpc.log", parse_log_settings, encode_log_settings, fail_log_settings
)
MEMORY: Final = {
    "SystemSharedMemoryStatus": answer_system_status,
    "SystemSharedMemoryRegister": answer_system_register,
    "SystemSharedMemoryUnregister": answer_system_unregister,
    "CudaSharedMemoryStatus": answer_cuda_status,
    "CudaSharedMemoryRegister": answer_cuda_register,
    "CudaSharedMemoryUnregister": answer_cuda_unregister,
}

# MLServer has the three calls a second time, in a service of their own whose messages are the same.
REPOSITORY_ROUTES: Final = tuple(
    GrpcRoute(f"{service}/{method}", operation)
    for service in (SERVICE, "/inference.model_repository.ModelRepositoryService")
    for method, operation in (
        ("RepositoryIndex", INDEX),
        ("RepositoryModelLoad", LOAD),
        ("RepositoryModelUnload", UNLOAD),
    )
)
MEMORY_ROUTES: Final = tuple(
    GrpcRoute(
        f"{SERVICE}/{method}",
        StatusOperation(f"kserve_v2.grpc.{method}", answer, fail_status, permission=None),
    )
    for method, answer in MEMORY.items()
)
GRPC_OPERATOR_ROUTES: Final = (
    GrpcRoute(f"{SERVICE}/ModelStatistics", STATISTICS),
    GrpcRoute(f"{SERVICE}/ModelConfig", CONFIGURATION),
    GrpcRoute(f"{SERVICE}/TraceSetting", TRACE),
    GrpcRoute(f"{SERVICE}/LogSettings", LOG),
    *REPOSITORY_ROUTES,
    *MEMORY_ROUTES,
)
