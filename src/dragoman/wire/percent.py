"""Percent-encoding in paths."""

import re
from typing import Final

ENCODED: Final = re.compile(rb"%([0-9a-fA-F]{2})")


def form_decoded(data: bytes) -> bytes:
    """A name or a value of a form: `+` is a blank, and every %XX its byte, once."""
    data = data.replace(b"+", b" ")
    return ENCODED.sub(_byte, data) if b"%" in data else data


def percent_decoded(text: str) -> str:
    """The text with every %XX replaced by its byte, once. Bytes that are no UTF-8 become U+FFFD."""
    if "%" not in text:
        return text
    raw = text.encode("utf-8", "surrogateescape")
    return ENCODED.sub(_byte, raw).decode("utf-8", "replace")


def _byte(found: re.Match[bytes]) -> bytes:
    return bytes([int(found.group(1), 16)])
