"""The three headers that say how a body is to be read, and how an answer may be written."""

from typing import Final

from dragoman.wire.messages import Headers
from dragoman.wire.v2.binary import LENGTH_HEADER

LENGTH: Final = LENGTH_HEADER.lower()
ACCEPTED: Final = b"accept-encoding"
ENCODING: Final = b"content-encoding"
SIZES: Final = frozenset({len(LENGTH), len(ACCEPTED), len(ENCODING)})


def read_headers(headers: Headers) -> tuple[bytes | None, bytes | None, bytes | None]:
    """Content-Encoding, Inference-Header-Content-Length and Accept-Encoding, in one pass.

    One that comes several times is a list, as HTTP has it: two lengths are no number, whichever is meant.
    """
    encoding = length = accepted = None
    for name, value in headers:
        if len(name) not in SIZES:
            continue
        key = name.lower()
        if key == LENGTH:
            length = joined(length, value)
        elif key == ACCEPTED:
            accepted = joined(accepted, value)
        elif key == ENCODING:
            encoding = joined(encoding, value)
    return encoding, length, accepted


def joined(before: bytes | None, value: bytes) -> bytes:
    """A header's value, after what came before of the same name."""
    return value if before is None else b"%b, %b" % (before, value)
