"""What a parsed head means: how its body is delimited, and whether it may be answered at all."""

import string
from typing import Final

from dragoman.settings.limits import Limits
from dragoman.transports.http.head import CHUNKED, Head
from dragoman.transports.http.parser import VERSIONS, VERSIONS_SPOKEN, HeadParser
from dragoman.transports.http.refusal import Refusal
from dragoman.transports.http.target import split_target

SINGLE: Final = frozenset({b"host", b"content-length", b"transfer-encoding", b"expect"})
# RFC 3986: letters, digits, and the marks that a host, a port and an IP literal may hold
HOST_BYTES: Final = (string.ascii_letters + string.digits + "._~%!$&'()*+,;=:[]-").encode()


def read_head(data: bytes, parser: HeadParser, limits: Limits) -> Head:
    """The head that `parser` was fed with `data`.

    Errors: Refusal 400, 413, 417, 501, 505.
    """
    fields = single_fields(parser)
    check_head(parser, fields)
    if b" HTTP/" not in data[: data.index(b"\r\n", 2)]:  # llhttp takes RTSP/1.0, too
        raise Refusal(400, "malformed request: another protocol's version")
    path, query = split_target(parser.target)
    waits = expects_continue(parser, fields)
    return Head(
        parser.method,
        path,
        query,
        parser.headers,
        modern=parser.version == "1.1",
        keep_alive=parser.keep_alive,
        body_size=body_size(parser, fields, limits),
        waits=waits,
    )


def single_fields(parser: HeadParser) -> dict[bytes, bytes]:
    """The headers of `SINGLE`, each of which may be given once.

    Errors: Refusal 400.
    """
    fields: dict[bytes, bytes] = {}
    for name, value in parser.headers:
        key = name.lower()
        if key in SINGLE:
            if key in fields:
                raise Refusal(400, f"header {key.decode()} is given twice")
            fields[key] = value
    return fields


def check_head(parser: HeadParser, fields: dict[bytes, bytes]) -> None:
    """Refuse what no handler should see.

    Errors: Refusal 400 for a Host that is missing or none, 501 for CONNECT, 505.
    """
    if parser.version not in VERSIONS:
        raise Refusal(505, VERSIONS_SPOKEN)
    if parser.version == "1.1" and b"host" not in fields:
        raise Refusal(400, "header host is missing")
    if fields.get(b"host", b"").translate(None, HOST_BYTES):
        raise Refusal(400, "header host is none")
    if b"#" in parser.target:
        raise Refusal(400, "malformed request: a fragment in the target")
    if parser.method == "CONNECT":
        raise Refusal(501, "this is no proxy: CONNECT is not served")


def body_size(parser: HeadParser, fields: dict[bytes, bytes], limits: Limits) -> int:
    """How many bytes of body follow the head, or CHUNKED.

    Errors: Refusal 400, 413 for an announced length beyond the limit, 501 for a coding other than chunked.
    """
    coding = fields.get(b"transfer-encoding")
    length = fields.get(b"content-length")
    if coding is not None:
        if coding.lower() != b"chunked":
            raise Refusal(501, "the only transfer coding taken is chunked")
        if length is not None or parser.version != "1.1":
            raise Refusal(400, "transfer-encoding goes neither with content-length nor with HTTP/1.0")
        return CHUNKED
    if length is None:
        return 0
    if not length.isdigit():
        raise Refusal(400, "header content-length is no number")
    size = int(length)  # of at most 20 digits: llhttp refuses what overflows 64 bits
    if size > limits.body_bytes:
        raise too_large(limits)
    return size


def expects_continue(parser: HeadParser, fields: dict[bytes, bytes]) -> bool:
    """Whether the client waits for a 100 before it sends the body.

    Errors: Refusal 417 for any other expectation.
    """
    expectation = fields.get(b"expect")
    if expectation is None or parser.version == "1.0":
        return False
    if expectation.lower() != b"100-continue":
        raise Refusal(417, "the only expectation met is 100-continue")
    return True


def too_large(limits: Limits) -> Refusal:
    """The refusal of a body beyond the limit."""
    return Refusal(413, f"the body is larger than the limit of {limits.body_bytes} bytes")
