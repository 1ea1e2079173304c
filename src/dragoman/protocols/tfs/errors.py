"""TensorFlow Serving's HTTP numbers, gRPC codes and sentences for every failure.

Source: tensorflow/serving `model_servers/http_server.cc`, `model_servers/grpc_status_util.cc` and its REST
reference. What the core words for itself passes through; what clients of TensorFlow Serving search for is
worded as they know it.
"""

from collections.abc import Callable, Mapping
from math import ceil
from typing import Final

from dragoman.core.errors import Code, DragomanError, Reason, invalid
from dragoman.core.requests import Target
from dragoman.core.signatures import DEFAULT_SIGNATURE
from dragoman.wire.json_tree import dump
from dragoman.wire.messages import Headers, WireRequest, WireResponse
from dragoman.wire.operation import Draft

HTTP_STATUS: Final[Mapping[Code, int]] = {
    Code.INVALID_ARGUMENT: 400,
    Code.UNAUTHENTICATED: 401,
    Code.PERMISSION_DENIED: 403,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.FAILED_PRECONDITION: 400,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.TOO_LARGE: 413,  # the reference has no limit; the number is HTTP's own
    Code.CANCELLED: 499,
    Code.DEADLINE_EXCEEDED: 504,
    Code.UNIMPLEMENTED: 501,
    Code.UNAVAILABLE: 503,
    Code.INTERNAL: 500,
}
# The reference answers a full batching queue with UNAVAILABLE, so its clients retry on 503.
REASON_STATUS: Final[Mapping[Reason, int]] = {
    Reason.QUEUE_FULL: 503,
    Reason.METHOD_NOT_ALLOWED: 405,
    Reason.ROUTE_UNKNOWN: 404,
}
GRPC_STATUS: Final[Mapping[Code, int]] = {  # gRPC's own numbers; they are tensorflow.error.Code's as well
    Code.INVALID_ARGUMENT: 3,
    Code.UNAUTHENTICATED: 16,
    Code.PERMISSION_DENIED: 7,
    Code.NOT_FOUND: 5,
    Code.ALREADY_EXISTS: 6,
    Code.FAILED_PRECONDITION: 9,
    Code.RESOURCE_EXHAUSTED: 8,
    Code.TOO_LARGE: 8,  # what gRPC itself answers to a message beyond its limit
    Code.CANCELLED: 1,
    Code.DEADLINE_EXCEEDED: 4,
    Code.UNIMPLEMENTED: 12,
    Code.UNAVAILABLE: 14,
    Code.INTERNAL: 13,
}
UNKNOWN: Final = frozenset({Reason.MODEL_UNKNOWN, Reason.VERSION_UNKNOWN, Reason.LABEL_UNKNOWN})
PREFIX: Final = "/v1/models"
MAX_MESSAGE_CHARS: Final = 1024  # what the reference cuts its messages to over gRPC, and how it says so
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


def grpc_error(error: DragomanError) -> WireResponse:
    """A gRPC status: the code's number with the message."""
    return WireResponse(GRPC_STATUS[error.code], message=error.message)


def fail_predict(superset: bool, draft: Draft | None, error: DragomanError) -> WireResponse:
    """A failed predict in the reference's words."""
    return answer_error(reworded(superset, draft, error, no_predict_signature))


def fail_examples(superset: bool, draft: Draft | None, error: DragomanError) -> WireResponse:
    """A failed classify or regress in the reference's words."""
    return answer_error(reworded(superset, draft, error, no_task_signature))


def fail_status(_: None, error: DragomanError) -> WireResponse:
    """A failed view of status or metadata, which words its errors itself."""
    return answer_error(error)


def reworded(
    superset: bool,
    draft: Draft | None,
    error: DragomanError,
    no_signature: Callable[[str], DragomanError],
) -> DragomanError:
    """The error as the reference words it, where it has words of its own."""
    if draft is None:
        return error
    if error.reason is Reason.SIGNATURE_UNKNOWN:
        return no_signature(draft.target.signature or DEFAULT_SIGNATURE)
    if error.reason in UNKNOWN or (error.reason is Reason.MODEL_NOT_READY and not superset):
        return not_served(draft.target)
    return error


def no_predict_signature(name: str) -> DragomanError:
    """The error for a signature that predict over REST does not find."""
    return invalid(f'Serving signature name: "{name}" not found in signature def')


def no_task_signature(name: str) -> DragomanError:
    """The error for a signature that classify or regress does not find."""
    return invalid(f"No signature was found with the name: {name}")


def not_served(target: Target) -> DragomanError:
    """The error for a model, version or label that nothing serves."""
    if target.label is not None:
        return invalid(f"Unrecognized servable version label: {target.label}")
    wanted = f"Latest({target.model})"
    if target.version is not None:
        wanted = f"Specific({target.model}, {target.version})"
    return DragomanError(Code.NOT_FOUND, f"Servable not found for request: {wanted}")


def malformed(wire: WireRequest) -> DragomanError:
    """The error for a path that fits no route: the reference knows no 405."""
    return invalid(f"Malformed request: {wire.method} {wire.path}")


def refuse(wire: WireRequest, error: DragomanError) -> WireResponse:
    """The answer to a request that was refused before it reached a route, or that has none."""
    routeless = error.reason in (Reason.ROUTE_UNKNOWN, Reason.METHOD_NOT_ALLOWED)
    if routeless and wire.path.lower().startswith(PREFIX):
        error = malformed(wire)
    return answer_error(error)
