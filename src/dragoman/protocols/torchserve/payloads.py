"""What a model's own code answers, as HTTP."""

import re
from collections.abc import Sequence
from typing import Final

from dragoman.core.errors import Code, DragomanError
from dragoman.core.responses import PayloadResponse
from dragoman.protocols.torchserve.answers import FIXED, Manner
from dragoman.wire.messages import Header, Headers, WireResponse

TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
LINE: Final = re.compile(r"[^\r\n\0]*")
CONTENT_TYPE: Final = "content-type"
# What the transport says of an answer; a model's word for it would contradict that.
FRAMING: Final = frozenset({"content-length", "transfer-encoding", "connection"})
REQUEST_ID: Final = "x-request-id"
STRICTLY_OURS: Final = frozenset({REQUEST_ID, *(name.decode().lower() for name, _ in FIXED)})
MORE_FOLLOWS: Final[Header] = (b"ts_stream_next", b"true")  # the reference says so of every streamed answer


def write_payload(manner: Manner, response: PayloadResponse) -> WireResponse:
    """The answer exactly as the model's code chose it; no type unless it chose one.

    Errors: INTERNAL for a status, reason, type or header that HTTP cannot carry.
    """
    head = write_head(manner, response)
    head.body = response.body
    return head


def write_stream_head(manner: Manner, response: PayloadResponse) -> WireResponse:
    """The head of an answer in parts, of which this is the first.

    Errors: as `write_payload`.
    """
    head = write_head(manner, response)
    if all(name.lower() != MORE_FOLLOWS[0] for name, _ in head.headers):
        head.headers.append(MORE_FOLLOWS)
    return head


def write_head(manner: Manner, response: PayloadResponse) -> WireResponse:
    """Status, reason, type and headers."""
    if not 200 <= response.status <= 999:
        raise unsendable(f"the status {response.status}")
    if LINE.fullmatch(response.reason) is None:
        raise unsendable(f"the reason {response.reason!r}")
    kind, headers = split_headers(manner, response.headers)
    kind = kind if response.media_type is None else response.media_type
    if LINE.fullmatch(kind) is None:
        raise unsendable(f"the content type {kind!r}")
    return WireResponse(
        response.status,
        content_type=wire_bytes(kind),
        headers=headers,
        reason=wire_bytes(response.reason),
    )


def split_headers(manner: Manner, given: Sequence[tuple[str, str]]) -> tuple[str, Headers]:
    """The content type among the headers, empty = none, and the others but for those that are ours to set."""
    ours = FRAMING | STRICTLY_OURS if manner.strict else FRAMING
    kind = ""
    headers: Headers = []
    for name, value in given:
        if TOKEN.fullmatch(name) is None or LINE.fullmatch(value) is None:
            raise unsendable(f"the header {name!r}: {value!r}")
        lower = name.lower()
        if lower == CONTENT_TYPE:
            kind = value
        elif lower not in ours:
            headers.append((wire_bytes(name), wire_bytes(value)))
    return kind, headers


def wire_bytes(text: str) -> bytes:
    """A text as HTTP has it in heads; UTF-8 where Latin-1 does not do."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def unsendable(what: str) -> DragomanError:
    """The error for an answer that HTTP cannot carry."""
    return DragomanError(Code.INTERNAL, f"the model's code answered with {what}, which HTTP cannot carry")
