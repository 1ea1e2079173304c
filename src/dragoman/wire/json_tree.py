"""JSON in and out: the one door to every JSON parser and printer of the server.

Reading takes the fast parser first; what it refuses (NaN tokens, a byte order mark, text after the document,
great depth) or reads otherwise than TensorFlow Serving does (repeated keys) goes to `json_exact`. Both give
the same tree for every document that both take. Nothing may walk a tree by recursion: it can be very deep.
"""

import json
import re
from itertools import islice
from math import isfinite, isnan
from typing import Final

import orjson

from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.wire.json_exact import EMPTY, JsonObject, JsonValue, parse_exactly

__all__ = [
    "JsonObject", "JsonValue", "dump", "dump_indented", "dump_loosely", "excerpt", "load", "load_strictly",
    "type_word",
]  # fmt: skip

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
FAST_DEPTH: Final = 1024  # orjson's own limit
COLON_OF_A_KEY: Final = re.compile(rb'"[ \t\n\r]*+:')
LONG_BYTES: Final = 4096
FEW_COLONS: Final = 64
CONTAINERS: Final = (dict, list)
EXCERPT_CHARS: Final = 256  # TensorFlow Serving cuts what it re-prints at about so much


def load(body: bytes | bytearray | memoryview, max_depth: int, *, whole: bool = False) -> JsonValue:
    """The JSON value in a body, by TensorFlow Serving's rules; `whole` = nothing may follow it, as elsewhere.

    Errors: INVALID_ARGUMENT `JSON Parse error: <reason> at offset: N`.
    """
    if type(body) is not bytes:
        body = bytes(body)
    try:
        tree: JsonValue = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _load_exactly(body, max_depth, whole)
    if max_depth < FAST_DEPTH or _may_repeat_a_key(body, tree):
        return _load_exactly(body, max_depth, whole)
    return tree


def load_strictly(text: str | bytes) -> JsonValue:
    """The JSON value that a text is, with nothing after it. Of repeated keys the last counts.

    Errors: INVALID_ARGUMENT `JSON Parse error: <reason>`.
    """
    try:
        tree: JsonValue = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise invalid(f"JSON Parse error: {error}") from None
    return tree


def dump(value: object) -> bytes:
    """A tree of dictionaries, lists, texts and numbers as compact JSON. NaN has no place in it."""
    return orjson.dumps(value)


def dump_indented(value: object) -> bytes:
    """The same for people: two blanks a level, and a line end at the end."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def dump_loosely(value: object) -> bytes:
    """The same of what a model's own code gives: NaN and infinities are bare tokens, and whole numbers any.

    Errors: INTERNAL for what no JSON is, and for great depth.
    """
    try:
        text = orjson.dumps(value)
        if b"null" not in text:  # which stands for NaN there, too
            return text
    except orjson.JSONEncodeError:
        pass
    try:
        return json.dumps(value, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError):
        raise DragomanError(Code.INTERNAL, "the model's answer cannot be written as JSON") from None


def _load_exactly(body: bytes, max_depth: int, whole: bool) -> JsonValue:
    if not body:
        raise invalid(EMPTY)
    start = len(BYTE_ORDER_MARK) if body.startswith(BYTE_ORDER_MARK) else 0
    return parse_exactly(body, max_depth, start, whole=whole)


def _may_repeat_a_key(body: bytes, tree: JsonValue) -> bool:
    """Whether an object may have had two equal keys, of which the fast parser keeps the last.

    Every key has its colon, so as many keys as colons means that none was lost. Small requests are decided by
    their first levels; only texts with colons in them come so far as to be counted twice.
    """
    colons = body.count(b":") if len(body) < LONG_BYTES else _count_colons(body)
    if not isinstance(tree, dict):
        return colons > 0 and _count_keys(tree, colons) != colons
    keys = len(tree)
    if keys == colons:
        return False
    for value in tree.values():
        if type(value) is dict:
            keys += len(value)
        elif type(value) is list and value and type(value[0]) is dict:
            for item in value:
                if type(item) is dict:
                    keys += len(item)
    if keys == colons:
        return False
    keys = _count_keys(tree, colons)
    return keys != colons and keys != len(COLON_OF_A_KEY.findall(body))


def _count_colons(body: bytes) -> int:
    """The colons in a long body. A search skips texts without one much faster than a count does."""
    at, colons = body.find(b":"), 0
    while at >= 0 and colons < FEW_COLONS:
        at, colons = body.find(b":", at + 1), colons + 1
    return colons if at < 0 else colons + body.count(b":", at)


def _count_keys(tree: JsonValue, enough: int) -> int:
    """The number of keys in all objects of a tree; the count ends early where it reaches `enough`."""
    keys = 0
    pending: list[JsonValue] = [tree]
    while pending and keys < enough:
        node = pending.pop()
        if type(node) is dict:
            keys += len(node)
            pending.extend(node.values())
        elif type(node) is list:
            kinds = set(map(type, node))
            if not kinds.isdisjoint(CONTAINERS):
                pending.extend(node)
    return keys


def type_word(value: JsonValue) -> str:
    """What TensorFlow Serving calls a value's type."""
    return TYPE_WORDS[value if isinstance(value, bool) else type(value)]


TYPE_WORDS: Final[dict[object, str]] = {
    type(None): "Null",
    False: "False",
    True: "True",
    dict: "Object",
    list: "Array",
    str: "String",
    int: "Number",
    float: "Number",
}


def excerpt(value: JsonValue) -> str:
    """The value as JSON again, cut short, for messages."""
    pieces: list[str] = []
    length = 0
    pending: list[JsonValue | _Mark] = [value]
    while pending and length < EXCERPT_CHARS:
        item = pending.pop()
        if isinstance(item, list):
            piece = "["
            _push(pending, [[element] for element in islice(item, EXCERPT_CHARS)], "]")
        elif isinstance(item, dict):
            piece = "{"
            members = islice(item.items(), EXCERPT_CHARS)
            _push(pending, [[_Mark(_scalar(name) + ":"), member] for name, member in members], "}")
        else:
            piece = item.text if isinstance(item, _Mark) else _scalar(item)
        pieces.append(piece)
        length += len(piece)
    return "".join(pieces)[:EXCERPT_CHARS]


class _Mark:
    """Punctuation that waits to be printed."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


def _push(pending: list["JsonValue | _Mark"], parts: list[list["JsonValue | _Mark"]], end: str) -> None:
    """Put the parts of a container on the stack, first on top, with commas between them and the end below."""
    pending.append(_Mark(end))
    for index in range(len(parts) - 1, -1, -1):
        pending.extend(reversed(parts[index]))
        if index:
            pending.append(_Mark(","))


def _scalar(value: str | float | None) -> str:
    if isinstance(value, float) and not isfinite(value):
        return "NaN" if isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, str):
        value = value[:EXCERPT_CHARS]
    if isinstance(value, int) and value.bit_length() >= 64:  # which orjson does not write
        return str(value)
    return orjson.dumps(value).decode()
