"""Request targets."""

import re
from typing import Final

ORIGIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?]*")  # what the absolute form has before the path


def split_target(target: bytes) -> tuple[str, str]:
    """Path and query, raw. The absolute form (`http://host/path`) is read as its path."""
    text = target.decode("latin-1")
    if not text.startswith("/") and (origin := ORIGIN.match(text)):
        text = text[origin.end() :]
        if not text.startswith("/"):
            text = "/" + text
    path, _, query = text.partition("?")
    return path, query
