"""The gRPC methods of TensorFlow Serving's services, as far as the reference has them.

KServe's service is that of every listener.
"""

from collections.abc import Iterator
from functools import partial
from typing import Final

from dragoman.core.requests import Verb
from dragoman.core.tensors import DType, Tensor
from dragoman.protocols.ovms.errors import fail_grpc, fail_grpc_predict
from dragoman.protocols.ovms.grpc import bind_predict, parse_predict
from dragoman.protocols.ovms.grpc_status import (
    about_metadata,
    about_status,
    answer_metadata,
    answer_reload,
    answer_status,
)
from dragoman.wire.effort import predict_message_to_read
from dragoman.wire.operation import GrpcRoute, InferOperation, StatusOperation
from dragoman.wire.predict_message import encode_predict
from dragoman.wire.tensor_proto import Written, write_content, write_values

PREDICTION: Final = "/tensorflow.serving.PredictionService"
MODEL: Final = "/tensorflow.serving.ModelService"


def grpc_routes() -> Iterator[GrpcRoute]:
    """Every method that the reference implements; gRPC itself says UNIMPLEMENTED to the others."""
    predict = InferOperation(
        name="ovms.grpc.predict",
        verb=Verb.INFER,
        parse=parse_predict,
        bind=bind_predict,
        encode=partial(encode_predict, written),
        fail=fail_grpc_predict,
        binds_at_once=True,
        reading=predict_message_to_read,
    )
    yield GrpcRoute(f"{PREDICTION}/Predict", predict)
    metadata = StatusOperation("ovms.grpc.metadata", answer_metadata, fail_grpc, about=about_metadata)
    yield GrpcRoute(f"{PREDICTION}/GetModelMetadata", metadata)
    status = StatusOperation("ovms.grpc.status", answer_status, fail_grpc, about=about_status)
    yield GrpcRoute(f"{MODEL}/GetModelStatus", status)
    reload = StatusOperation("ovms.grpc.reload", answer_reload, fail_grpc)
    yield GrpcRoute(f"{MODEL}/HandleReloadConfigRequest", reload)


def written(tensor: Tensor) -> Written:
    """A TensorProto as the reference writes it: numbers as raw bytes, texts each by itself."""
    return write_values(tensor) if tensor.dtype is DType.BYTES else write_content(tensor)
