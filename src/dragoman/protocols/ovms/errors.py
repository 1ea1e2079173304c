"""OpenVINO Model Server's HTTP numbers, gRPC codes and sentences for every failure.

Source: openvinotoolkit/model_server `src/status.cpp`, `src/http_rest_api_handler.cpp`, `src/grpc_utils.cpp`.
What the reference has a sentence for begins with it, as `<sentence> - <detail>`; what it has none for is
worded by the core. Where the reference answers 500 or 412 to a request that is wrong, the answer here is 400,
which its client library takes for bad input.
"""

from collections.abc import Mapping
from typing import Final

from dragoman.core.errors import NOT_READY, Code, DragomanError, Reason, invalid
from dragoman.wire.grpc_errors import GRPC_STATUS
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
    Reason.PIPELINE_NOT_READY: 404,
    Reason.METHOD_NOT_ALLOWED: 406,
    Reason.ROUTE_UNKNOWN: 400,
    Reason.SETTINGS_MALFORMED: 412,
    Reason.NO_CONTENT: 204,
}
REASON_GRPC_STATUS: Final[Mapping[Reason, int]] = {
    Reason.NO_CONTENT: 10,  # ABORTED
}
SENTENCES: Final[Mapping[Reason, str]] = {
    Reason.MODEL_UNKNOWN: "Model with requested name is not found",
    Reason.VERSION_UNKNOWN: "Model with requested version is not found",
    Reason.VERSION_RETIRED: "Model with requested version is retired",
    Reason.PIPELINE_REMOVED: "Pipeline is retired",
    Reason.PIPELINE_NOT_READY: "Pipeline is not loaded yet",
    Reason.NO_CONTENT: "Pipeline execution aborted due to no content from custom node",
    Reason.LABEL_UNKNOWN: "Model with requested version is not found",
    Reason.MODEL_NOT_READY: "Model with requested version is not loaded yet",
    Reason.METHOD_NOT_ALLOWED: "Unsupported method",
    Reason.ROUTE_UNKNOWN: "Invalid request URL",
    Reason.SETTINGS_UNREADABLE: "Config file not found or cannot open.",
    Reason.SETTINGS_MALFORMED: "Reloading config file failed. Check server logs for more info.",
    Reason.SETTINGS_REFUSED: "Reloading config file failed. Check server logs for more info.",
    Reason.MODELS_REFUSED: "Reloading models versions failed. Check server logs for more info.",
}
BEGINNINGS: Final[Mapping[Reason, str]] = {  # of sentences that end in the core's words
    Reason.INPUT_UNKNOWN: "Unexpected input",
    Reason.INPUT_MISSING: "Missing input with specific name",
    Reason.INPUT_DTYPE: "Invalid input precision",
    Reason.INPUT_RANK: "Invalid number of shape dimensions",
    Reason.INPUT_BATCH: "Invalid input batch size",
    Reason.INPUT_SHAPE: "Invalid input shape",
    Reason.TENSOR_BYTES: "Invalid content size of tensor proto",
    Reason.TENSOR_VALUES: "Invalid number of values in tensor proto container",
}
INFERENCE: Final = "Internal inference error"
NO_PIPELINE: Final = "Pipeline with requested name is not found"  # predict over gRPC looks for one last
NO_METHOD: Final = (
    "Requested REST resource not found"  # of methods of a model that the reference does not have
)
METHODS: Final = ("GET", "HEAD", "POST")  # any other is refused before its path is looked at
UPWARDS: Final = ".."
NO_PATH: Final = "The provided base path is invalid or doesn't exists"  # of one that leads upwards
NO_CONTENT: Final = 204  # an answer of this number has no body


def answer_error(error: DragomanError) -> WireResponse:
    """`{"error": message}` with the failure's number."""
    status, message = HTTP_STATUS[error.code], worded(error)
    if error.reason is not None:
        status = REASON_STATUS.get(error.reason, status)
    if status == NO_CONTENT:
        return WireResponse(status)
    headers: Headers = []
    if error.retry_after_s is not None:
        headers.append((b"Retry-After", b"%d" % max(1, round(error.retry_after_s))))
    text = message.encode("utf-8", "replace").decode()
    return WireResponse(status, dump({"error": text}), headers=headers)


def grpc_error(error: DragomanError) -> WireResponse:
    """A gRPC status: the code's number with the message."""
    status = GRPC_STATUS[error.code]
    if error.reason is not None:
        status = REASON_GRPC_STATUS.get(error.reason, status)
    return WireResponse(status, message=worded(error))


def worded(error: DragomanError) -> str:
    """What the reference says, as far as it has words for this."""
    if error.reason is None:
        return error.message
    beginning = BEGINNINGS.get(error.reason)
    return (
        SENTENCES.get(error.reason, error.message) if beginning is None else f"{beginning} - {error.message}"
    )


def fail_predict(draft: Draft | None, error: DragomanError) -> WireResponse:
    """A failed call."""
    return answer_error(seen(draft, error))


def fail_grpc_predict(draft: Draft | None, error: DragomanError) -> WireResponse:
    """A failed call over gRPC."""
    if error.reason is Reason.MODEL_UNKNOWN:
        error = DragomanError(error.code, NO_PIPELINE)
    return grpc_error(seen(draft, error))


def seen(draft: Draft | None, error: DragomanError) -> DragomanError:
    """A call's failure as the reference sees it: what was asked for decides what there is not."""
    if error.code is Code.INTERNAL and error.reason is None:
        return DragomanError(error.code, f"{INFERENCE} - {error.message}")
    if draft is None:
        return error
    named = bool(draft.target.version) or draft.target.label is not None
    if error.reason is Reason.MODEL_REMOVED:
        return not_served(Reason.VERSION_RETIRED if named else Reason.VERSION_UNKNOWN)
    if error.reason is Reason.MODEL_NOT_READY and not named:
        return not_served(Reason.VERSION_UNKNOWN)
    return error


def fail(_: Draft | None, error: DragomanError) -> WireResponse:
    """A failed view, or a failed reload."""
    return answer_error(error)


def fail_grpc(_: Draft | None, error: DragomanError) -> WireResponse:
    """A failed view over gRPC."""
    return grpc_error(error)


def refuse(_: WireRequest, error: DragomanError) -> WireResponse:
    """The answer to a request that was refused before it reached a route, or that has none."""
    return answer_error(error)


def refuse_at_home(wire: WireRequest, error: DragomanError) -> WireResponse:
    """The same on the reference's own listener, which answers OPTIONS of anything, as web pages ask first."""
    if wire.method == "OPTIONS" and error.reason in (Reason.ROUTE_UNKNOWN, Reason.METHOD_NOT_ALLOWED):
        return WireResponse(200)
    if error.reason is Reason.ROUTE_UNKNOWN and wire.method not in METHODS:
        return answer_error(DragomanError(error.code, "", reason=Reason.METHOD_NOT_ALLOWED))
    if error.reason is Reason.ROUTE_UNKNOWN and UPWARDS in wire.path.split("/"):
        return answer_error(invalid(NO_PATH))
    return refuse(wire, error)


def not_served(reason: Reason) -> DragomanError:
    """The error for a model or a version that nothing serves."""
    code = Code.UNAVAILABLE if reason in NOT_READY else Code.NOT_FOUND
    return DragomanError(code, SENTENCES[reason], reason=reason)
