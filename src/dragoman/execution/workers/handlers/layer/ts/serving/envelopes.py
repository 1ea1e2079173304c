"""Service envelopes by their names."""

import importlib
import re
from typing import Any

from ts.context import Context
from ts.serving.entry_point import Handle
from ts.utils.util import list_classes_from_module

NAMES = ("body", "json", "kserve", "kservev2")
OF_JSON = NAMES[1:]
TEXT, BYTES = re.compile(r"\s*[{\[]"), re.compile(rb"\s*[{\[]")  # how JSON for an envelope begins
PATH = "url_path"  # a header that the server sets of /predictions and /explanations alone


def find(name: str) -> Any:
    """The envelope's class.

    Errors: ValueError for a name that is none.
    """
    if name not in NAMES:
        raise ValueError(f"there is no service envelope {name}, only {', '.join(NAMES)}")
    module = importlib.import_module(f"ts.torch_handler.request_envelope.{name}")
    return list_classes_from_module(module)[0]


def goes_past(name: str, data: list[dict[str, Any]], context: Context) -> bool:
    """Whether no request of the batch has JSON for the envelope, nor came by a path that is of JSON.

    TorchServe has one envelope for every path, so a file that is sent to /predictions always fails there.
    """
    return name in OF_JSON and all(
        context.get_request_header(index, PATH) is not None and is_no_json(row)
        for index, row in enumerate(data)
    )


def is_no_json(row: dict[str, Any]) -> bool:
    """Whether an envelope would find nothing to open, or bytes or text in which no object or list begins."""
    body = row.get("data") or row.get("body")
    if body is None:
        return True
    if isinstance(body, list):  # of a form with several parts of one name, or of JSON
        return any(isinstance(part, bytes | bytearray) for part in body)
    if isinstance(body, str):
        return TEXT.match(body) is None
    return isinstance(body, bytes | bytearray) and BYTES.match(body) is None


def wrapped(name: str, handle: Handle) -> Handle:
    """The handler behind the envelope, for one call: an envelope remembers what it opened."""
    function: Handle = find(name)(handle).handle
    return function
