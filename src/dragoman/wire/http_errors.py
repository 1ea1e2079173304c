"""Failures as HTTP answers, in the form that TensorFlow Serving and KServe share: `{"error": message}`."""

from collections.abc import Mapping
from math import ceil
from typing import Final

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.wire.json_tree import dump
from dragoman.wire.messages import Headers, WireResponse

HTTP_STATUS: Final[Mapping[Code, int]] = {
    Code.INVALID_ARGUMENT: 400,
    Code.UNAUTHENTICATED: 401,
    Code.PERMISSION_DENIED: 403,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.FAILED_PRECONDITION: 400,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.TOO_LARGE: 413,  # the references have no limit; the number is HTTP's own
    Code.CANCELLED: 499,
    Code.DEADLINE_EXCEEDED: 504,
    Code.UNIMPLEMENTED: 501,
    Code.UNAVAILABLE: 503,
    Code.INTERNAL: 500,
}
# TensorFlow Serving answers a full batching queue with UNAVAILABLE, so its clients retry on 503.
REASON_STATUS: Final[Mapping[Reason, int]] = {
    Reason.QUEUE_FULL: 503,
    Reason.METHOD_NOT_ALLOWED: 405,
    Reason.ROUTE_UNKNOWN: 404,
}
MAX_MESSAGE_CHARS: Final = 1024  # what TensorFlow Serving cuts its messages to over gRPC, and how it says so
TRUNCATED: Final = "...TRUNCATED"


def answer_error(error: DragomanError) -> WireResponse:
    """`{"error": message}` with the code's number."""
    status = HTTP_STATUS[error.code]
    if error.reason is not None:
        status = REASON_STATUS.get(error.reason, status)
    message = error.message.encode("utf-8", "replace").decode()
    if len(message) > MAX_MESSAGE_CHARS:
        message = message[:MAX_MESSAGE_CHARS] + TRUNCATED
    headers: Headers = []
    if error.retry_after_s is not None:
        headers.append((b"Retry-After", b"%d" % ceil(error.retry_after_s)))
    return WireResponse(status, dump({"error": message}), headers=headers)


def fail_status(_: None, error: DragomanError) -> WireResponse:
    """A failed view of status or metadata, which words its errors itself."""
    return answer_error(error)
