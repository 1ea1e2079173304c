"""Large regular nests of numbers, read without building the nest: `{"instances": [[[0.1, ...], ...], ...]}`.

The brackets and commas alone tell the shape; with the brackets blanked out, the numbers are one flat list.
That saves a Python list for every row and pixel, a fifth to a third of the time that such a body costs.
Whatever is not exactly of this form is left to `json_tree`. Three checks make sure that both read the same:

1. The text without the characters of numbers and without white space is the regular nest of its own shape.
2. The text with blanks for brackets is a flat JSON list, so between two commas there is exactly one number.
3. No innermost list begins or ends with nothing, so each number stands inside its innermost list.
"""

import re
from math import prod
from typing import Final

import numpy as np
import orjson

from dragoman.core.tensors import FLOATS, Array, DType
from dragoman.wire.elements import MAX_RANK, NUMBER_KINDS, Elements, read_elements
from dragoman.wire.json_exact import JsonObject

MIN_BYTES: Final = 64 * 1024  # below, too little is gained
# A single key, which is the form in which clients send large inputs.
HEAD: Final = re.compile(rb'[ \t\n\r]*\{[ \t\n\r]*"(instances|inputs)"[ \t\n\r]*:[ \t\n\r]*(?=\[)')
TAIL: Final = re.compile(rb"[ \t\n\r]*\}[ \t\n\r]*")
SPACE: Final = b" \t\n\r"
NUMBER_CHARACTERS: Final = b"0123456789+-.eE" + SPACE
BLANK_BRACKETS: Final = bytes.maketrans(b"[]", b"  ")
OPENING, CLOSING, COMMA = b"[],"


class NumericBlock:
    """A regular nest of numbers under its key, with its shape and its numbers in order."""

    __slots__ = ("flat", "key", "shape")

    def __init__(self, key: str, shape: list[int], flat: Elements) -> None:
        self.key = key
        self.shape = shape
        self.flat = flat

    def array(self, dtype: DType) -> Array | None:
        """The nest as an array, or None where a number does not fit the type or it holds no numbers."""
        kinds = set(NUMBER_KINDS) if dtype in FLOATS else set(map(type, self.flat))
        elements = read_elements(self.flat, kinds, dtype)
        return None if elements is None else elements.reshape(self.shape)

    def document(self) -> JsonObject:
        """The document as it was nested."""
        nest = self.flat
        for size in reversed(self.shape[1:]):
            nest = [nest[start : start + size] for start in range(0, len(nest), size)]
        return {self.key: nest}


def read_block(body: bytes | bytearray | memoryview, max_depth: int) -> NumericBlock | None:
    """The block that a whole body consists of, or None where it is anything else, right or wrong."""
    if len(body) < MIN_BYTES:
        return None
    body = bytes(body)
    head = HEAD.match(body)
    end = body.rfind(b"]") + 1
    if head is None or body.find(b'"', head.end()) >= 0 or TAIL.fullmatch(body, end) is None:
        return None
    nest = body[head.end() : end]
    shape = _read_shape(nest.translate(None, NUMBER_CHARACTERS))
    if shape is None or len(shape) >= max_depth or _has_blank_ends(nest):
        return None
    try:
        flat = orjson.loads(b"[%b]" % nest.translate(BLANK_BRACKETS))
    except orjson.JSONDecodeError:
        return None
    return NumericBlock(head.group(1).decode(), shape, flat) if len(flat) == prod(shape) else None


def _read_shape(skeleton: bytes) -> list[int] | None:
    """The sizes of a nest whose numbers are left out; None where it is not regular or has one level only."""
    rank = len(skeleton) - len(skeleton.lstrip(b"["))
    if not 2 <= rank <= MAX_RANK:
        return None
    unit = (
        b""  # what is repeated at a level: at first a number, which is nothing, then a list, a list of lists
    )
    sizes = []
    for level in range(rank, 0, -1):
        closing = skeleton.find(b"]" * (rank - level + 1))
        inside = (
            closing + (rank - level) - level
        )  # the length of the first list at this level, between its brackets
        count = (inside + 1) // (len(unit) + 1)
        unit = b"[%b]" % b",".join([unit] * count)
        sizes.append(count)
    return sizes[::-1] if unit == skeleton else None


def _has_blank_ends(nest: bytes) -> bool:
    """Whether a comma or another bracket stands where a list's first or last number should."""
    if any(space in nest for space in (b" ", b"\n", b"\t", b"\r")):
        nest = nest.translate(None, SPACE)
    text = np.frombuffer(nest, np.uint8)
    after = text[np.flatnonzero(text == OPENING) + 1]
    before = text[np.flatnonzero(text == CLOSING) - 1]
    return bool(((after == COMMA) | (after == CLOSING)).any() or (before == COMMA).any())
