"""Calls of tools that must be made, as the JSON schema of what is written."""

import json
from typing import Any

import pytest

from dragoman.core.errors import DragomanError
from dragoman.core.generation import Finish
from dragoman.wire.tools import Calls, read_calls, read_tools

CITY: Any = {
    "type": "object",
    "properties": {"city": {"$ref": "#/$defs/city"}},
    "$defs": {"city": {"enum": ["a"]}},
}
WEATHER: Any = {"type": "function", "function": {"name": "weather", "parameters": CITY}}
TIME: Any = {"type": "function", "function": {"name": "time"}}
NAMED: Any = {"type": "function", "function": {"name": "weather"}}
CALL: Any = {
    "type": "object",
    "properties": {
        "name": {"const": "weather"},
        "arguments": {"type": "object", "properties": {"city": {"$ref": "#/$defs/city"}}},
    },
    "required": ["name", "arguments"],
    "additionalProperties": False,
}


def calls(**fields: Any) -> Calls | None:
    given = {"tools": [WEATHER, TIME], **fields}
    return read_calls(given, read_tools(given) or ())


@pytest.mark.parametrize("choice", ["none", "auto"])
def test_usually_what_is_called_is_the_models_to_choose(choice: str) -> None:
    assert calls(tool_choice=choice) is None
    assert calls() is None


def test_a_named_tool_is_called_once_with_its_definitions_at_the_top() -> None:
    made = calls(tool_choice=NAMED)
    assert made is not None
    assert json.loads(made.schema) == {**CALL, "$defs": {"city": {"enum": ["a"]}}}
    assert made.finish is Finish.STOP


@pytest.mark.parametrize(("parallel", "most"), [({}, 16), ({"parallel_tool_calls": False}, 1)])
def test_where_some_tool_must_be_called_a_list_of_calls_is_written(parallel: Any, most: int) -> None:
    made = calls(tool_choice="required", **parallel)
    assert made is not None
    schema = json.loads(made.schema)
    assert (schema["type"], schema["minItems"], schema["maxItems"]) == ("array", 1, most)
    weather, time = schema["items"]["anyOf"]
    assert weather == CALL
    assert time["properties"]["arguments"] == {"type": "object", "properties": {}}
    assert made.finish is Finish.TOOL_CALLS


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tool_choice": "any"}, "tool_choice"),
        ({"tool_choice": {"type": "function"}}, "tool_choice"),
        ({"tool_choice": {"function": {"name": "missing"}}}, "tool_choice"),
        ({"tool_choice": "required", "tools": []}, "tool_choice"),
        ({"tool_choice": "required", "response_format": {"type": "text"}}, "tool_choice"),
        ({"tool_choice": "required", "parallel_tool_calls": 1}, "parallel_tool_calls"),
        ({"tools": [{"function": {"name": "f", "parameters": "none"}}]}, "tools"),
    ],
)
def test_what_cannot_be_is_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(DragomanError) as caught:
        calls(**fields)
    assert caught.value.param == param


def test_two_definitions_of_one_name_are_refused() -> None:
    other: Any = {"function": {"name": "other", "parameters": {**CITY, "$defs": {"city": {"enum": ["b"]}}}}}
    with pytest.raises(DragomanError, match="'city' in two ways"):
        calls(tools=[WEATHER, other], tool_choice="required")
