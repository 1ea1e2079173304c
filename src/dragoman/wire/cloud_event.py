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
SPECVERSION: Final = b"ce-specversion"
SPECVERSION_CHARS: Final = len(SPECVERSION)
CONTENT_TYPE: Final = b"content-type"
CONTENT_TYPE_CHARS: Final = len(CONTENT_TYPE)
HINT: Final = b"cloudevents"  # what only the media types of events hold


class EventMode(enum.Enum):
    """Where an event's attributes are."""

    BINARY = "binary"
    STRUCTURED = "structured"


def event_mode(headers: Headers) -> EventMode | None:
    """How these headers carry an event; None = they carry none, which is told at a glance."""
    for name, value in headers:
        size = len(name)
        if (size == SPECVERSION_CHARS and name.lower() == SPECVERSION) or (
            size == CONTENT_TYPE_CHARS and HINT in value.lower()
        ):
            return looked_at(headers)
    return None


def looked_at(headers: Headers) -> EventMode | None:
    """The same for headers that may carry one."""
    structured = False
    names = set()
    for header, value in headers:
        name = header.lower()
        names.add(name)
        if name == CONTENT_TYPE:
            structured = value.partition(b";")[0].strip().lower() == MEDIA_TYPE
    if names >= REQUIRED:
        return EventMode.BINARY
    return EventMode.STRUCTURED if structured else None
