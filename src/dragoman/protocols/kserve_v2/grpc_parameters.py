"""Parameters of requests, inputs and outputs: `map<string, InferParameter>`.

Triton's words where it has some. It tells the kinds of integers apart and does not take one for another; here
any integer is an integer.
"""

from collections.abc import Iterable, Mapping
from struct import Struct as Layout
from typing import Any, Final

from dragoman.core.errors import DragomanError, invalid
from dragoman.wire.proto_fields import Data, fields, signed, text

Value = bool | int | float | str | None  # None = the message holds no value
Parameters = Mapping[str, Value]

NAME: Final = 0x0A
VALUE: Final = 0x12
BOOL: Final = 0x08
INT64: Final = 0x10
TEXT: Final = 0x1A
DOUBLE: Final = 0x21
UINT64: Final = 0x28
FLOAT64: Final = Layout("<d")

MAX_PARAMETERS: Final = 4096  # a bound on what parsing takes
NONE: Final[Parameters] = {}
RESERVED: Final = "triton_"
EMPTY_FINAL: Final = "triton_enable_empty_final_response"
ANYTHING: Final = "int64_param, bool_param, or string_param."
# What the request's own parameters hold.
TYPES: Final[Mapping[str, tuple[tuple[type, ...], str]]] = {
    "sequence_id": ((int, str), "int64_param or string_param."),
    "sequence_start": ((bool,), "bool_param."),
    "sequence_end": ((bool,), "bool_param."),
    "priority": ((int,), "int64_param or uint64_param."),
    "timeout": ((int,), "int64_param."),
    EMPTY_FINAL: ((bool,), "bool_param."),
}


def read_parameters(entries: Iterable[Data]) -> Parameters:
    """Parameters by name, of the serialized entries of the map.

    Errors: INVALID_ARGUMENT for what is no message, and for too many of them.
    """
    found: dict[str, Value] = {}
    for entry in entries:
        name: Data = b""
        value: Value = None
        for key, part in fields(entry):
            if key == NAME:
                name = part
            elif key == VALUE:
                value = read_value(part)
        found[text(name)] = value
        if len(found) > MAX_PARAMETERS:
            raise invalid(f"there are more than {MAX_PARAMETERS} parameters")
    return found


def read_value(data: Data) -> Value:
    """The value of a serialized InferParameter; of several the last."""
    found: Value = None
    for key, value in fields(data):
        if key in READERS:
            found = READERS[key](value)
    return found


READERS: Final[Mapping[int, Any]] = {
    BOOL: bool,
    INT64: signed,
    TEXT: text,
    DOUBLE: lambda data: FLOAT64.unpack(data)[0],
    UINT64: int,
}


def check_request(parameters: Parameters) -> None:
    """The request's own parameters are as they have to be.

    Errors: INVALID_ARGUMENT naming the parameter.
    """
    for name, value in parameters.items():
        if name.startswith(RESERVED) and name != EMPTY_FINAL:
            raise invalid(
                f"parameter keys starting with '{RESERVED}' are reserved for Triton usage. "
                f"Only the following keys starting with '{RESERVED}' are allowed: {EMPTY_FINAL}"
            )
        types, words = TYPES.get(name, ((), ANYTHING))
        if value is None or (types and type(value) not in types):
            raise wrong_type(name, words)
        if name == "priority" and type(value) is int and value < 0:
            raise invalid("invalid value for 'priority', expected value >= 0.")


def read_classes(parameters: Parameters, most: int) -> int:
    """How many of the highest values of an output are wanted; 0 = all as they are.

    Errors: INVALID_ARGUMENT.
    """
    value = parameters.get("classification", 0)
    if type(value) is not int:
        raise wrong_type("classification", "int64_param")
    if "classification" in parameters and not 0 < value <= most:
        raise invalid(f"invalid value for 'classification' parameter, expected 1 to {most}")
    return value


def wrong_type(name: str, words: str) -> DragomanError:
    """The error for a parameter that holds another type of value."""
    return invalid(f"invalid value type for '{name}' parameter, expected {words}")
