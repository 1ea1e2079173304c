"""What converters write into ONNX's messages, as newer releases of protobuf take it."""

from typing import Any

import numpy as np

from dragoman.convert.packages import required


def exact_attributes() -> None:
    """Have attributes that are lists of booleans written as the whole numbers they stand for.

    skl2onnx and onnxmltools rely on a conversion that protobuf no longer makes.
    """
    helper: Any = required("onnx.helper")
    make = helper.make_attribute

    def make_attribute(key: str, value: Any, *rest: Any, **named: Any) -> Any:
        if isinstance(value, list | tuple | np.ndarray):
            value = [whole(entry) for entry in value]
        return make(key, whole(value), *rest, **named)

    helper.make_attribute = make_attribute


def whole(value: Any) -> Any:
    """A boolean, or one of NumPy's whole numbers, as Python's; else the value itself."""
    return int(value) if isinstance(value, bool | np.bool_ | np.integer) else value
