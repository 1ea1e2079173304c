"""OpenVINO Model Server's HTTP numbers and sentences for every failure.

Source: openvinotoolkit/model_server `src/status.cpp`, `src/http_rest_api_handler.cpp`. What the core words
for itself passes through; where the reference answers 500 or 412 to a request that is wrong, the answer here
is 400, which its client library takes for bad input.
"""

from collections.abc import Mapping
from typing import Final

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.wire.json_tree import dump
from dragoman.wire.messages import Headers, WireRequest, WireResponse
from dragoman.wire.operation import Draft

HTTP_STATUS: Final[Mapping[Code, int]] = {
    Code.INVALID_ARGUMENT: 400,
    Code.UNAUTHENTICATED: 401,
    Code.PERMISSION_DENIED: 403,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.FAILED_PRECONDITION: 412,
    Code.RESOURCE_EXHAUSTED: 503,
    Code.TOO_LARGE: 413,
    Code.CANCELLED: 499,
    Code.DEADLINE_EXCEEDED: 408,
    Code.UNIMPLEMENTED: 501,
    Code.UNAVAILABLE: 503,
    Code.INTERNAL: 500,
}
REASON_STATUS: Final[Mapping[Reason, int]] = {
    Reason.MODEL_NOT_READY: 404,
    Reason.METHOD_NOT_ALLOWED: 406,
    Reason.ROUTE_UNKNOWN: 400,
    Reason.SETTINGS_MALFORMED: 412,
    Reason.NO_CONTENT: 204,
}
SENTENCES: Final[Mapping[Reason, str]] = {
    Reason.MODEL_UNKNOWN: "Model with requested name is not found",
    Reason.VERSION_UNKNOWN: "Model with requested version is not found",
    Reason.LABEL_UNKNOWN: "Model with requested version is not found",
    Reason.MODEL_NOT_READY: "Model with requested version is not loaded yet",
    Reason.METHOD_NOT_ALLOWED: "Unsupported method",
    Reason.ROUTE_UNKNOWN: "Invalid request URL",
    Reason.SETTINGS_UNREADABLE: "Config file not found or cannot open.",
    Reason.SETTINGS_MALFORMED: "Reloading config file failed. Check server logs for more info.",
    Reason.SETTINGS_REFUSED: "Reloading config file failed. Check server logs for more info.",
    Reason.MODELS_REFUSED: "Reloading models versions failed. Check server logs for more info.",
}
NO_METHOD: Final = (
    "Requested REST resource not found"  # of methods of a model that the reference does not have
)
RETIRED: Final = "Model with requested version is retired"
NO_CONTENT: Final = 204  # an answer of this number has no body


def answer_error(error: DragomanError) -> WireResponse:
    """`{"error": message}` with the failure's number."""
    status, message = HTTP_STATUS[error.code], error.message
    if error.reason is not None:
        status = REASON_STATUS.get(error.reason, status)
        message = SENTENCES.get(error.reason, message)
    if status == NO_CONTENT:
        return WireResponse(status)
    headers: Headers = []
    if error.retry_after_s is not None:
        headers.append((b"Retry-After", b"%d" % max(1, round(error.retry_after_s))))
    text = message.encode("utf-8", "replace").decode()
    return WireResponse(status, dump({"error": text}), headers=headers)


def fail(_: Draft | None, error: DragomanError) -> WireResponse:
    """A failed call, or a failed view."""
    return answer_error(error)


def refuse(_: WireRequest, error: DragomanError) -> WireResponse:
    """The answer to a request that was refused before it reached a route, or that has none."""
    return answer_error(error)


def not_served(reason: Reason) -> DragomanError:
    """The error for a model or a version that nothing serves."""
    return DragomanError(Code.NOT_FOUND, SENTENCES[reason], reason=reason)


def retired() -> DragomanError:
    """The error for a version that was served once."""
    return DragomanError(Code.NOT_FOUND, RETIRED)
