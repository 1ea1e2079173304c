"""The `instances` and `inputs` forms of TensorFlow Serving's predict request, which its whole family speaks.

Row form: a list with one entry per row; an entry is a value, or an object with one value per input. Column
form: the value of the only input, or an object with the value of each. What is refused here is refused in the
words of the reference (`util/json_tensor.cc`), which `row_faults` finds.

With `images`, inputs that can be made of encoded images take those too, as OpenVINO Model Server's do: a b64
object for each, which becomes a tensor of byte strings.
"""

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from msgspec.structs import replace

from dragoman.core.errors import invalid
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.tensors import DType, Tensor
from dragoman.wire.elements import B64, is_b64_object, read_array
from dragoman.wire.faults import value_fault
from dragoman.wire.fitting import with_trailing_axis
from dragoman.wire.json_block import NumericBlock
from dragoman.wire.json_exact import JsonValue
from dragoman.wire.json_files import FileBlock
from dragoman.wire.json_tree import excerpt
from dragoman.wire.row_faults import row_fault

Tensors = dict[str, Tensor]


def read_rows(instances: JsonValue, signature: Signature, *, images: bool = False) -> Tensors:
    """Tensors of a row-form request: shape (rows, *shape of a row's value).

    Errors: INVALID_ARGUMENT for no list or an empty one, rows of another form, keys that are not exactly the
    inputs' names, uneven rows, and elements that do not fit the input's type.
    """
    check_typed(signature)
    if type(instances) is not list:
        raise invalid(f"JSON Value: {excerpt(instances)} Expecting 'instances' to be an list/array")
    if not instances:
        raise invalid("JSON Value: [] No values in 'instances' array")
    inputs = signature.inputs
    first = instances[0]
    if type(first) is dict and not is_b64_object(first):
        tensors = _read_named_rows(instances, inputs, signature)
        if tensors is None and images:
            inputs = {name: _as_sent(spec, first.get(name)) for name, spec in inputs.items()}
            tensors = _read_named_rows(instances, inputs, signature)
        if tensors is None:
            raise row_fault(
                instances, inputs, lambda rows: _read_named_rows(rows, inputs, signature) is not None
            )
        return tensors
    if len(inputs) != 1:
        raise invalid(
            "instances is a plain list, but expecting list of objects as multiple input tensors required "
            "as per tensorinfo_map"
        )
    ((name, spec),) = inputs.items()
    if images:
        spec = _as_sent(spec, first)
    tensor = _tensor(instances, spec, signature)
    if tensor is None:
        raise row_fault(instances, {name: spec}, lambda rows: read_array(rows, spec.dtype) is not None)
    return {name: tensor}


def tensor_of(
    block: NumericBlock | FileBlock, signature: Signature, *, images: bool = False
) -> Tensors | None:
    """The tensor of a block, in either form; None where the signature does not take it as it is."""
    if len(signature.inputs) != 1:
        return None
    ((name, spec),) = signature.inputs.items()
    taken = images and spec.image is not None and isinstance(block, FileBlock)
    dtype = DType.BYTES if taken else spec.dtype
    array = block.array(dtype)
    return None if array is None else {name: Tensor(dtype, with_trailing_axis(array, spec, signature))}


def read_columns(inputs: JsonValue, signature: Signature, *, images: bool = False) -> Tensors:
    """Tensors of a column-form request, shaped as they are nested. Unknown names are ignored.

    Errors: INVALID_ARGUMENT for a missing input, ragged lists, and elements that do not fit the input's type.
    """
    check_typed(signature)
    specs = signature.inputs
    if type(inputs) is dict and not is_b64_object(inputs):
        return {name: _column(_named(inputs, name), spec, signature, images) for name, spec in specs.items()}
    if len(specs) != 1:
        raise invalid(
            "inputs is a plain value/list, but expecting an object as multiple input tensors required "
            "as per tensorinfo_map"
        )
    ((name, spec),) = specs.items()
    return {name: _column(inputs, spec, signature, images)}


def check_typed(signature: Signature) -> None:
    """Nothing, if the types are known that numbers are to be read as.

    Errors: INVALID_ARGUMENT.
    """
    if signature.untyped:
        raise invalid(
            "the model does not say of what types its inputs are: send them with their types, as the Open "
            "Inference Protocol and gRPC do, or declare them in its model.yaml"
        )


def _named(inputs: Mapping[str, JsonValue], name: str) -> JsonValue:
    if name not in inputs:
        raise invalid(f"Missing named input: {name} in 'inputs' object.")
    return inputs[name]


def _column(value: JsonValue, spec: TensorSpec, signature: Signature, images: bool) -> Tensor:
    if images:
        spec = _as_sent(spec, value[0] if type(value) is list and value else value)
    tensor = _tensor(value, spec, signature)
    if tensor is None:
        raise value_fault(value, spec.dtype)
    return tensor


def _as_sent(spec: TensorSpec, first: JsonValue) -> TensorSpec:
    """The input as it is sent here: byte strings, where it takes images and its first value is one."""
    if spec.image is not None and is_b64_object(first):
        return replace(spec, dtype=DType.BYTES)
    return spec


def _tensor(value: JsonValue, spec: TensorSpec, signature: Signature) -> Tensor | None:
    array = read_array(value, spec.dtype)
    if array is None:
        return None
    return Tensor(spec.dtype, with_trailing_axis(array, spec, signature))


def _read_named_rows(
    rows: list[Any], specs: Mapping[str, TensorSpec], signature: Signature
) -> Tensors | None:
    """Tensors of rows that are objects; None where one of them is not as it should be."""
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
