"""Percent-encoding in paths."""

import re
from typing import Final

ENCODED: Final = re.compile(rb"%([0-9a-fA-F]{2})")


def percent_decoded(text: str) -> str:
    """The text with every %XX replaced by its byte, once. Bytes that are no UTF-8 become U+FFFD."""
    if "%" not in text:
        return text
    raw = text.encode("utf-8", "surrogateescape")
    return ENCODED.sub(lambda found: bytes([int(found.group(1), 16)]), raw).decode("utf-8", "replace")
