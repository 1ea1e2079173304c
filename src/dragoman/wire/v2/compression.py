"""Compressed bodies in, and compressed answers for those who ask for them."""

import zlib
from functools import lru_cache
from typing import Final

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.settings.limits import Limits
from dragoman.wire.inflate import FORMS, inflate_whole
from dragoman.wire.messages import WireResponse

Body = bytes | bytearray | memoryview

ENCODINGS: Final = b"gzip, deflate"  # of a request's body
MIN_BYTES: Final = 1024  # below, compressing saves no packet
LEVEL: Final = 1  # a fifth of the time of zlib's default for some 10 % more bytes
OFFERED: Final = (b"gzip", b"deflate")  # the better one first
IDENTITY: Final = b"identity"
ANY: Final = b"*"
CACHED_BYTES: Final = 128  # of a header's value; clients send one of few


def inflated(body: Body, encoding: bytes, limits: Limits) -> Body:
    """What the body was before it was compressed as `Content-Encoding` says.

    Errors: INVALID_ARGUMENT for a broken body, TOO_LARGE beyond `limits.inflated_bytes`, UNIMPLEMENTED with
    reason ENCODING_UNKNOWN for another encoding.
    """
    coding = encoding.strip().lower()
    if coding in (b"", IDENTITY):
        return body
    if coding not in FORMS:
        shown = coding[:64].decode("ascii", "replace")
        message = f"Content-Encoding {shown!r} is not supported; supported are {ENCODINGS.decode()}"
        raise DragomanError(Code.UNIMPLEMENTED, message, reason=Reason.ENCODING_UNKNOWN)
    return inflate_whole(body, coding, limits.inflated_bytes)


def compress(response: WireResponse, accepted: bytes) -> WireResponse:
    """The answer as `Accept-Encoding` asks for it, where that makes it smaller."""
    coding = wanted_coding(accepted)
    size = len(response.body)
    if coding is not None and size > MIN_BYTES:
        body = zlib.compress(response.body, LEVEL, FORMS[coding])
        if len(body) < size:
            response.body = body
            response.headers = [*response.headers, (b"Content-Encoding", coding)]
    return response


def wanted_coding(accepted: bytes) -> bytes | None:
    """As `choose`, without reading the usual headers over and over."""
    return preferred(accepted) if len(accepted) <= CACHED_BYTES else choose(accepted)


def choose(accepted: bytes) -> bytes | None:
    """The coding that the client likes best of those there are; None = none at all."""
    weights = dict(map(weighted, accepted.lower().split(b",")))
    others = weights.get(ANY, 0.0)
    best = max(OFFERED, key=lambda coding: weights.get(coding, others))  # the first of equal ones
    weight = weights.get(best, others)
    return best if weight > 0 and weight >= weights.get(IDENTITY, 0.0) else None


preferred = lru_cache(256)(choose)


def weighted(entry: bytes) -> tuple[bytes, float]:
    """A coding and its weight: `gzip;q=0.5`. A weight that is none counts as nothing."""
    coding, _, parameters = entry.partition(b";")
    name, _, value = parameters.partition(b"=")
    if name.strip() != b"q":
        return coding.strip(), 1.0
    try:
        return coding.strip(), float(value)
    except ValueError:
        return coding.strip(), 0.0
