"""KServe's HTTP numbers for every failure. Its sentences are in `wire/v1/wording.py`."""

from typing import Final

from dragoman.core.errors import DragomanError, Reason
from dragoman.wire import http_errors
from dragoman.wire.http_errors import answer_error
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import Draft
from dragoman.wire.v1.wording import reworded

HTTP_STATUS: Final = http_errors.HTTP_STATUS


def fail(draft: Draft | None, error: DragomanError) -> WireResponse:
    """A failed call in KServe's words."""
    return answer_error(error if draft is None else reworded(draft.target, error))


def refuse(_: WireRequest, error: DragomanError) -> WireResponse:
    """The answer to a request that was refused before it reached a route, or that has none."""
    if error.reason is Reason.ROUTE_UNKNOWN:
        error = DragomanError(error.code, "Not Found", reason=error.reason)
    return answer_error(error)
