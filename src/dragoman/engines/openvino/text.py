"""Strings through OpenVINO as numbers.

Its Python interface hands strings over in arrays whose every element is as wide as the longest one, and loses
zero bytes at their ends. So string inputs and outputs are taken out of the model, and numeric ones are put in
for each: where the strings begin, where they end, and the bytes of all of them, one after the other.

OpenVINO's operators that join and split strings leave their outputs as they were, with another caller's
strings in them, where one of their inputs is empty. Hence there is always a byte, an input without strings is
refused, and of an output the shape is asked besides.
"""

from collections.abc import Sequence
from types import ModuleType
from typing import Any, Final

import numpy as np

from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.core.tensors import Array, show_shape

PARTS: Final = 4  # of an output
MOST_BYTES: Final = 2**31 - 1  # places are int32


def without_strings(runtime: ModuleType, model: Any) -> None:
    """Put numeric tensors in the place of each string one; these come after all the others, in turn."""
    operators = runtime.opset15
    for given in model.get_parameters():
        if given.get_output_element_type(0) != runtime.Type.string:
            continue
        shape = given.get_partial_shape()
        parts = [
            operators.parameter(shape, runtime.Type.i32),
            operators.parameter(shape, runtime.Type.i32),
            operators.parameter(runtime.PartialShape([-1]), runtime.Type.u8),
        ]
        given.output(0).replace(operators.string_tensor_pack(*parts).output(0))
        model.remove_parameter(given)
        model.add_parameters(parts)
    for given in model.get_results():
        if given.get_output_element_type(0) != runtime.Type.string:
            continue
        strings = given.input_value(0)
        shape = operators.shape_of(strings, runtime.Type.i64)
        parts = [*operators.string_tensor_unpack(strings).outputs(), shape.output(0)]
        model.remove_result(given)
        model.add_results([operators.result(part) for part in parts])
    model.validate_nodes_and_infer_types()


def to_numbers(array: Array, name: str) -> tuple[Array, Array, Array]:
    """Where each string begins and ends, and the bytes of all.

    Errors: INVALID_ARGUMENT for no strings at all, or more bytes than places can count.
    """
    values = array.ravel().tolist()
    if not values:
        raise invalid(
            f'input "{name}": shape {show_shape(array.shape)} holds no string, and OpenVINO needs one'
        )
    ends = np.cumsum([len(value) for value in values], dtype=np.int64)
    if ends[-1] > MOST_BYTES:
        raise invalid(f'input "{name}": {ends[-1]} bytes of text, at most {MOST_BYTES} are taken at once')
    begins = np.concatenate([[0], ends[:-1]])
    data = np.frombuffer(b"".join(values) + b"\0", np.uint8)
    return (
        begins.astype(np.int32).reshape(array.shape),
        ends.astype(np.int32).reshape(array.shape),
        data,
    )


def to_strings(begins: Array, ends: Array, data: Array, shape: Array) -> Array:
    """An array of `bytes`.

    Errors: INTERNAL where OpenVINO left the output as it was.
    """
    sizes = tuple(shape.tolist())
    if 0 in sizes:
        return np.empty(sizes, np.object_)
    if begins.shape != sizes:
        raise DragomanError(Code.INTERNAL, "the model failed to make its strings")
    joined = data.tobytes()
    places: Sequence[tuple[int, int]] = list(zip(begins.ravel().tolist(), ends.ravel().tolist(), strict=True))
    made = np.empty(len(places), np.object_)
    made[:] = [joined[begin:end] for begin, end in places]
    return made.reshape(begins.shape)
