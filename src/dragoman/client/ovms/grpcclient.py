"""What is for gRPC, by the names that `ovmsclient.grpcclient` gives it."""

from dragoman.client.ovms.serving_client import make_grpc_client as make_client
from dragoman.client.ovms.tensors import make_tensor_proto

__all__ = ["make_client", "make_tensor_proto"]
