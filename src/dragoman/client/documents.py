"""JSON documents of a server, read with suspicion."""

from typing import Any, Final, TypeVar

from dragoman.client.errors import BadAnswer
from dragoman.core.errors import DragomanError
from dragoman.core.tensors import DType, Shape
from dragoman.wire.datatypes import DTYPES
from dragoman.wire.json_tree import load

T = TypeVar("T")
MAX_DEPTH: Final = 1024
WORDS: Final[dict[type, str]] = {str: "a text", int: "a whole number", list: "a list", dict: "an object"}


def read_object(body: bytes | bytearray | memoryview) -> dict[str, Any]:
    """The JSON object in a body.

    Errors: BadAnswer for anything else.
    """
    try:
        document = load(body, MAX_DEPTH)
    except DragomanError as error:
        raise BadAnswer(f"the answer is no JSON: {error.message}") from None
    return checked(document, dict, "the answer")


def read_list(body: bytes | bytearray | memoryview) -> list[Any]:
    """The JSON list in a body.

    Errors: BadAnswer for anything else.
    """
    try:
        return checked(load(body, MAX_DEPTH), list, "the answer")
    except DragomanError as error:
        raise BadAnswer(f"the answer is no JSON: {error.message}") from None


def checked(value: object, kind: type[T], what: str) -> T:
    """The value, which is of this kind.

    Errors: BadAnswer naming what is not. True and false are no numbers.
    """
    if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    raise BadAnswer(f"{what} is not {WORDS[kind]}")


def member(document: dict[str, Any], key: str, kind: type[T], default: T | None = None) -> T:
    """The value of a key; null counts as absent.

    Errors: BadAnswer where it is of another kind, or is missing and there is no default.
    """
    value = document.get(key)
    if value is None:
        if default is not None:
            return default
        raise BadAnswer(f"the answer has no {key!r}")
    return checked(value, kind, f"the answer's {key!r}")


def members(document: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """A list of objects; empty where there is none."""
    none: list[Any] = []
    return [
        checked(item, dict, f"each of the answer's {key!r}") for item in member(document, key, list, none)
    ]


def read_dtype(tensor: dict[str, Any]) -> DType:
    """The element type that a tensor of a V2 document names."""
    named = member(tensor, "datatype", str)
    dtype = DTYPES.get(named)
    if dtype is None:
        raise BadAnswer(f"there is no data type {named!r}")
    return dtype


def read_shape(tensor: dict[str, Any]) -> tuple[int, ...]:
    """The shape of a tensor of a V2 document."""
    return tuple([checked(size, int, "a size in a shape") for size in member(tensor, "shape", list)])


def open_shape(sizes: tuple[int, ...]) -> Shape:
    """A shape of a model's metadata, in which -1 stands for any size."""
    return tuple(None if size < 0 else size for size in sizes)
