"""V2 over gRPC: messages built, answers read."""

from dragoman.client.rpc.codec import RpcCodec

__all__ = ["RpcCodec"]
