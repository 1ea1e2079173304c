"""The messages that are left to the protobuf library; their classes are made when first used."""

from functools import cache
from typing import TYPE_CHECKING

from msgspec import Struct

from dragoman.wire.protobuf import message_class

if TYPE_CHECKING:
    from dragoman.wire.protos.google.rpc import error_details_pb2, status_pb2
    from dragoman.wire.protos.torchserve import inference_pb2

PACKAGE = "org.pytorch.serve.grpc.inference"


class Messages(Struct, frozen=True):
    """Classes by the names of the messages."""

    ErrorInfo: "type[error_details_pb2.ErrorInfo]"
    PredictionResponse: "type[inference_pb2.PredictionResponse]"
    Status: "type[status_pb2.Status]"
    TorchServeHealthResponse: "type[inference_pb2.TorchServeHealthResponse]"


@cache
def messages() -> Messages:
    """The classes, which belong to the shared pool."""
    return Messages(
        ErrorInfo=message_class("google.rpc.ErrorInfo"),
        PredictionResponse=message_class(f"{PACKAGE}.PredictionResponse"),
        Status=message_class("google.rpc.Status"),
        TorchServeHealthResponse=message_class(f"{PACKAGE}.TorchServeHealthResponse"),
    )
