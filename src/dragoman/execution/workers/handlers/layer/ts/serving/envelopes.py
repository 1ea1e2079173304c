"""Service envelopes by their names."""

import importlib
from typing import Any

from ts.serving.entry_point import Handle
from ts.utils.util import list_classes_from_module

NAMES = ("body", "json", "kserve", "kservev2")


def find(name: str) -> Any:
    """The envelope's class.

    Errors: ValueError for a name that is none.
    """
    if name not in NAMES:
        raise ValueError(f"there is no service envelope {name}, only {', '.join(NAMES)}")
    module = importlib.import_module(f"ts.torch_handler.request_envelope.{name}")
    return list_classes_from_module(module)[0]


def wrapped(name: str, handle: Handle) -> Handle:
    """The handler behind the envelope, for one call: an envelope remembers what it opened."""
    function: Handle = find(name)(handle).handle
    return function
