"""The `instances` and `inputs` forms of TensorFlow Serving's predict request, which its whole family speaks.

Row form: a list with one entry per row; an entry is a value, or an object with one value per input. Column
form: the value of the only input, or an object with the value of each. What is refused here is refused in the
words of the reference (`util/json_tensor.cc`), which `row_faults` finds.
"""

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from dragoman.core.errors import invalid
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.tensors import Tensor
from dragoman.wire.elements import B64, is_b64_object, read_array
from dragoman.wire.faults import value_fault
from dragoman.wire.fitting import with_trailing_axis
from dragoman.wire.json_block import NumericBlock
from dragoman.wire.json_exact import JsonValue
from dragoman.wire.json_tree import excerpt
from dragoman.wire.row_faults import row_fault

Tensors = dict[str, Tensor]


def read_rows(instances: JsonValue, signature: Signature) -> Tensors:
    """Tensors of a row-form request: shape (rows, *shape of a row's value).

    Errors: INVALID_ARGUMENT for no list or an empty one, rows of another form, keys that are not exactly the
    inputs' names, uneven rows, and elements that do not fit the input's type.
    """
    if type(instances) is not list:
        raise invalid(f"JSON Value: {excerpt(instances)} Expecting 'instances' to be an list/array")
    if not instances:
        raise invalid("JSON Value: [] No values in 'instances' array")
    inputs = signature.inputs
    first = instances[0]
    if type(first) is dict and not is_b64_object(first):
        tensors = _read_named_rows(instances, signature)
        if tensors is None:
            raise row_fault(instances, inputs, lambda rows: _read_named_rows(rows, signature) is not None)
        return tensors
    if len(inputs) != 1:
        raise invalid(
            "instances is a plain list, but expecting list of objects as multiple input tensors required "
            "as per tensorinfo_map"
        )
    ((name, spec),) = inputs.items()
    tensor = _tensor(instances, spec, signature)
    if tensor is None:
        raise row_fault(instances, inputs, lambda rows: read_array(rows, spec.dtype) is not None)
    return {name: tensor}


def read_numbers(block: NumericBlock, signature: Signature) -> Tensors | None:
    """The tensor of a block, in either form; None where the signature does not take it as it is."""
    if len(signature.inputs) != 1:
        return None
    ((name, spec),) = signature.inputs.items()
    array = block.array(spec.dtype)
    return None if array is None else {name: Tensor(spec.dtype, with_trailing_axis(array, spec, signature))}


def read_columns(inputs: JsonValue, signature: Signature) -> Tensors:
    """Tensors of a column-form request, shaped as they are nested. Unknown names are ignored.

    Errors: INVALID_ARGUMENT for a missing input, ragged lists, and elements that do not fit the input's type.
    """
    specs = signature.inputs
    if type(inputs) is dict and not is_b64_object(inputs):
        return {name: _column(_named(inputs, name), spec, signature) for name, spec in specs.items()}
    if len(specs) != 1:
        raise invalid(
            "inputs is a plain value/list, but expecting an object as multiple input tensors required "
            "as per tensorinfo_map"
        )
    ((name, spec),) = specs.items()
    return {name: _column(inputs, spec, signature)}


def _named(inputs: Mapping[str, JsonValue], name: str) -> JsonValue:
    if name not in inputs:
        raise invalid(f"Missing named input: {name} in 'inputs' object.")
    return inputs[name]


def _column(value: JsonValue, spec: TensorSpec, signature: Signature) -> Tensor:
    tensor = _tensor(value, spec, signature)
    if tensor is None:
        raise value_fault(value, spec.dtype)
    return tensor


def _tensor(value: JsonValue, spec: TensorSpec, signature: Signature) -> Tensor | None:
    array = read_array(value, spec.dtype)
    if array is None:
        return None
    return Tensor(spec.dtype, with_trailing_axis(array, spec, signature))


def _read_named_rows(rows: list[Any], signature: Signature) -> Tensors | None:
    """Tensors of rows that are objects; None where one of them is not as it should be."""
    specs = signature.inputs
    if set(map(type, rows)) != {dict} or set(map(len, rows)) != {len(specs)}:
        return None
    if B64 in specs and any(map(is_b64_object, rows)):
        return None  # such a row is a value, not an object
    tensors = {}
    for name, spec in specs.items():
        try:
            column = list(map(itemgetter(name), rows))
        except KeyError:
            return None
        tensor = _tensor(column, spec, signature)
        if tensor is None:
            return None
        tensors[name] = tensor
    return tensors
