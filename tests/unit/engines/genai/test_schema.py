"""Which schemas reach the engine's compiler, which a wrong one would end."""

import json
from typing import Any

import pytest

from dragoman.core.errors import DragomanError
from dragoman.engines.genai.schema import check_schema

PERSON = {
    "$defs": {"name": {"type": "string", "minLength": 1, "maxLength": 40}},
    "type": "object",
    "title": "Person",
    "properties": {
        "name": {"$ref": "#/$defs/name"},
        "age": {"type": ["integer", "null"]},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 3},
        "more": {"anyOf": [{"const": 1}, {"type": "boolean"}]},
    },
    "required": ["name"],
    "additionalProperties": False,
}


def test_what_people_ask_for_is_taken() -> None:
    check_schema(json.dumps(PERSON))
    check_schema("{}")


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "nonsense"},
        {"type": 5},
        {"type": "string", "pattern": "(a+)+$"},
        {"type": "string", "format": "date"},
        {"$ref": "http://host/schema"},
        {"$ref": "#/$defs/missing"},
        {"$ref": 5},
        {"properties": []},
        {"properties": {"a": {"properties": {"b": {"type": "x"}}}}},
        {"properties": {"a": "string"}},
        {"items": [{"type": "string"}]},
        {"anyOf": {}},
        {"required": "a"},
        {"required": [1]},
        {"enum": []},
        {"minItems": 10**9},
        {"minItems": -1},
        {"maxLength": 1.5},
        {"minItems": 3, "maxItems": 2},
        {"allOf": [{"type": "string"}]},
        {"not": {}},
    ],
    ids=json.dumps,
)
def test_what_its_compiler_may_not_take_is_named(schema: Any) -> None:
    with pytest.raises(DragomanError) as caught:
        check_schema(json.dumps(schema))
    assert caught.value.param == "response_format"
