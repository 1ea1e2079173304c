"""TensorFlow Serving's HTTP numbers, gRPC codes and sentences for every failure.

Source: tensorflow/serving `model_servers/http_server.cc`, `model_servers/grpc_status_util.cc` and its REST
reference. What the core words for itself passes through; what clients of TensorFlow Serving search for is
worded as they know it.
"""

from collections.abc import Callable
from typing import Final

from dragoman.core.errors import NO_MODEL, NO_VERSION, NOT_READY, Code, DragomanError, Reason, invalid
from dragoman.core.requests import Target
from dragoman.core.signatures import DEFAULT_SIGNATURE
from dragoman.wire import http_errors
from dragoman.wire.grpc_errors import GRPC_STATUS
from dragoman.wire.http_errors import answer_error
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import Draft

HTTP_STATUS: Final = http_errors.HTTP_STATUS
UNKNOWN: Final = NO_MODEL | NO_VERSION | {Reason.LABEL_UNKNOWN}
PREFIX: Final = "/v1/models"


def grpc_error(error: DragomanError) -> WireResponse:
    """A gRPC status: the code's number with the message."""
    return WireResponse(GRPC_STATUS[error.code], message=error.message)


def fail_predict(superset: bool, draft: Draft | None, error: DragomanError) -> WireResponse:
    """A failed predict in the reference's words."""
    return answer_error(reworded(superset, draft, error, no_predict_signature))


def fail_examples(superset: bool, draft: Draft | None, error: DragomanError) -> WireResponse:
    """A failed classify or regress in the reference's words."""
    return answer_error(reworded(superset, draft, error, no_task_signature))


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
    if error.reason in UNKNOWN or (error.reason in NOT_READY and not superset):
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
    """The answer to a request that was refused before it reached a route, or that has none.

    Only the superset has a 405: for a method word under another method than POST, as KServe answers.
    """
    wrong_method = error.reason is Reason.METHOD_NOT_ALLOWED and ":" not in wire.path
    if (wrong_method or error.reason is Reason.ROUTE_UNKNOWN) and wire.path.lower().startswith(PREFIX):
        error = malformed(wire)
    return answer_error(error)
