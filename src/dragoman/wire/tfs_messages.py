"""The messages that are left to the protobuf library; their classes are made when first used."""

from functools import cache
from typing import TYPE_CHECKING

from msgspec import Struct

from dragoman.wire.protobuf import message_classes

if TYPE_CHECKING:
    from dragoman.wire.protos.tensorflow_serving.apis import (
        classification_pb2,
        get_model_metadata_pb2,
        get_model_status_pb2,
        model_management_pb2,
        model_pb2,
        regression_pb2,
    )


class Messages(Struct, frozen=True):
    """Classes by the names of the messages."""

    ModelSpec: "type[model_pb2.ModelSpec]"
    ClassificationResult: "type[classification_pb2.ClassificationResult]"
    RegressionResult: "type[regression_pb2.RegressionResult]"
    GetModelMetadataRequest: "type[get_model_metadata_pb2.GetModelMetadataRequest]"
    GetModelMetadataResponse: "type[get_model_metadata_pb2.GetModelMetadataResponse]"
    SignatureDefMap: "type[get_model_metadata_pb2.SignatureDefMap]"
    GetModelStatusRequest: "type[get_model_status_pb2.GetModelStatusRequest]"
    GetModelStatusResponse: "type[get_model_status_pb2.GetModelStatusResponse]"
    ReloadConfigRequest: "type[model_management_pb2.ReloadConfigRequest]"
    ReloadConfigResponse: "type[model_management_pb2.ReloadConfigResponse]"


@cache
def messages() -> Messages:
    """The classes, which belong to the shared pool."""
    return Messages(**message_classes("tensorflow.serving", Messages.__struct_fields__))
