"""Protobuf messages as dictionaries, with the names and kinds of numbers that V2's JSON has."""

from typing import Any

from google.protobuf.message import Message


def as_plain(message: Message) -> dict[str, Any]:
    """Every field of a message that is set or can have a default: enums by name, integers as numbers."""
    return {
        field.name: plain_field(message, field)
        for field in message.DESCRIPTOR.fields
        if not field.has_presence or message.HasField(field.name)
    }


def plain_field(message: Message, field: Any) -> Any:
    """The value of one field."""
    value = getattr(message, field.name)
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        inner = kind.fields_by_name["value"]
        return {key: plain_value(value[key], inner) for key in value}
    if field.is_repeated:
        return [plain_value(item, field) for item in value]
    return plain_value(value, field)


def plain_value(value: Any, field: Any) -> Any:
    """One value of a field."""
    if field.message_type is not None:
        return as_plain(value)
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return value if known is None else known.name
    return value
