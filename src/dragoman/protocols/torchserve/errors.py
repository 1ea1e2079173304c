"""TorchServe's HTTP numbers, types and sentences for every failure.

Source: pytorch/serve `frontend/server/src/main/java/org/pytorch/serve/http`, and TorchServe 0.12.0 as it
answers. The type is the name of the reference's exception; failures of a model's own code have one type,
whatever number the code has chosen.
"""

from collections.abc import Mapping
from math import ceil
from typing import Final

from dragoman.core.errors import NO_MODEL, NO_VERSION, Code, DragomanError, Reason
from dragoman.core.requests import Target
from dragoman.protocols.torchserve.answers import Manner, document, finished
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import Draft

HTTP_STATUS: Final[Mapping[Code, int]] = {
    Code.INVALID_ARGUMENT: 400,
    Code.UNAUTHENTICATED: 401,
    Code.PERMISSION_DENIED: 403,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.FAILED_PRECONDITION: 400,
    Code.RESOURCE_EXHAUSTED: 503,
    Code.TOO_LARGE: 413,
    Code.CANCELLED: 499,
    Code.DEADLINE_EXCEEDED: 504,
    Code.UNIMPLEMENTED: 501,
    Code.UNAVAILABLE: 503,
    Code.INTERNAL: 500,
}
MODEL_FAILED: Final = "InternalServerException"
TYPES: Final[Mapping[Code, str]] = {
    Code.INVALID_ARGUMENT: "BadRequestException",
    Code.UNAUTHENTICATED: "InvalidKeyException",
    Code.PERMISSION_DENIED: "InvalidKeyException",
    Code.NOT_FOUND: "ResourceNotFoundException",
    Code.ALREADY_EXISTS: "ConflictStatusException",
    Code.FAILED_PRECONDITION: "BadRequestException",
    Code.RESOURCE_EXHAUSTED: "ServiceUnavailableException",
    Code.TOO_LARGE: "BadRequestException",  # not told: the reference's 413 has no body
    Code.CANCELLED: "InternalServerException",
    Code.DEADLINE_EXCEEDED: "RequestTimeoutException",
    Code.UNIMPLEMENTED: "NotImplementedException",
    Code.UNAVAILABLE: "ServiceUnavailableException",
    Code.INTERNAL: "InternalServerException",
}
REASONS: Final[Mapping[Reason, tuple[int, str]]] = {
    **dict.fromkeys(NO_MODEL, (404, "ModelNotFoundException")),
    **dict.fromkeys(NO_VERSION, (404, "ModelVersionNotFoundException")),
    Reason.METHOD_NOT_ALLOWED: (405, "MethodNotAllowedException"),
    Reason.ROUTE_UNKNOWN: (404, "ResourceNotFoundException"),
    Reason.REGISTRATION_OFF: (405, "MethodNotAllowedException"),
    Reason.VERSION_REGISTERED: (409, "ConflictStatusException"),
    Reason.VERSION_DEFAULT: (403, "InvalidModelVersionException"),
    Reason.URL_REFUSED: (404, "ModelNotFoundException"),
    Reason.DOWNLOAD_FAILED: (400, "DownloadArchiveException"),
    Reason.MANIFEST_MISSING: (400, "InvalidModelException"),
    Reason.MANIFEST_MALFORMED: (400, "InvalidModelException"),
    Reason.MODEL_INVALID: (400, "InvalidModelException"),
    Reason.ARCHIVE_UNUSABLE: (500, MODEL_FAILED),
    Reason.WORKERS_FAILED: (500, MODEL_FAILED),
}
STRICT_STATUS: Final[Mapping[Code, int]] = {**HTTP_STATUS, Code.UNAUTHENTICATED: 400}
NO_KEY: Final = "Token Authorization failed. Token either incorrect, expired, or not provided correctly"
NO_REQUEST: Final = frozenset({Code.INVALID_ARGUMENT, Code.UNIMPLEMENTED})  # what HTTP is refused with
NO_ROUTE: Final = "Requested resource is not found, please refer to API document."
NO_METHOD: Final = "Requested method is not allowed, please refer to API document."
NO_HTTP: Final = "Invalid HTTP message."
NO_NAME: Final = "Parameter model_name is required."


class AskedDraft(Draft):
    """A call of a model; `asked` is the version in the caller's words, empty = none."""

    asked: str


def fail(manner: Manner, draft: AskedDraft | None, error: DragomanError) -> WireResponse:
    """A failed call."""
    return answer_error(manner, error if draft is None else reworded(draft, error))


def fail_view(manner: Manner, _: None, error: DragomanError) -> WireResponse:
    """A failed view, which words its errors itself."""
    return answer_error(manner, error)


def refuse(manner: Manner, _: WireRequest, error: DragomanError) -> WireResponse:
    """The answer to a request that was refused before it reached a route, or that has none."""
    if error.reason is Reason.ROUTE_UNKNOWN:
        return answer_error(manner, DragomanError(error.code, NO_ROUTE, reason=error.reason))
    if error.reason is Reason.METHOD_NOT_ALLOWED:
        return answer_error(manner, DragomanError(error.code, NO_METHOD, reason=error.reason))
    if error.code in NO_REQUEST and manner.strict:
        return answer_error(manner, DragomanError(Code.INVALID_ARGUMENT, NO_HTTP))
    if error.status is not None and error.code is not Code.TOO_LARGE:
        return told(manner, error.status, TYPES[error.code], error.message)
    return answer_error(manner, error)


def answer_error(manner: Manner, error: DragomanError) -> WireResponse:
    """`{"code", "type", "message"}` with the failure's number."""
    code, message = error.code, error.message
    if code is Code.TOO_LARGE:
        return finished(manner, WireResponse(HTTP_STATUS[code], content_type=b""))
    status, kind = (STRICT_STATUS if manner.strict else HTTP_STATUS)[code], TYPES[code]
    if error.status is not None:
        status, kind = sendable(error.status), MODEL_FAILED
    elif error.reason is not None and error.reason in REASONS:
        status, kind = REASONS[error.reason]
    elif code is Code.UNAUTHENTICATED and manner.strict:
        message = NO_KEY
    answer = told(manner, status, kind, message)
    if error.retry_after_s is not None:
        answer.headers.append((b"Retry-After", b"%d" % ceil(error.retry_after_s)))
    return answer


def told(manner: Manner, status: int, kind: str, message: str) -> WireResponse:
    """The error object."""
    text = message.encode("utf-8", "replace").decode()
    return document(manner, status, {"code": status, "type": kind, "message": text})


def sendable(status: int) -> int:
    """The number that a model's code has chosen for its failure, where HTTP has room for it."""
    return status if 200 <= status <= 999 else HTTP_STATUS[Code.INTERNAL]


def reworded(draft: AskedDraft, error: DragomanError) -> DragomanError:
    """The error in the reference's words, where it has words of its own."""
    model = draft.target.model
    reason = error.reason
    if reason in NO_MODEL:
        return unknown_model(model)
    if reason in NO_VERSION:
        return unknown_version(model, draft.asked)
    if reason in (Reason.QUEUE_FULL, Reason.NO_WORKER):
        return no_worker(draft.target, draft.asked, error)
    return error


def unknown_model(name: str) -> DragomanError:
    """The error for a model that there is not; for none named, where that is needed."""
    if not name:
        return DragomanError(Code.INVALID_ARGUMENT, NO_NAME)
    return DragomanError(Code.NOT_FOUND, f"Model not found: {name}", reason=Reason.MODEL_UNKNOWN)


def unknown_version(model: str, asked: str) -> DragomanError:
    """The error for a version that a model does not have."""
    return DragomanError(
        Code.NOT_FOUND,
        f"Model version: {asked} does not exist for model: {model}",
        reason=Reason.VERSION_UNKNOWN,
    )


def no_worker(target: Target, asked: str, error: DragomanError) -> DragomanError:
    """The error for a call that nobody has time for; the stray quotes are the reference's."""
    version = f' Version {asked}"' if asked else ""
    return DragomanError(
        Code.UNAVAILABLE,
        f'Model "{target.model}"{version} has no worker to serve inference request. Please use scale workers '
        "API to add workers. If this is a sequence inference, please check if it is closed, or expired; or "
        "exceeds maxSequenceJobQueueSize",
        reason=Reason.NO_WORKER,
        retry_after_s=error.retry_after_s,
    )
