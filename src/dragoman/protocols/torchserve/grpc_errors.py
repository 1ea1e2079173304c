"""Failures over gRPC: TorchServe's numbers, and the names of its exceptions below the sentence.

Source: pytorch/serve `frontend/server/src/main/java/org/pytorch/serve`, `util/GRPCUtils.java` and
`grpcimpl/InferenceImpl.java`. A call that finds no model or no worker is INTERNAL there.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from dragoman.core.errors import NO_MODEL, NO_VERSION, Code, DragomanError, Reason
from dragoman.protocols.torchserve.answers import Manner
from dragoman.protocols.torchserve.errors import MODEL_FAILED, NO_KEY, NO_NAME, TYPES, AskedDraft, reworded
from dragoman.wire.grpc_errors import GRPC_STATUS
from dragoman.wire.messages import WireResponse

NO_SEQUENCE: Final = "Parameter sequenceId is required."
MISSING: Final = frozenset({NO_NAME, NO_SEQUENCE})
OUTSIDERS: Final = frozenset({Code.UNAUTHENTICATED, Code.PERMISSION_DENIED})  # with whom no stream goes on
INTERNAL: Final = GRPC_STATUS[Code.INTERNAL]
FAILED_PRECONDITION: Final = GRPC_STATUS[Code.FAILED_PRECONDITION]
UNKNOWN: Final = 2
PACKAGE: Final = "org.pytorch.serve"
KINDS: Final[Mapping[Reason, str]] = {
    **dict.fromkeys(NO_MODEL, f"{PACKAGE}.archive.model.ModelNotFoundException"),
    **dict.fromkeys(NO_VERSION, f"{PACKAGE}.archive.model.ModelVersionNotFoundException"),
    Reason.NO_WORKER: "InternalServerException.()",
}
BY_HTTP: Final[Mapping[int, int]] = {  # what a model's own code has chosen
    400: GRPC_STATUS[Code.INVALID_ARGUMENT],
    401: GRPC_STATUS[Code.UNAUTHENTICATED],
    403: GRPC_STATUS[Code.PERMISSION_DENIED],
    404: GRPC_STATUS[Code.NOT_FOUND],
    409: 10,  # ABORTED
    413: GRPC_STATUS[Code.RESOURCE_EXHAUSTED],
    416: 11,  # OUT_OF_RANGE
    429: GRPC_STATUS[Code.RESOURCE_EXHAUSTED],
    499: GRPC_STATUS[Code.CANCELLED],
    501: GRPC_STATUS[Code.UNIMPLEMENTED],
    503: GRPC_STATUS[Code.UNAVAILABLE],
    504: GRPC_STATUS[Code.DEADLINE_EXCEEDED],
}


class Failure(Struct, frozen=True):
    """gRPC's number, the sentence, and the name of the reference's exception; empty = it tells none."""

    status: int
    message: str
    kind: str = ""


def failure_of(manner: Manner, draft: AskedDraft | None, error: DragomanError) -> Failure:
    """What a caller is told of a failed call."""
    if error.message in MISSING:
        return Failure(INTERNAL, error.message, "BadRequestException.()")
    if error.status is not None:
        return Failure(by_http(error.status), error.message, f"{PACKAGE}.http.{MODEL_FAILED}")
    if error.code is Code.UNAUTHENTICATED and manner.strict:
        return Failure(GRPC_STATUS[Code.PERMISSION_DENIED], NO_KEY)
    worded = error if draft is None else reworded(draft, error)
    kind = None if worded.reason is None else KINDS.get(worded.reason)
    if kind is not None:
        return Failure(INTERNAL, worded.message, kind)
    return Failure(GRPC_STATUS[worded.code], worded.message, f"{PACKAGE}.http.{TYPES[worded.code]}")


def by_http(status: int) -> int:
    """GRPC's number for one of HTTP; a failure with a number of success is one nevertheless."""
    if status in BY_HTTP:
        return BY_HTTP[status]
    if 400 <= status < 500:
        return FAILED_PRECONDITION
    return INTERNAL if 200 <= status < 300 or 500 <= status < 600 else UNKNOWN


def fail(manner: Manner, draft: AskedDraft | None, error: DragomanError) -> WireResponse:
    """A failed call: the sentence, and the exception's name in a line of its own."""
    return told(failure_of(manner, draft, error))


def told(failure: Failure) -> WireResponse:
    """The failure as the call's status."""
    message = f"{failure.message}\n{failure.kind}" if failure.kind else failure.message
    return WireResponse(failure.status, message=message)


def fail_view(manner: Manner, _: None, error: DragomanError) -> WireResponse:
    """A failed view."""
    return fail(manner, None, error)
