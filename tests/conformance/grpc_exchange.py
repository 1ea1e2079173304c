"""One call over a connection of its own, bytes in and bytes out."""

from typing import Any

import grpc

from tests.conformance.grpc_cases import GrpcAnswer, GrpcCase
from tests.conformance.grpc_messages import answers_in_parts
from tests.server_process import Address


def call(address: Address, case: GrpcCase) -> GrpcAnswer:
    """How the case's call ends. gRPC's own word for no connection is UNAVAILABLE."""
    with grpc.insecure_channel(f"{address.host}:{address.port}") as channel:
        metadata = tuple(case.metadata.items())
        if (messages := case.streamed) is not None:
            return converse(channel, case, messages)
        if answers_in_parts(case.method):
            parts = channel.unary_stream(f"/{case.method}")
            return gathered(parts(case.payload(), timeout=case.deadline_s, metadata=metadata))
        method = channel.unary_unary(f"/{case.method}")
        try:
            message = method(case.payload(), timeout=case.deadline_s, metadata=metadata)
        except grpc.RpcError as error:
            return GrpcAnswer(error.code().name, error.details() or "", b"")
    return GrpcAnswer("OK", "", message)


def converse(channel: grpc.Channel, case: GrpcCase, messages: list[bytes]) -> GrpcAnswer:
    """How a stream of these messages ends, and what comes before."""
    call = channel.stream_stream(f"/{case.method}")(
        iter(messages), timeout=case.deadline_s, metadata=tuple(case.metadata.items())
    )
    return gathered(call)


def gathered(call: Any) -> GrpcAnswer:
    """All messages of a call, and how it ends."""
    found: list[bytes] = []
    try:
        found.extend(call)
    except grpc.RpcError as error:
        return GrpcAnswer(error.code().name, error.details() or "", b"", found)
    return GrpcAnswer("OK", "", b"", found)
