"""JSON values as rows of an input: which are one row without a list around it, and which are images."""

from typing import Final

from dragoman.core.signatures import TensorSpec
from dragoman.core.tensors import DType
from dragoman.wire.elements import B64, is_b64_object
from dragoman.wire.json_tree import JsonValue

OPEN_OR_ONE: Final = ((None,), (1,))


def as_image(value: JsonValue, spec: TensorSpec) -> JsonValue:
    """A text, or a list of them, as base64 objects where the input is made of images.

    TorchServe's users send such texts. Everything else stays as it is.
    """
    if spec.image is None or spec.dtype is DType.BYTES:
        return value
    if type(value) is str:
        return {B64: value}
    if type(value) is list and value and all(type(item) is str for item in value):
        return [{B64: item} for item in value]
    return value


def is_one_row(value: JsonValue, spec: TensorSpec) -> bool:
    """Whether a value is one row, without a list around it, of an input that takes any number or one."""
    if spec.image is not None and is_b64_object(value):
        return True
    shape = spec.shape
    return shape is not None and shape[:1] in OPEN_OR_ONE and depth(value) == len(shape) - 1


def depth(value: JsonValue) -> int:
    """How many lists stand around the first element."""
    levels = 0
    while type(value) is list:
        levels += 1
        value = value[0] if value else None
    return levels
