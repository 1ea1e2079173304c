"""A SavedModel's SignatureDefs as signatures.

1. Tensors bear the names that callers use, the keys of the SignatureDef; the graph's own names are kept for
   metadata alone.
2. A signature that takes a tensor of a type that cannot be sent is left out, and so is an output of such a
   type; both with a warning.
3. A signature whose one input is the string tensor `inputs` takes Examples too, whatever its method: it
   parses serialized ones in the graph, and TensorFlow Serving classifies and regresses with any such.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import structlog
from msgspec.structs import replace

from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import Kind
from dragoman.core.signatures import Method, Signature, TensorSpec
from dragoman.core.tensors import Array, DType, Shape, Tensor

INIT: Final = "__saved_model_init_op"  # no signature: TensorFlow 2 keeps the name of an operation there
DTYPES: Final[Mapping[int, DType]] = {  # tensorflow/core/framework/types.proto
    1: DType.FP32,
    2: DType.FP64,
    3: DType.INT32,
    4: DType.UINT8,
    5: DType.INT16,
    6: DType.INT8,
    7: DType.BYTES,
    9: DType.INT64,
    10: DType.BOOL,
    14: DType.BF16,
    17: DType.UINT16,
    19: DType.FP16,
    22: DType.UINT32,
    23: DType.UINT64,
}
METHODS: Final[Mapping[str, Method]] = {f"tensorflow/serving/{method.value}": method for method in Method}
EXAMPLES_INPUT: Final = "inputs"

AsArray = Callable[[Any], Array]


def describe(definitions: Mapping[str, Any], file: str, as_array: AsArray) -> dict[str, Signature]:
    """The signatures that can be called, by name. `as_array` reads a TensorProto.

    Errors: FAILED_PRECONDITION where there is none.
    """
    found = {}
    for name in sorted(definitions):
        if name == INIT:
            continue
        inputs, outputs = definitions[name].inputs, definitions[name].outputs
        unsent = [key for key in sorted(inputs) if not can_be_sent(inputs[key])]
        given = [key for key in sorted(outputs) if can_be_sent(outputs[key])]
        if unsent or not given:
            warn("signature left out", file, name, unsent or sorted(outputs))
            continue
        if len(given) < len(outputs):
            warn("outputs left out", file, name, sorted(outputs.keys() - set(given)))
        found[name] = signature(name, definitions[name], given, as_array)
    if not found:
        raise DragomanError(
            Code.FAILED_PRECONDITION, f"{file} does not load: it has no signature whose tensors can be sent"
        )
    return found


def can_be_sent(info: Any) -> bool:
    """Whether a TensorInfo stands for one dense tensor of a type there is."""
    return info.WhichOneof("encoding") == "name" and info.dtype in DTYPES


def signature(name: str, definition: Any, outputs: list[str], as_array: AsArray) -> Signature:
    """One signature with these of its outputs."""
    inputs = {key: tensor_spec(key, definition.inputs[key]) for key in sorted(definition.inputs)}
    for key in inputs.keys() & definition.defaults.keys():
        default = Tensor(inputs[key].dtype, np.asarray(as_array(definition.defaults[key])))
        inputs[key] = replace(inputs[key], default=default)
    parses = inputs.keys() == {EXAMPLES_INPUT} and inputs[EXAMPLES_INPUT].dtype is DType.BYTES
    return Signature(
        name=name,
        inputs=inputs,
        outputs={key: tensor_spec(key, definition.outputs[key]) for key in outputs},
        source=name,
        method=METHODS.get(definition.method_name, Method.PREDICT),
        accepts=frozenset({Kind.TENSORS, Kind.EXAMPLES} if parses else {Kind.TENSORS}),
    )


def tensor_spec(key: str, info: Any) -> TensorSpec:
    """One input or output; its shape is what the model's author wrote down, which the graph need not keep."""
    shape: Shape | None = None
    if not info.tensor_shape.unknown_rank:
        shape = tuple(None if dim.size < 0 else dim.size for dim in info.tensor_shape.dim)
    return TensorSpec(name=key, dtype=DTYPES[info.dtype], shape=shape, source=key, graph_name=info.name)


def warn(what: str, file: str, name: str, tensors: list[str]) -> None:
    """Say what cannot be called."""
    structlog.get_logger("dragoman.engines.tensorflow").warning(
        what, file=file, signature=name, tensors=tensors, why="tensors of a kind that cannot be sent"
    )
