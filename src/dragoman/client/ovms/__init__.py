"""`ovmsclient`, which OpenVINO Model Server's own project has given up: the same calls, from here.

    from dragoman.client.ovms import make_grpc_client  # before: from ovmsclient import make_grpc_client

    client = make_grpc_client("localhost:9000")
    results = client.predict(inputs={"input_name": data}, model_name="my_model")

It speaks TensorFlow Serving's protocol, over gRPC or HTTP, to any server that does, and needs neither
TensorFlow nor `ovmsclient`. What it does otherwise is told in docs/ovmsclient.md.
"""

from dragoman.client.ovms import grpcclient, httpclient
from dragoman.client.ovms.answers import ModelMetadata, TensorInfo, VersionStatus
from dragoman.client.ovms.errors import (
    BadResponseError,
    InvalidInputError,
    ModelNotFoundError,
    ModelServerError,
)
from dragoman.client.ovms.serving_client import ServingClient, make_grpc_client, make_http_client
from dragoman.client.ovms.tensors import make_tensor_proto

__all__ = [
    "BadResponseError",
    "InvalidInputError",
    "ModelMetadata",
    "ModelNotFoundError",
    "ModelServerError",
    "ServingClient",
    "TensorInfo",
    "VersionStatus",
    "grpcclient",
    "httpclient",
    "make_grpc_client",
    "make_http_client",
    "make_tensor_proto",
]
