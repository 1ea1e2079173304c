"""Which JSON schemas the engine can hold a text to.

A schema that its compiler does not take ends the whole pipeline, and every text with it. So the known words
are let through and nothing else, and numbers that would make a grammar large are bounded.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from dragoman.core.generation import refused

FIELD: Final = "response_format"
TYPES: Final = frozenset({"object", "array", "string", "number", "integer", "boolean", "null"})
NOTES: Final = frozenset({"title", "description", "default", "examples", "$schema", "$id", "$comment"})
FREE: Final = frozenset({"enum", "const", "required", *NOTES})
SCHEMAS: Final = frozenset({"additionalProperties", "items"})
LISTS: Final = frozenset({"anyOf", "oneOf", "prefixItems"})
MAPS: Final = frozenset({"properties", "$defs", "definitions"})
COUNTS: Final = (("minItems", "maxItems"), ("minLength", "maxLength"))
COUNTED: Final = frozenset(name for pair in COUNTS for name in pair)
MOST: Final = 1000  # items or characters
KNOWN: Final = FREE | SCHEMAS | LISTS | MAPS | COUNTED | {"type", "$ref"}


def check_schema(text: str) -> None:
    """Nothing, if the engine's compiler takes this schema.

    Errors: INVALID_ARGUMENT naming the word that it may not take.
    """
    root = json.loads(text)
    waiting: list[Any] = [root]
    while waiting:
        schema = waiting.pop()
        if isinstance(schema, bool):
            continue
        if not isinstance(schema, dict):
            raise refused(FIELD, f"{FIELD}: a schema must be an object or true or false")
        check_words(schema, root)
        for name, value in schema.items():
            if name in SCHEMAS:
                waiting.append(value)
            elif name in LISTS:
                waiting += listed(name, value)
            elif name in MAPS:
                waiting += mapped(name, value).values()


def check_words(schema: Mapping[str, Any], root: Mapping[str, Any]) -> None:
    """The words of one schema, without those below it."""
    if unknown := sorted(schema.keys() - KNOWN):
        raise refused(FIELD, f"{FIELD}: the engine openvino-genai does not know {unknown[0]!r} in a schema")
    kinds = schema.get("type", [])
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        if not isinstance(kind, str) or kind not in TYPES:
            raise refused(FIELD, f"{FIELD}: a schema's type is one of {', '.join(sorted(TYPES))}")
    for least_name, most_name in COUNTS:
        least, most = (count(name, schema.get(name)) for name in (least_name, most_name))
        if least is not None and most is not None and least > most:
            raise refused(FIELD, f"{FIELD}: {least_name} is above {most_name}")
    required = listed("required", schema.get("required", []))
    if not all(isinstance(name, str) for name in required):
        raise refused(FIELD, f"{FIELD}: required must be a list of names")
    if "enum" in schema and not listed("enum", schema["enum"]):
        raise refused(FIELD, f"{FIELD}: enum must not be empty")
    if "$ref" in schema:
        check_reference(schema["$ref"], root)


def check_reference(reference: Any, root: Mapping[str, Any]) -> None:
    """A reference, which may lead to a definition at the schema's own top."""
    parts = reference.split("/") if isinstance(reference, str) else []
    if len(parts) == 3 and parts[0] == "#" and parts[1] in ("$defs", "definitions"):
        holder = root.get(parts[1])
        if isinstance(holder, dict) and parts[2] in holder:
            return
    raise refused(FIELD, f"{FIELD}: $ref must lead to a definition, as #/$defs/name does")


def count(name: str, value: Any) -> int | None:
    """A number of items or characters."""
    if value is None:
        return None
    if type(value) is not int or not 0 <= value <= MOST:
        raise refused(FIELD, f"{FIELD}: {name} must be a whole number from 0 to {MOST}")
    return value


def listed(name: str, value: Any) -> list[Any]:
    """A list."""
    if not isinstance(value, list):
        raise refused(FIELD, f"{FIELD}: {name} must be a list")
    return value


def mapped(name: str, value: Any) -> dict[str, Any]:
    """An object."""
    if not isinstance(value, dict):
        raise refused(FIELD, f"{FIELD}: {name} must be an object")
    return value
