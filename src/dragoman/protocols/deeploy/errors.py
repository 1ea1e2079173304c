"""The HTTP number and the sentence of every failure, in V1's form: Deeploy's client reads any JSON."""

from typing import Final

from dragoman.core.errors import NO_MODEL, DragomanError, Reason
from dragoman.wire import http_errors
from dragoman.wire.http_errors import answer_error
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import Draft
from dragoman.wire.v1.wording import reworded

HTTP_STATUS: Final = http_errors.HTTP_STATUS
CALLS: Final = (
    "Not Found: a deployment answers predict, explain, completions, chat/completions and embeddings, and the "
    "Open Inference Protocol below v2"
)


def fail(draft: Draft | None, error: DragomanError) -> WireResponse:
    """A failed call."""
    return answer_error(error if draft is None else worded(draft.target.model, draft, error))


def worded(name: str, draft: Draft, error: DragomanError) -> DragomanError:
    """The error as a caller of deployments understands it: a name is a deployment's first, then a model's."""
    if error.reason not in NO_MODEL:
        return reworded(draft.target, error)
    if not name:
        message = f"{error.message}; a path such as /deployments/NAME/predict says which is meant"
        return DragomanError(error.code, message, reason=error.reason)
    message = f"There is no deployment {name!r}, and no model of that name."
    return DragomanError(error.code, message, reason=error.reason)


def refuse(_: WireRequest, error: DragomanError) -> WireResponse:
    """The answer to a request that was refused before it reached a route, or that has none."""
    if error.reason is Reason.ROUTE_UNKNOWN:
        error = DragomanError(error.code, CALLS, reason=error.reason)
    return answer_error(error)
