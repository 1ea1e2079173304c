"""Conversations as OpenAI's API has them, made what chat templates read."""

from collections.abc import Mapping, Sequence
from typing import Final

from dragoman.core.errors import DragomanError
from dragoman.core.generation import refused, shown
from dragoman.wire.json_exact import JsonObject, JsonValue
from dragoman.wire.json_tree import load_strictly
from dragoman.wire.text_fields import check_size, read_flag

Message = dict[str, object]

ROLES: Final = ("system", "developer", "user", "assistant", "tool")
MOST_MESSAGES: Final = 4096
MEDIA: Final = ("image_url", "input_audio", "video_url", "file")
RESERVED: Final = frozenset(
    {"messages", "tools", "bos_token", "eos_token", "pad_token", "unk_token", "add_generation_prompt"}
)
CONTINUES: Final = "continue_final_message"
PASSED_ON: Final = ("name", "tool_call_id", "reasoning_content")


def read_messages(fields: JsonObject) -> Sequence[Message]:
    """The messages of a conversation.

    Errors: INVALID_ARGUMENT naming `messages`, and in the message which of them.
    """
    given = fields.get("messages")
    if not isinstance(given, list) or not given:
        raise refused("messages", "messages must be a list of at least one message")
    if len(given) > MOST_MESSAGES:
        raise refused("messages", f"there are {len(given)} messages; at most {MOST_MESSAGES} are allowed")
    return [read_message(message, f"messages[{place}]") for place, message in enumerate(given)]


def read_message(message: JsonValue, where: str) -> Message:
    """One message."""
    if not isinstance(message, dict):
        raise wrong(where, f"must be an object, not {shown(message)}")
    role = message.get("role")
    if role not in ROLES:
        raise wrong(f"{where}.role", f"must be one of {', '.join(ROLES)}")
    calls = message.get("tool_calls")
    read: Message = {"role": role, "content": read_content(message, where)}
    if calls is not None:
        if role != "assistant" or not isinstance(calls, list):
            raise wrong(f"{where}.tool_calls", "are a list, of an assistant's message")
        read["tool_calls"] = [read_call(call, f"{where}.tool_calls[{n}]") for n, call in enumerate(calls)]
    for name in PASSED_ON:
        value = message.get(name)
        if value is None:
            continue
        if not isinstance(value, str):
            raise wrong(f"{where}.{name}", f"must be a string, not {shown(value)}")
        read[name] = value
    return read


def read_content(message: JsonObject, where: str) -> str:
    """What a message says: a text, or parts that are joined with nothing between."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    if content is None and message.get("role") == "assistant" and message.get("tool_calls"):
        return ""
    if not isinstance(content, list):
        raise wrong(f"{where}.content", f"must be a string or a list of parts, not {shown(content)}")
    return "".join(read_part(part, f"{where}.content[{place}]") for place, part in enumerate(content))


def read_part(part: JsonValue, where: str) -> str:
    """The text of one part."""
    if not isinstance(part, dict):
        raise wrong(where, f"must be an object, not {shown(part)}")
    kind, text = part.get("type"), part.get("text")
    if kind in MEDIA:
        raise wrong(where, f"is of type {kind}, and this model takes text alone")
    if kind != "text":
        raise wrong(f"{where}.type", "must be text")
    if not isinstance(text, str):
        raise wrong(f"{where}.text", f"must be a string, not {shown(text)}")
    return text


def read_call(call: JsonValue, where: str) -> Message:
    """A call of a tool in the past, with its arguments as templates read them."""
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(call, dict) or not isinstance(function, dict):
        raise wrong(where, "must be an object with a function")
    name, arguments = function.get("name"), function.get("arguments", "{}")
    if not isinstance(name, str):
        raise wrong(f"{where}.function.name", f"must be a string, not {shown(name)}")
    if isinstance(arguments, str):
        try:
            arguments = load_strictly(arguments or "{}")
        except DragomanError:
            raise wrong(f"{where}.function.arguments", "are no JSON") from None
    check_size("messages", [arguments])
    read: Message = {"type": "function", "function": {"name": name, "arguments": arguments}}
    if isinstance(call.get("id"), str):
        read["id"] = call["id"]
    return read


def read_variables(fields: JsonObject) -> Mapping[str, object]:
    """What a template is told besides the messages and the tools.

    Errors: INVALID_ARGUMENT naming the field.
    """
    name = "chat_template_kwargs"
    given = fields.get(name, {})
    if not isinstance(given, dict):
        raise refused(name, f"{name} must be an object, not {shown(given)}")
    if taken := sorted(RESERVED & given.keys()):
        raise refused(name, f"{name} may not hold {', '.join(taken)}")
    check_size(name, given)
    variables: dict[str, object] = {key: value for key, value in given.items() if not key.startswith("_")}
    effort = fields.get("reasoning_effort")
    if effort is not None:
        if not isinstance(effort, str):
            raise refused("reasoning_effort", f"reasoning_effort must be a string, not {shown(effort)}")
        variables["reasoning_effort"] = effort
    continues = read_flag(fields, CONTINUES)
    variables["add_generation_prompt"] = read_flag(fields, "add_generation_prompt", usual=not continues)
    if continues and variables["add_generation_prompt"]:
        raise refused(CONTINUES, f"{CONTINUES} goes without add_generation_prompt")
    return variables


def wrong(where: str, what: str) -> DragomanError:
    """The error for a place in the messages."""
    return refused("messages", f"{where} {what}")
