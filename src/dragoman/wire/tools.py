"""The tools that a conversation has, and which of them must be called.

Where one must be, what is written is held to a JSON schema: `{"name", "arguments"}` of the tool that is
named, else a list of such objects.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from dragoman.core.generation import Finish, refused, shown
from dragoman.wire.json_exact import JsonObject, JsonValue
from dragoman.wire.json_tree import dump
from dragoman.wire.text_fields import check_size, read_flag

MOST_TOOLS: Final = 128
MOST_CALLS: Final = 16  # in one list
CHOICE: Final = "tool_choice"
DEFINITIONS: Final = ("$defs", "definitions")
NO_ARGUMENTS: Final[Mapping[str, JsonValue]] = {"type": "object", "properties": {}}


class Calls(Struct, frozen=True):
    """Calls that must be made: the JSON schema of what is written, and why such a text ends.

    Source: OpenAI's API, whose reason is `stop` where the caller names the function.
    """

    schema: str
    finish: Finish


def read_tools(fields: JsonObject) -> Sequence[JsonValue] | None:
    """The tools that the model may call; None = none.

    Errors: INVALID_ARGUMENT naming the field.
    """
    tools = fields.get("tools", [])
    if not isinstance(tools, list) or len(tools) > MOST_TOOLS:
        raise refused("tools", f"tools must be a list of at most {MOST_TOOLS}")
    for place, tool in enumerate(tools):
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise refused("tools", f"tools[{place}] must have a function with a name")
        parameters = function.get("parameters")
        if parameters is not None and not isinstance(parameters, dict):
            raise refused("tools", f"tools[{place}].function.parameters must be a schema, an object")
    check_size("tools", tools)
    return None if fields.get(CHOICE) == "none" or not tools else tools


def read_calls(fields: JsonObject, tools: Sequence[Any]) -> Calls | None:
    """What must be called of these tools; None = that is the model's to choose.

    Errors: INVALID_ARGUMENT naming the field.
    """
    choice = fields.get(CHOICE, "auto")
    parallel = read_flag(fields, "parallel_tool_calls", usual=True)
    if choice in ("none", "auto"):
        return None
    if not tools:
        raise refused(CHOICE, f"{CHOICE} goes with tools alone, unless it is none or auto")
    if "response_format" in fields:
        raise refused(CHOICE, f"{CHOICE} goes without response_format, unless it is none or auto")
    functions = {tool["function"]["name"]: tool["function"] for tool in tools}
    if choice == "required":
        items: JsonObject = {"anyOf": [call_schema(function) for function in functions.values()]}
        most = MOST_CALLS if parallel else 1
        schema: JsonObject = {"type": "array", "items": items, "minItems": 1, "maxItems": most}
        return Calls(with_definitions(schema, functions.values()), Finish.TOOL_CALLS)
    name = named(choice)
    if name not in functions:
        raise refused(CHOICE, f"{CHOICE}: there is no tool {name!r}")
    return Calls(with_definitions(call_schema(functions[name]), [functions[name]]), Finish.STOP)


def named(choice: JsonValue) -> str:
    """The name of the function that the caller chose."""
    function = choice.get("function") if isinstance(choice, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(name, str):
        raise refused(
            CHOICE,
            f"{CHOICE} must be none, auto, required, or an object with a function and its name, "
            f"not {shown(choice)}",
        )
    return name


def call_schema(function: Mapping[str, Any]) -> JsonObject:
    """The schema of a call; the definitions of its arguments are told apart."""
    given = function.get("parameters") or NO_ARGUMENTS
    arguments = {word: value for word, value in given.items() if word not in DEFINITIONS}
    return {
        "type": "object",
        "properties": {"name": {"const": function["name"]}, "arguments": arguments},
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }


def with_definitions(schema: JsonObject, functions: Iterable[Mapping[str, Any]]) -> str:
    """The schema with all definitions at its top, where references look for them.

    Errors: INVALID_ARGUMENT for what are none, and where two tools call different ones the same.
    """
    whole: dict[str, Any] = dict(schema)
    for function in functions:
        parameters = function.get("parameters") or {}
        for holder in DEFINITIONS:
            definitions = parameters.get(holder, {})
            if not isinstance(definitions, dict):
                raise refused("tools", f"{holder} of a tool's parameters must be an object")
            for name, definition in definitions.items():
                known = whole.setdefault(holder, {})
                if known.setdefault(name, definition) != definition:
                    raise refused("tools", f"tools define {name!r} in two ways in {holder}")
    return dump(whole).decode()
