"""OpenAI's numbers, types and codes for every failure, in one object under `error`.

Its client chooses the class of its exception by the status, and sends a request again after 408, 409, 429 and
from 500 on, unless told otherwise: so an overload is 429 with a time, and what lasts says that it does.
"""

from collections.abc import Mapping
from math import ceil
from typing import Final, NamedTuple

from dragoman.core.errors import NO_MODEL, NO_VERSION, NOT_READY, Code, DragomanError, Reason
from dragoman.wire.json_tree import dump
from dragoman.wire.messages import Headers, WireRequest, WireResponse
from dragoman.wire.operation import Draft

WRONG, REFUSED, LIMITED, FAILED = (
    "invalid_request_error",
    "permission_error",
    "rate_limit_error",
    "server_error",
)
MOST_CHARS: Final = 2048


class Form(NamedTuple):
    """How a failure is told. `lasts` = sending the request again is of no use."""

    status: int
    type: str
    code: str | None = None
    param: str | None = None
    lasts: bool = False


FORMS: Final[Mapping[Code, Form]] = {
    Code.INVALID_ARGUMENT: Form(400, WRONG),
    Code.UNAUTHENTICATED: Form(401, WRONG, "invalid_api_key"),
    Code.PERMISSION_DENIED: Form(403, REFUSED),
    Code.NOT_FOUND: Form(404, WRONG),
    Code.ALREADY_EXISTS: Form(409, WRONG, lasts=True),
    Code.FAILED_PRECONDITION: Form(400, WRONG),
    Code.RESOURCE_EXHAUSTED: Form(429, LIMITED, "rate_limit_exceeded"),
    Code.TOO_LARGE: Form(413, WRONG),
    Code.CANCELLED: Form(499, FAILED, "cancelled"),
    Code.DEADLINE_EXCEEDED: Form(504, FAILED, "timeout"),
    Code.UNIMPLEMENTED: Form(501, FAILED, "not_implemented", lasts=True),
    Code.UNAVAILABLE: Form(503, FAILED, "unavailable"),
    Code.INTERNAL: Form(500, FAILED, "internal_error", lasts=True),
}
HTTP_STATUS: Final[Mapping[Code, int]] = {code: form.status for code, form in FORMS.items()}
NO_SUCH_MODEL: Final = Form(404, WRONG, "model_not_found", "model")
REASONS: Final[Mapping[Reason, Form]] = {
    **dict.fromkeys(NO_MODEL | NO_VERSION, NO_SUCH_MODEL),
    **dict.fromkeys(NOT_READY, Form(503, FAILED, "model_loading")),
    Reason.LABEL_UNKNOWN: NO_SUCH_MODEL,
    Reason.PARAMETER_UNSUPPORTED: Form(400, WRONG, "unsupported_parameter"),
    Reason.NO_EXPLAINER: Form(501, FAILED, "no_explainer", lasts=True),
    Reason.CONTEXT_EXCEEDED: Form(400, WRONG, "context_length_exceeded"),
    Reason.MODEL_KIND: Form(400, WRONG, "unsupported_model", "model"),
    Reason.ROUTE_UNKNOWN: Form(404, WRONG, "unknown_url"),
    Reason.METHOD_NOT_ALLOWED: Form(405, WRONG, "method_not_allowed"),
}


def fail(draft: Draft | None, error: DragomanError) -> WireResponse:
    """A failed call."""
    if draft is not None and error.reason in NO_MODEL:
        name = draft.target.model
        if not name:
            return answer_error(DragomanError(Code.INVALID_ARGUMENT, error.message, param="model"))
        message = f"the model {name!r} does not exist"
        return answer_error(DragomanError(error.code, message, reason=error.reason))
    return answer_error(error)


def fail_view(_: None, error: DragomanError) -> WireResponse:
    """A failed view of models."""
    return answer_error(error)


def refuse(_: WireRequest, error: DragomanError) -> WireResponse:
    """The answer to a request that was refused before it reached a route, or that has none."""
    return answer_error(error)


def answer_error(error: DragomanError) -> WireResponse:
    """`{"error": {"message", "type", "param", "code"}}` with the failure's number."""
    form = form_of(error)
    headers: Headers = []
    if error.retry_after_s is not None:
        headers.append((b"Retry-After", b"%d" % ceil(error.retry_after_s)))
    if form.lasts:
        headers.append((b"X-Should-Retry", b"false"))
    return WireResponse(error.status or form.status, error_body(error), headers=headers)


def error_body(error: DragomanError) -> bytes:
    """The object alone, which a stream that has begun tells, too."""
    form = form_of(error)
    told = {
        "message": error.message.encode("utf-8", "replace").decode()[:MOST_CHARS] or form.type,
        "type": form.type,
        "param": error.param or form.param,
        "code": form.code,
    }
    return dump({"error": told})


def form_of(error: DragomanError) -> Form:
    """How this failure is told."""
    if error.reason is not None and error.reason in REASONS:
        return REASONS[error.reason]
    return FORMS[error.code]
