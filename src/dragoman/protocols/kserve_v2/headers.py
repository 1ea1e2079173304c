"""The three headers that say how a body is to be read, and how an answer may be written."""

from typing import Final

from dragoman.wire.messages import Headers
from dragoman.wire.v2.binary import LENGTH_HEADER

LENGTH: Final = LENGTH_HEADER.lower()
ACCEPTED: Final = b"accept-encoding"
ENCODING: Final = b"content-encoding"
SIZES: Final = frozenset({len(LENGTH), len(ACCEPTED), len(ENCODING)})


def read_headers(headers: Headers) -> tuple[bytes | None, bytes | None, bytes | None]:
    """Content-Encoding, Inference-Header-Content-Length and Accept-Encoding, in one pass."""
    encoding = length = accepted = None
    for name, value in headers:
        if len(name) not in SIZES:
            continue
        key = name.lower()
        if key == LENGTH:
            length = value
        elif key == ACCEPTED:
            accepted = value
        elif key == ENCODING:
            encoding = value
    return encoding, length, accepted
