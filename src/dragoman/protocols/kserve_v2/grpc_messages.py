"""The messages that are left to the protobuf library; their classes are made when first used."""

from functools import cache
from typing import TYPE_CHECKING

from msgspec import Struct

from dragoman.wire.protobuf import message_classes

if TYPE_CHECKING:
    from dragoman.wire.protos.inference import infer_pb2, server_pb2


class Messages(Struct, frozen=True):
    """Classes by the names of the messages."""

    InferTensorContents: "type[infer_pb2.InferTensorContents]"
    ServerLiveResponse: "type[server_pb2.ServerLiveResponse]"
    ServerReadyResponse: "type[server_pb2.ServerReadyResponse]"
    ServerMetadataResponse: "type[server_pb2.ServerMetadataResponse]"
    ModelReadyRequest: "type[server_pb2.ModelReadyRequest]"
    ModelReadyResponse: "type[server_pb2.ModelReadyResponse]"
    ModelMetadataRequest: "type[server_pb2.ModelMetadataRequest]"
    ModelMetadataResponse: "type[server_pb2.ModelMetadataResponse]"


@cache
def messages() -> Messages:
    """The classes, which belong to the shared pool."""
    return Messages(**message_classes("inference", Messages.__struct_fields__))
