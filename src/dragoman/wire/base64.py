"""Base64 as TensorFlow Serving reads and writes it."""

import binascii
from typing import Final

import msgspec

from dragoman.core.errors import invalid

WHITESPACE: Final = b" \t\n\v\f\r"


def decode_base64(text: str) -> bytes:
    """The bytes. Standard alphabet; white space is skipped; padding may be left out, but not be wrong.

    Errors: INVALID_ARGUMENT.
    """
    # Clients pad, and send no white space. That alone msgspec reads, alike and in a fifth of the time.
    try:
        return msgspec.convert(text, bytes)
    except msgspec.ValidationError:
        return _decode_others(text)


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
