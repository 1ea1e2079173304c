"""What a call's header fields say."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from dragoman.transports.grpc.http2.errors import ErrorCode
from dragoman.transports.grpc.http2.static_table import Field
from dragoman.transports.grpc.messages import ENCODINGS
from dragoman.transports.grpc.methods import Method
from dragoman.transports.grpc.status import INTERNAL, RESOURCE_EXHAUSTED, UNIMPLEMENTED, trailers
from dragoman.wire.messages import Headers

PSEUDO: Final = frozenset({b":method", b":scheme", b":path", b":authority"})
NEEDED: Final = frozenset({b":method", b":scheme", b":path"})
# Of a connection, which HTTP/2 has none of.
FORBIDDEN: Final = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"}
)
# Those that are gRPC's own; all others are metadata.
OWN: Final = frozenset(
    {b"te", b"content-type", b"grpc-timeout", b"grpc-encoding", b"grpc-accept-encoding", b"grpc-message-type"}
)
WRONG_NAME: Final = re.compile(rb"[\x00-\x20A-Z\x7f-\xff]")
WRONG_VALUE: Final = re.compile(rb"[\0\r\n]")
CONTENT_TYPE: Final = re.compile(rb"application/grpc(?:[+;].*)?", re.IGNORECASE)
TIMEOUT: Final = re.compile(rb"([0-9]{1,8})([HMSmun])")
SECONDS: Final[Mapping[bytes, float]] = {
    b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9,
}  # fmt: skip


class Head(Struct, gc=False):
    """The beginning of a call. `refusal` = the block that answers it at once; `fault` = what it breaks."""

    path: str = ""
    method: Method | None = None
    headers: Headers = []
    timeout_s: float | None = None
    encoding: bytes = b"identity"
    refusal: bytes | None = None
    fault: ErrorCode | None = None


class MalformedError(Exception):
    """A head that is no HTTP/2."""


class RefusedError(Exception):
    """A head that is no gRPC; `answer` says so."""

    def __init__(
        self, status: int, message: str, http_status: int = 200, headers: Headers | None = None
    ) -> None:
        super().__init__(message)
        self.answer = trailers(status, message, headers or [], alone=True, http_status=http_status)


def read_head(fields: list[Field] | None, methods: Mapping[str, Method], services: str) -> Head:
    """The head that these fields are; None = they are more than the limit."""
    if fields is None:
        message = "the call's metadata are larger than the server's limit (limits.header_bytes)"
        return Head(refusal=trailers(RESOURCE_EXHAUSTED, message, [], alone=True))
    try:
        given, metadata = sorted_out(fields)
        return grpc_head(given, metadata, methods, services)
    except MalformedError:
        return Head(fault=ErrorCode.PROTOCOL_ERROR)
    except RefusedError as error:
        return Head(refusal=error.answer)


def sorted_out(fields: list[Field]) -> tuple[dict[bytes, bytes], Headers]:
    """What HTTP/2 and gRPC say themselves, and the metadata.

    Errors: MalformedError; RefusedError.
    """
    given: dict[bytes, bytes] = {}
    metadata: Headers = []
    regular = False
    for name, value in fields:
        if name[:1] == b":":
            if regular or name not in PSEUDO or name in given:
                raise MalformedError
            given[name] = value
            continue
        regular = True
        if not name or WRONG_NAME.search(name) or WRONG_VALUE.search(value) or name in FORBIDDEN:
            raise MalformedError
        if name in OWN:
            given[name] = value
        else:
            metadata += ((name, part) for part in metadata_values(name, value))
    if (
        not given.keys() >= NEEDED
        or not given[b":path"]
        or given.get(b"te", b"trailers").lower() != b"trailers"
    ):
        raise MalformedError
    return given, metadata


def grpc_head(
    given: Mapping[bytes, bytes], metadata: Headers, methods: Mapping[str, Method], services: str
) -> Head:
    """The head of a call that is known here.

    Errors: RefusedError.
    """
    if given[b":method"] != b"POST":
        raise RefusedError(
            INTERNAL, f"gRPC is sent with POST, not {given[b':method'].decode('latin-1')}", 405
        )
    content_type = given.get(b"content-type", b"")
    if not CONTENT_TYPE.fullmatch(content_type):
        shown = content_type.decode("latin-1")
        raise RefusedError(INTERNAL, f"the content-type of gRPC is application/grpc, not {shown!r}", 415)
    path = given[b":path"].decode("latin-1")
    method = methods.get(path)
    if method is None:
        raise RefusedError(UNIMPLEMENTED, f"there is no method {path}; the services here are {services}")
    encoding = given.get(b"grpc-encoding", b"identity")
    if encoding not in ENCODINGS:
        known = b",".join(ENCODINGS)
        raise RefusedError(
            UNIMPLEMENTED,
            f"grpc-encoding {encoding.decode('latin-1')!r}: there are {known.decode()}",
            headers=[(b"grpc-accept-encoding", known)],
        )
    timeout_s = seconds(given[b"grpc-timeout"]) if b"grpc-timeout" in given else None
    return Head(path, method, metadata, timeout_s, encoding)


def metadata_values(name: bytes, value: bytes) -> list[bytes]:
    """The values that a header has, which are several where they are binary and joined.

    Errors: RefusedError for what is no base64.
    """
    if not name.endswith(b"-bin"):
        return [value]
    try:
        return [base64.b64decode(part + b"=" * (-len(part) % 4), validate=True) for part in value.split(b",")]
    except binascii.Error:
        raise RefusedError(INTERNAL, f"the metadata {name.decode()} are no base64") from None


def seconds(timeout: bytes) -> float:
    """The time that the client gives the call.

    Errors: RefusedError.
    """
    found = TIMEOUT.fullmatch(timeout)
    if found is None:
        shown = timeout.decode("latin-1")
        raise RefusedError(
            INTERNAL, f"grpc-timeout {shown!r}: it is up to 8 digits and one of H, M, S, m, u, n"
        )
    return int(found[1]) * SECONDS[found[2]]
