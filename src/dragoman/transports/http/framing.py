"""How the body of a request is delimited, and whether its head is one that may be answered at all."""

import re
from typing import Final

from dragoman.settings.limits import Limits
from dragoman.transports.http.head import VERSIONS, Head
from dragoman.transports.http.refusal import Refusal

CHUNKED: Final = -1  # the body itself tells where it ends

SINGLE: Final = frozenset({b"host", b"content-length", b"transfer-encoding", b"expect"})
SINGLE_LENGTHS: Final = frozenset(map(len, SINGLE))
HOST: Final = re.compile(rb"[A-Za-z0-9._~%!$&'()*+,;=:\[\]-]*")
DIGITS: Final = re.compile(rb"[0-9]{1,19}")


def single_fields(head: Head) -> dict[bytes, bytes]:
    """The headers of `SINGLE`, each of which may be given once.

    Errors: Refusal 400.
    """
    fields: dict[bytes, bytes] = {}
    for name, value in head.headers:
        if len(name) in SINGLE_LENGTHS:
            key = name.lower()
            if key in SINGLE:
                if key in fields:
                    raise Refusal(400, f"header {key.decode()} is given twice")
                fields[key] = value
    return fields


def check_head(head: Head, fields: dict[bytes, bytes]) -> None:
    """Refuse what no handler should see.

    Errors: Refusal 400 for a Host that is missing or none, 417, 501 for CONNECT, 505.
    """
    if head.version != "1.1":
        if head.version not in VERSIONS:
            raise Refusal(505, "only HTTP/1.0 and HTTP/1.1 are spoken here")
    elif b"host" not in fields:
        raise Refusal(400, "header host is missing")
    if (host := fields.get(b"host")) and HOST.fullmatch(host) is None:
        raise Refusal(400, "header host is none")
    if b"#" in head.target:
        raise Refusal(400, "malformed request: a fragment in the target")
    if head.method == "CONNECT":
        raise Refusal(501, "this is no proxy: CONNECT is not served")


def body_size(head: Head, fields: dict[bytes, bytes], limits: Limits) -> int:
    """How many bytes of body follow the head, or CHUNKED.

    Errors: Refusal 400, 413 for an announced length beyond the limit, 501 for a coding other than chunked.
    """
    coding = fields.get(b"transfer-encoding")
    length = fields.get(b"content-length")
    if coding is not None:
        if coding.lower() != b"chunked":
            raise Refusal(501, "the only transfer coding taken is chunked")
        if length is not None or head.version != "1.1":
            raise Refusal(400, "transfer-encoding goes neither with content-length nor with HTTP/1.0")
        return CHUNKED
    if length is None:
        return 0
    if DIGITS.fullmatch(length) is None:
        raise Refusal(400, "header content-length is no number")
    size = int(length)
    if size > limits.body_bytes:
        raise too_large(limits)
    return size


def expects_continue(head: Head, fields: dict[bytes, bytes]) -> bool:
    """Whether the client waits for a 100 before it sends the body.

    Errors: Refusal 417 for any other expectation.
    """
    expectation = fields.get(b"expect")
    if expectation is None or head.version == "1.0":
        return False
    if expectation.lower() != b"100-continue":
        raise Refusal(417, "the only expectation met is 100-continue")
    return True


def too_large(limits: Limits) -> Refusal:
    """The refusal of a body beyond the limit."""
    return Refusal(413, f"the body is larger than the limit of {limits.body_bytes} bytes")
