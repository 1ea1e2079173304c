"""The protocol's HTTP numbers, gRPC codes and sentences for every failure.

The protocol's text leaves both to the server. Where Triton, KServe and MLServer differ, the answer is one
that every client takes; what users search for is worded as Triton words it.
"""

from collections.abc import Mapping
from math import ceil
from typing import Final

from dragoman.core.errors import NO_MODEL, NO_VERSION, Code, DragomanError, Reason
from dragoman.core.requests import Target
from dragoman.wire.grpc_errors import GRPC_STATUS
from dragoman.wire.json_tree import dump
from dragoman.wire.messages import Headers, WireRequest, WireResponse
from dragoman.wire.operation import Draft
from dragoman.wire.v2.compression import ENCODINGS

HTTP_STATUS: Final[Mapping[Code, int]] = {
    Code.INVALID_ARGUMENT: 400,
    Code.UNAUTHENTICATED: 401,
    Code.PERMISSION_DENIED: 403,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 400,  # Triton's number for a region or a model that is there already
    Code.FAILED_PRECONDITION: 400,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.TOO_LARGE: 413,
    Code.CANCELLED: 499,
    Code.DEADLINE_EXCEEDED: 504,
    Code.UNIMPLEMENTED: 501,
    Code.UNAVAILABLE: 503,
    Code.INTERNAL: 500,
}
REASON_STATUS: Final[Mapping[Reason, int]] = {
    Reason.QUEUE_FULL: 503,
    Reason.METHOD_NOT_ALLOWED: 405,
    Reason.ENCODING_UNKNOWN: 415,
    Reason.SIGNATURE_UNKNOWN: 400,  # a 404 would say that the model is not there
}
REASON_GRPC_STATUS: Final[Mapping[Reason, int]] = {
    Reason.QUEUE_FULL: 14,
    Reason.SIGNATURE_UNKNOWN: 3,
}
SERVICE_UNAVAILABLE: Final = 503
MOST_CHARACTERS: Final = 2000  # of a message over gRPC, whose clients take 8 KiB of metadata
RETRY_AFTER_S: Final = 1  # where the failure itself does not say


def answer_error(error: DragomanError) -> WireResponse:
    """`{"error": message}` with the code's number."""
    status = HTTP_STATUS[error.code]
    if error.reason is not None:
        status = REASON_STATUS.get(error.reason, status)
    headers: Headers = []
    if error.retry_after_s is not None or status == SERVICE_UNAVAILABLE:
        headers.append((b"Retry-After", b"%d" % ceil(error.retry_after_s or RETRY_AFTER_S)))
    if error.reason is Reason.ENCODING_UNKNOWN:
        headers.append((b"Accept-Encoding", ENCODINGS))
    message = error.message.encode("utf-8", "replace").decode()
    return WireResponse(status, dump({"error": message}), headers=headers)


def grpc_error(error: DragomanError) -> WireResponse:
    """A gRPC status: the code's number with the message, which has to fit into the end of an answer."""
    status = GRPC_STATUS[error.code]
    if error.reason is not None:
        status = REASON_GRPC_STATUS.get(error.reason, status)
    return WireResponse(status, message=error.message[:MOST_CHARACTERS])


def fail(draft: Draft | None, error: DragomanError) -> WireResponse:
    """A failed call over REST."""
    return answer_error(error if draft is None else reworded(draft.target, error))


def fail_status(_: None, error: DragomanError) -> WireResponse:
    """A failed view of status or metadata, which words its errors itself."""
    return answer_error(error)


def refuse(_: WireRequest, error: DragomanError) -> WireResponse:
    """The answer to a request that was refused before it reached a route, or that has none."""
    if error.reason is Reason.ROUTE_UNKNOWN:
        error = DragomanError(error.code, "Not Found", reason=error.reason)
    return answer_error(error)


def reworded(target: Target, error: DragomanError) -> DragomanError:
    """The error in the words that clients know, where they know any."""
    if error.reason in NO_MODEL:
        return unknown_model(target.model)
    if error.reason in NO_VERSION:
        return unknown_model(target.model, target.version)
    if error.reason is Reason.QUEUE_FULL:
        return DragomanError(
            error.code,
            f"Exceeds maximum queue size: {error.message}",  # Triton's words
            reason=error.reason,
            retry_after_s=error.retry_after_s,
        )
    return error


def unknown_model(name: str, version: int | str | None = None) -> DragomanError:
    """The error for a model, or a version of one, that there is not; Triton's samples look for its start."""
    if version is None:
        return DragomanError(
            Code.NOT_FOUND,
            f"Request for unknown model: '{name}' is not found",
            reason=Reason.MODEL_UNKNOWN,
        )
    return DragomanError(
        Code.NOT_FOUND,
        f"Request for unknown model: '{name}' version {version} is not found",
        reason=Reason.VERSION_UNKNOWN,
    )
