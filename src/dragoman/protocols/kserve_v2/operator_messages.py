"""The messages of Triton's extensions for operators; their classes are made when first used."""

from functools import cache
from typing import TYPE_CHECKING

from msgspec import Struct

from dragoman.wire.protobuf import message_classes

if TYPE_CHECKING:
    from dragoman.wire.protos.inference import (
        model_config_pb2,
        model_repository_pb2,
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
    RepositoryIndexRequest: "type[model_repository_pb2.RepositoryIndexRequest]"
    RepositoryIndexResponse: "type[model_repository_pb2.RepositoryIndexResponse]"
    RepositoryModelLoadRequest: "type[model_repository_pb2.RepositoryModelLoadRequest]"
    RepositoryModelLoadResponse: "type[model_repository_pb2.RepositoryModelLoadResponse]"
    RepositoryModelUnloadRequest: "type[model_repository_pb2.RepositoryModelUnloadRequest]"
    RepositoryModelUnloadResponse: "type[model_repository_pb2.RepositoryModelUnloadResponse]"
    SystemSharedMemoryStatusRequest: "type[shared_memory_pb2.SystemSharedMemoryStatusRequest]"
    SystemSharedMemoryStatusResponse: "type[shared_memory_pb2.SystemSharedMemoryStatusResponse]"
    SystemSharedMemoryUnregisterResponse: "type[shared_memory_pb2.SystemSharedMemoryUnregisterResponse]"
    CudaSharedMemoryStatusRequest: "type[shared_memory_pb2.CudaSharedMemoryStatusRequest]"
    CudaSharedMemoryStatusResponse: "type[shared_memory_pb2.CudaSharedMemoryStatusResponse]"
    CudaSharedMemoryUnregisterResponse: "type[shared_memory_pb2.CudaSharedMemoryUnregisterResponse]"


@cache
def messages() -> Messages:
    """The classes, which belong to the shared pool."""
    return Messages(**message_classes("inference", Messages.__struct_fields__))
