"""A protobuf message as the tree that Triton prints: names as defined, defaults printed, integers as numbers.

protobuf's own JSON writes 64-bit integers as texts, which Triton's clients compare with numbers.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.message import Message


def message_tree(message: Message) -> dict[str, Any]:
    """The message; what was not set is left out where that can be told from the default."""
    return {
        field.name: field_tree(field, getattr(message, field.name))
        for field in message.DESCRIPTOR.fields
        if not field.has_presence or message.HasField(field.name)
    }


def field_tree(field: Any, value: Any) -> Any:
    """One field's value: single, repeated or by keys. `field` is its descriptor."""
    if isinstance(value, Mapping):
        values = field.message_type.fields_by_name["value"]
        return {str(key): value_tree(values, value[key]) for key in sorted(value)}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [value_tree(field, item) for item in value]
    return value_tree(field, value)


def value_tree(field: Any, value: Any) -> Any:
    """One value."""
    if isinstance(value, Message):
        return message_tree(value)
    if field.enum_type is not None:
        return field.enum_type.values_by_number[value].name
    return value
