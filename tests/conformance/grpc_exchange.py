"""One call over a connection of its own, bytes in and bytes out."""

import grpc

from tests.conformance.grpc_cases import GrpcAnswer, GrpcCase
from tests.server_process import Address


def call(address: Address, case: GrpcCase) -> GrpcAnswer:
    """How the case's call ends. gRPC's own word for no connection is UNAVAILABLE."""
    with grpc.insecure_channel(f"{address.host}:{address.port}") as channel:
        method = channel.unary_unary(f"/{case.method}")
        metadata = tuple(case.metadata.items())
        try:
            message = method(case.payload(), timeout=case.deadline_s, metadata=metadata)
        except grpc.RpcError as error:
            return GrpcAnswer(error.code().name, error.details() or "", b"")
    return GrpcAnswer("OK", "", message)
