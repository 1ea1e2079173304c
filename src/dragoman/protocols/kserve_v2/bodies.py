"""Bodies of requests for operators: an object, or nothing at all."""

from typing import Final

from dragoman.core.errors import invalid
from dragoman.wire.json_exact import JsonObject
from dragoman.wire.json_tree import excerpt, load
from dragoman.wire.messages import WireRequest

MAX_DEPTH: Final = 1024  # what the fast parser takes; files make bodies long


def read_object(wire: WireRequest) -> JsonObject:
    """The object that a body is; an empty one where there is no body.

    Errors: INVALID_ARGUMENT.
    """
    if not len(wire.body):
        return {}
    tree = load(wire.body, MAX_DEPTH)
    if type(tree) is not dict:
        raise invalid(f"the body must be a JSON object, not {excerpt(tree)}")
    return tree


def read_parameters(tree: JsonObject) -> JsonObject:
    """Its `parameters`; those that are null count as absent.

    Errors: INVALID_ARGUMENT.
    """
    given = tree.get("parameters")
    if given is None:
        return {}
    if type(given) is not dict:
        raise invalid(f"'parameters' must be an object, not {excerpt(given)}")
    return {name: value for name, value in given.items() if value is not None}
