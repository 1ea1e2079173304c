"""Base64 as TensorFlow Serving reads and writes it."""

import binascii
from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec

from dragoman.core.errors import invalid

b64decode: Callable[..., bytes] | None
try:
    from pybase64 import b64decode as found
except ImportError:
    b64decode = None
else:
    b64decode = found

WHITESPACE: Final = b" \t\n\v\f\r"
# Padded text without white space, as clients send it: msgspec reads that in a fifth of the time that binascii
# takes, and pybase64, where it is installed, in a tenth of msgspec's. All three take and refuse the same.
MSGSPEC: Final[Callable[[str], bytes]] = partial(msgspec.convert, type=bytes)
FASTEST: Final[Callable[[str], bytes]] = MSGSPEC if b64decode is None else partial(b64decode, validate=True)


def decode_base64(text: str) -> bytes:
    """The bytes. Standard alphabet; white space is skipped; padding may be left out, but not be wrong.

    Errors: INVALID_ARGUMENT.
    """
    try:
        return FASTEST(text)
    except (ValueError, msgspec.ValidationError):
        return _decode_others(text)


def decode_plain(text: memoryview) -> bytes | None:
    """The same of text that is not decoded yet, padded and without white space; None for any other."""
    try:
        if b64decode is None:
            return MSGSPEC(str(text, "ascii"))
        return b64decode(text, validate=True)
    except (ValueError, msgspec.ValidationError):
        return None


def _decode_others(text: str) -> bytes:
    try:
        raw = text.encode("ascii").translate(None, WHITESPACE)
        if b"=" not in raw:
            raw += b"=" * (-len(raw) % 4)
        return binascii.a2b_base64(raw, strict_mode=True)
    except (UnicodeEncodeError, binascii.Error):
        raise invalid("Unable to base64 decode") from None


def encode_base64(data: bytes) -> str:
    """Padded text of the standard alphabet."""
    return binascii.b2a_base64(data, newline=False).decode()
