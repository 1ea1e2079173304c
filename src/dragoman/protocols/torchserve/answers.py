"""Answers in TorchServe's manner, with all that it says beside them on a listener of its own dialect."""

from typing import Any, Final

from msgspec import Struct

from dragoman.wire.json_tree import dump_indented
from dragoman.wire.messages import Headers, WireResponse

# What `NettyUtils.sendHttpResponse` of the reference sets on every answer, whatever a handler has set.
FIXED: Final[Headers] = [
    (b"Pragma", b"no-cache"),
    (b"Cache-Control", b"no-cache; no-store, must-revalidate, private"),
    (b"Expires", b"Thu, 01 Jan 1970 00:00:00 UTC"),
]
FAILED: Final = 400  # answers from here on close the connection


class Manner(Struct, frozen=True):
    """How a listener answers. `strict` = as the reference does in everything that a client can see.

    `keeps_repeated`: models that read bodies get every part of a form, also several of one name.
    """

    strict: bool
    keeps_repeated: bool = False


STRICT: Final = Manner(strict=True)


def document(manner: Manner, status: int, value: Any) -> WireResponse:
    """A JSON document, indented as the reference's are."""
    return finished(manner, WireResponse(status, dump_indented(value)))


def finished(manner: Manner, response: WireResponse) -> WireResponse:
    """The answer as this listener gives it."""
    if manner.strict:
        response.headers = [*response.headers, *FIXED]
        response.keep_alive = response.status < FAILED
    return response
