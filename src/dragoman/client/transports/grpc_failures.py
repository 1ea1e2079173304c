"""What the failures of gRPC are to a caller."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import grpc

from dragoman.client.errors import BadAnswer, ClientError, Code, ConnectionFailed, ServerError, TimedOut

# gRPC has a channel that could not be made answer for the server: its words are all that tells it.
NEVER_SENT: Final = ("failed to connect to all addresses", "errors resolving ", "DNS resolution failed")
BROKEN_OFF: Final = ("Socket closed", "recvmsg:", "Connection reset", "Broken pipe", "Stream removed")
TOO_LARGE: Final = "Received message larger than max"
SLACK_S: Final = 0.01  # by which gRPC's clock may be ahead of ours

CODES: Final[Mapping[grpc.StatusCode, Code]] = {
    grpc.StatusCode.OK: Code.INTERNAL,  # it is no failure, and none comes with it
    grpc.StatusCode.CANCELLED: Code.CANCELLED,
    grpc.StatusCode.UNKNOWN: Code.INTERNAL,
    grpc.StatusCode.INVALID_ARGUMENT: Code.INVALID_ARGUMENT,
    grpc.StatusCode.DEADLINE_EXCEEDED: Code.DEADLINE_EXCEEDED,
    grpc.StatusCode.NOT_FOUND: Code.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS: Code.ALREADY_EXISTS,
    grpc.StatusCode.PERMISSION_DENIED: Code.PERMISSION_DENIED,
    grpc.StatusCode.UNAUTHENTICATED: Code.UNAUTHENTICATED,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Code.RESOURCE_EXHAUSTED,
    grpc.StatusCode.FAILED_PRECONDITION: Code.FAILED_PRECONDITION,
    grpc.StatusCode.ABORTED: Code.FAILED_PRECONDITION,
    grpc.StatusCode.OUT_OF_RANGE: Code.INVALID_ARGUMENT,
    grpc.StatusCode.UNIMPLEMENTED: Code.UNIMPLEMENTED,
    grpc.StatusCode.INTERNAL: Code.INTERNAL,
    grpc.StatusCode.UNAVAILABLE: Code.UNAVAILABLE,
    grpc.StatusCode.DATA_LOSS: Code.INTERNAL,
}


def told(error: Any) -> tuple[grpc.StatusCode, str, Iterable[tuple[str, str | bytes]]]:
    """What the failure of an RPC says; its declared type, `grpc.RpcError`, knows nothing of it."""
    return error.code(), error.details() or "", error.trailing_metadata() or ()


def no_rpc(
    status: grpc.StatusCode, details: str, trailers: Iterable[tuple[str, str | bytes]], *, late: bool
) -> ClientError:
    """The error for an RPC that failed. `late` = its deadline has passed."""
    if late and status in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED):
        return TimedOut("no answer came in time")
    if status is grpc.StatusCode.UNAVAILABLE and details.startswith(NEVER_SENT):
        return ConnectionFailed(f"no connection: {details}", sent=False)
    if status is grpc.StatusCode.UNAVAILABLE and details.startswith(BROKEN_OFF):
        return ConnectionFailed(f"the connection broke: {details}", sent=True)
    if status is grpc.StatusCode.RESOURCE_EXHAUSTED and TOO_LARGE in details:
        return BadAnswer(f"the answer is larger than it may be (max_answer_bytes): {details}")
    waits = [value for key, value in trailers if key == "retry-after" and isinstance(value, str)]
    wait = waits[0] if waits and waits[0].isascii() and waits[0].isdigit() else None
    return ServerError(
        details or "the server does not say why",
        code=CODES[status],
        status=status.value[0],
        retry_after_s=None if wait is None else float(wait),
    )
