"""Byte strings through a runtime whose strings are text.

onnxruntime takes `str` and gives `str`. Bytes that are not UTF-8 travel as code points of a private range,
one for each of the 128 bytes that UTF-8 can leave over:

1. Text that is UTF-8 and holds no code point of the range goes as it is.
2. Any byte that is not part of UTF-8 becomes `RESERVED_FIRST + (byte - 0x80)`.
3. A code point of the range that was in the input is treated as four such bytes, so that 2 can be undone.

What comes back is read by the same rules, so any bytes that a model passes through come out as they went in.
"""

import re
from typing import Any, Final

import numpy as np

RESERVED_FIRST: Final = 0x10F780  # the last 128 of plane 16's private use that are not next to a noncharacter
SURROGATE_FIRST: Final = 0xDC80  # where Python's "surrogateescape" puts such bytes
RESERVED: Final = re.compile(f"[{chr(RESERVED_FIRST)}-{chr(RESERVED_FIRST + 127)}]")
TO_RESERVED: Final = {SURROGATE_FIRST + i: RESERVED_FIRST + i for i in range(128)}
FROM_RESERVED: Final = {reserved: surrogate for surrogate, reserved in TO_RESERVED.items()}

Array = np.ndarray[Any, Any]


def to_text(array: Array) -> Array:
    """An array of `str` for an array of `bytes`."""
    values = array.ravel().tolist()
    if b"".join(values).isascii():
        return filled([value.decode("ascii") for value in values], array.shape)
    return filled([escape(value) for value in values], array.shape)


def to_bytes(array: Array) -> Array:
    """An array of `bytes` for an array of `str`."""
    return filled([unescape(value) for value in array.ravel().tolist()], array.shape)


def filled(values: list[Any], shape: tuple[int, ...]) -> Array:
    """An object array of these values."""
    array = np.empty(len(values), np.object_)
    array[:] = values
    return array.reshape(shape)


def escape(value: bytes) -> str:
    """Text that stands for these bytes."""
    text = value.decode("utf-8", "surrogateescape")
    if text.isascii():
        return text
    text = RESERVED.sub(lambda found: found[0].encode().decode("ascii", "surrogateescape"), text)
    return text.translate(TO_RESERVED)


def unescape(text: str) -> bytes:
    """The bytes that this text stands for."""
    if RESERVED.search(text) is None:
        return text.encode()
    return text.translate(FROM_RESERVED).encode("utf-8", "surrogateescape")
