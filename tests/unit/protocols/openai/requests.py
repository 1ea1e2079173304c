"""Requests of OpenAI's clients, for tests of what reads them."""

import json
import re
from typing import Any

from dragoman.core.generation import Abilities, TextTraits
from dragoman.core.text_signature import text_signature
from dragoman.settings.limits import Limits
from dragoman.wire.messages import WireRequest
from dragoman.wire.surroundings import Surroundings

SURROUNDINGS = Surroundings(lambda: 1234.5, lambda: "12-34")
LIMITS = Limits()
TRAITS = TextTraits("scripted", 64, Abilities())
SIGNATURE = text_signature(TRAITS)
HELLO = [{"role": "user", "content": "Say hello."}]


def wire(body: bytes, media_type: bytes | None = b"application/json") -> WireRequest:
    headers = [] if media_type is None else [(b"Content-Type", media_type)]
    return WireRequest("POST", "/v1/chat/completions", "", headers, body)


def fields(**given: Any) -> WireRequest:
    """A body of these fields, for the model m."""
    body = json.dumps({"model": "m", **given})
    return wire(
        re.sub(r'"<(\d+) deep>"', lambda deep: "[" * int(deep[1]) + "]" * int(deep[1]), body).encode()
    )


def nested(depth: int) -> str:
    """What stands in `fields` for lists in lists, which Python's own printer does not write so deep."""
    return f"<{depth} deep>"
