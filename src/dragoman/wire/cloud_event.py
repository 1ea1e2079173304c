"""How a request tells that it is a CloudEvent.

Binary mode: the attributes are headers and the body is the payload. Structured mode: the body is an event in
JSON, and its media type says so. Anything else is no event, a body that looks like one included.
"""

import enum
from typing import Final

from dragoman.wire.messages import Headers

MEDIA_TYPE: Final = b"application/cloudevents+json"
PREFIX: Final = b"ce-"
REQUIRED: Final = frozenset({b"ce-id", b"ce-source", b"ce-specversion", b"ce-type"})
CONTENT_TYPE_CHARS: Final = len(b"content-type")


class EventMode(enum.Enum):
    """Where an event's attributes are."""

    BINARY = "binary"
    STRUCTURED = "structured"


def event_mode(headers: Headers) -> EventMode | None:
    """How these headers carry an event; None = they carry none."""
    structured = False
    found = set()
    for name, value in headers:
        if len(name) == CONTENT_TYPE_CHARS and name.lower() == b"content-type":
            structured = value.partition(b";")[0].strip().lower() == MEDIA_TYPE
        elif name[: len(PREFIX)].lower() == PREFIX:
            found.add(name.lower())
    if found >= REQUIRED:
        return EventMode.BINARY
    return EventMode.STRUCTURED if structured else None
