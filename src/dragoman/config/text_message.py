"""What a text in protobuf's text format may hold, and what it does hold."""

import enum
from collections.abc import Mapping

from msgspec import Struct, field


class Type(enum.Enum):
    """The type of a field's values."""

    STRING = "a string"
    INT32 = "a 32-bit integer"
    INT64 = "a 64-bit integer"
    UINT64 = "an unsigned 64-bit integer"
    DOUBLE = "a number"
    BOOL = "true or false"
    NAME = "one of"  # an enum
    MESSAGE = "a message"
    ANY = "a message of any kind"  # read over, not looked into


class Field(Struct, frozen=True):
    """One field. `choice` names the group of which only one may be given; `names` are an enum's values."""

    type: Type
    repeated: bool = False
    fields: "Fields" = field(default_factory=dict)  # of a message
    choice: str = ""
    names: tuple[str, ...] = ()


Fields = Mapping[str, Field]


class Given(Struct, frozen=True):
    """A value with the line that it stands in."""

    value: "str | int | float | bool | Message"
    line: int


class Message(Struct, frozen=True):
    """What is given, by field, in the order of the file; fields that are not given are not there."""

    line: int
    given: dict[str, list[Given]] = field(default_factory=dict)

    def messages(self, name: str) -> list["Message"]:
        """The messages of that field."""
        return [given.value for given in self.given.get(name, ()) if isinstance(given.value, Message)]

    def message(self, name: str) -> "Message | None":
        """The message of a field that is not repeated, or None."""
        return next(iter(self.messages(name)), None)

    def text(self, name: str, default: str = "") -> str:
        """The string, or the enum's name, of a field that is not repeated."""
        return next((g.value for g in self.given.get(name, ()) if isinstance(g.value, str)), default)

    def number(self, name: str, default: int = 0) -> int:
        """The integer of a field that is not repeated."""
        return next(iter(self.numbers(name)), default)

    def numbers(self, name: str) -> list[int]:
        """The integers of a field."""
        return [given.value for given in self.given.get(name, ()) if isinstance(given.value, int)]

    def flag(self, name: str, default: bool = False) -> bool:
        """The boolean of a field that is not repeated."""
        return next((g.value for g in self.given.get(name, ()) if isinstance(g.value, bool)), default)

    def __contains__(self, name: str) -> bool:
        return name in self.given
