"""The messages of Triton's extensions for operators; their classes are made when first used."""

from functools import cache
from typing import TYPE_CHECKING

from msgspec import Struct

from dragoman.wire.protobuf import message_classes

if TYPE_CHECKING:
    from dragoman.wire.protos.inference import (
        model_config_pb2,
        operator_settings_pb2,
        repository_pb2,
        shared_memory_pb2,
        statistics_pb2,
    )


class Messages(Struct, frozen=True):
    """Classes by the names of the messages."""

    ModelConfig: "type[model_config_pb2.ModelConfig]"
    ModelConfigRequest: "type[model_config_pb2.ModelConfigRequest]"
    ModelConfigResponse: "type[model_config_pb2.ModelConfigResponse]"
    ModelStatisticsRequest: "type[statistics_pb2.ModelStatisticsRequest]"
    ModelStatisticsResponse: "type[statistics_pb2.ModelStatisticsResponse]"
    RepositoryIndexRequest: "type[repository_pb2.RepositoryIndexRequest]"
    RepositoryIndexResponse: "type[repository_pb2.RepositoryIndexResponse]"
    RepositoryModelLoadRequest: "type[repository_pb2.RepositoryModelLoadRequest]"
    RepositoryModelLoadResponse: "type[repository_pb2.RepositoryModelLoadResponse]"
    RepositoryModelUnloadRequest: "type[repository_pb2.RepositoryModelUnloadRequest]"
    RepositoryModelUnloadResponse: "type[repository_pb2.RepositoryModelUnloadResponse]"
    SystemSharedMemoryStatusRequest: "type[shared_memory_pb2.SystemSharedMemoryStatusRequest]"
    SystemSharedMemoryStatusResponse: "type[shared_memory_pb2.SystemSharedMemoryStatusResponse]"
    SystemSharedMemoryRegisterRequest: "type[shared_memory_pb2.SystemSharedMemoryRegisterRequest]"
    SystemSharedMemoryUnregisterRequest: "type[shared_memory_pb2.SystemSharedMemoryUnregisterRequest]"
    SystemSharedMemoryUnregisterResponse: "type[shared_memory_pb2.SystemSharedMemoryUnregisterResponse]"
    CudaSharedMemoryStatusRequest: "type[shared_memory_pb2.CudaSharedMemoryStatusRequest]"
    CudaSharedMemoryStatusResponse: "type[shared_memory_pb2.CudaSharedMemoryStatusResponse]"
    CudaSharedMemoryRegisterRequest: "type[shared_memory_pb2.CudaSharedMemoryRegisterRequest]"
    CudaSharedMemoryUnregisterRequest: "type[shared_memory_pb2.CudaSharedMemoryUnregisterRequest]"
    CudaSharedMemoryUnregisterResponse: "type[shared_memory_pb2.CudaSharedMemoryUnregisterResponse]"
    TraceSettingRequest: "type[operator_settings_pb2.TraceSettingRequest]"
    TraceSettingResponse: "type[operator_settings_pb2.TraceSettingResponse]"
    LogSettingsRequest: "type[operator_settings_pb2.LogSettingsRequest]"
    LogSettingsResponse: "type[operator_settings_pb2.LogSettingsResponse]"


@cache
def messages() -> Messages:
    """The classes, which belong to the shared pool."""
    return Messages(**message_classes("inference", Messages.__struct_fields__))
