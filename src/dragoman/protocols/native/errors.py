"""Codes to HTTP numbers, and the body of an error."""

from collections.abc import Mapping
from typing import Any, Final

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.wire.json_tree import dump
from dragoman.wire.messages import WireRequest, WireResponse

HTTP_STATUS: Final[Mapping[Code, int]] = {  # google.rpc.Code's HTTP mapping; TOO_LARGE is HTTP's own
    Code.INVALID_ARGUMENT: 400,
    Code.UNAUTHENTICATED: 401,
    Code.PERMISSION_DENIED: 403,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.FAILED_PRECONDITION: 400,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.TOO_LARGE: 413,
    Code.CANCELLED: 499,
    Code.DEADLINE_EXCEEDED: 504,
    Code.UNIMPLEMENTED: 501,
    Code.UNAVAILABLE: 503,
    Code.INTERNAL: 500,
}


def fail(_: Any, error: DragomanError) -> WireResponse:
    """`{"error": message}`."""
    status = 405 if error.reason is Reason.METHOD_NOT_ALLOWED else HTTP_STATUS[error.code]
    return WireResponse(status, dump({"error": error.message}))


def refuse(_: WireRequest, error: DragomanError) -> WireResponse:
    """The same for a request that has no route."""
    return fail(None, error)
