"""From the parts of requests to the dicts that handlers get."""

import json
import logging
from typing import Any

from ts.serving.requests import Part, Request

logger = logging.getLogger(__name__)


def data_of(request: Request, *, decode: bool) -> dict[str, Any]:
    """Each part by its name; those of one name are a list.

    TorchServe's handlers get no such lists: there, and here unless `repeated_parts` is `all`, only the last
    part of a name comes so far.
    """
    values: dict[str, list[Any]] = {}
    for part in request.parts:
        values.setdefault(part.name, []).append(value_of(part, decode=decode))
    return {name: given if len(given) > 1 else given[0] for name, given in values.items()}


def headers_of(request: Request) -> dict[str, Any]:
    """The parts' types by their names, and the headers, which win where a name is both."""
    types: dict[str, Any] = {part.name: {"content-type": media_type(part)} for part in request.parts}
    types.update(request.headers)
    return types


def media_type(part: Part) -> str:
    """The content type without its parameters; empty where there is none."""
    return (part.content_type or "").partition(";")[0]


def value_of(part: Part, *, decode: bool) -> Any:
    """JSON as its value, text as a str, anything else, and what cannot be decoded, as a bytearray.

    Types are compared as they are written: `Application/JSON` is not JSON here, nor in TorchServe.
    """
    raw = part.value if isinstance(part.value, bytearray) else bytearray(part.value)
    kind = media_type(part)
    if not decode or not (kind == "application/json" or kind.startswith("text")):
        return raw
    try:
        text = raw.decode()
        return json.loads(text) if kind == "application/json" else text
    except (ValueError, RecursionError):
        logger.warning("part %r is no %s, so the handler gets its bytes", part.name, kind)
        return raw
