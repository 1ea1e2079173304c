"""Server-sent events: one line of JSON each, and what stands around them."""

from typing import Final

from dragoman.wire.messages import Headers, WireResponse

EVENTS: Final = b"text/event-stream; charset=utf-8"
DONE: Final = b"data: [DONE]\n\n"
PING: Final = b": ping\n\n"  # a comment, which readers skip
HEADERS: Final[Headers] = [(b"Cache-Control", b"no-cache"), (b"X-Accel-Buffering", b"no")]


def event(data: bytes) -> bytes:
    """One event. JSON as this server writes it has no line ends."""
    return b"data: %b\n\n" % data


def events_head() -> WireResponse:
    """The head of a stream of events, which nobody on the way may keep or hold back."""
    return WireResponse(200, content_type=EVENTS, headers=list(HEADERS))
