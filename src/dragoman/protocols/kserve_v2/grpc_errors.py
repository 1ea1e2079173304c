"""Failed calls over gRPC: a status with the sentence that REST has for them, too."""

from dragoman.core.errors import NO_VERSION, DragomanError
from dragoman.protocols.kserve_v2.errors import grpc_error, reworded, unknown_model
from dragoman.protocols.kserve_v2.grpc_request import InferDraft
from dragoman.wire.messages import WireResponse


def worded(draft: InferDraft | None, error: DragomanError) -> DragomanError:
    """The error in the words that clients know; a version is named as the caller wrote it."""
    if draft is None:
        return error
    if error.reason in NO_VERSION:
        return unknown_model(draft.target.model, draft.asked)
    return reworded(draft.target, error)


def fail_infer(draft: InferDraft | None, error: DragomanError) -> WireResponse:
    """A failed ModelInfer."""
    return grpc_error(worded(draft, error))


def fail_status(_: None, error: DragomanError) -> WireResponse:
    """A failed view of status or metadata, which words its errors itself."""
    return grpc_error(error)
