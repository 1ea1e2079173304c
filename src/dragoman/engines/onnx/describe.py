"""An onnxruntime session's inputs and outputs as tensor specs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import structlog

from dragoman.core.errors import Code, DragomanError
from dragoman.core.signatures import DEFAULT_SIGNATURE, Signature, TensorSpec
from dragoman.core.tensors import DType, Shape
from dragoman.engines.onnx.ranks import shaped_values

TEXT: Final = "tensor(string)"
BFLOAT16: Final = "tensor(bfloat16)"
DTYPES: Final = {
    "tensor(bool)": DType.BOOL,
    "tensor(uint8)": DType.UINT8,
    "tensor(uint16)": DType.UINT16,
    "tensor(uint32)": DType.UINT32,
    "tensor(uint64)": DType.UINT64,
    "tensor(int8)": DType.INT8,
    "tensor(int16)": DType.INT16,
    "tensor(int32)": DType.INT32,
    "tensor(int64)": DType.INT64,
    "tensor(float16)": DType.FP16,
    BFLOAT16: DType.BF16,
    "tensor(float)": DType.FP32,
    "tensor(double)": DType.FP64,
    TEXT: DType.BYTES,
}


def describe(session: Any, path: str, file: str) -> Signature:
    """The one signature of a graph.

    Outputs that are no tensors (sequences, maps) cannot be sent and are left out, with a warning.
    Errors: FAILED_PRECONDITION where an input is no tensor, or no output is one, or the types do not mix.
    """
    given = session.get_outputs()
    outputs = [value for value in given if value.type in DTYPES]
    if len(outputs) < len(given):
        left_out = {value.name: value.type for value in given if value.type not in DTYPES}
        structlog.get_logger("dragoman.engines.onnx").warning("outputs left out", file=file, outputs=left_out)
    if not outputs:
        raise unsupported(given[0], "output", file)
    inputs = session.get_inputs()
    for value in inputs:
        if value.type not in DTYPES:
            raise unsupported(value, "input", file)
    shaped = shaped_names(path, [*inputs, *outputs])
    if any(value.type == TEXT for value in inputs) and any(
        value.type == BFLOAT16 for value in (*inputs, *given)
    ):
        # onnxruntime's Python interface takes no text where it takes or gives bfloat16.
        message = f"{file} does not load: string inputs together with bfloat16 tensors are not supported"
        raise DragomanError(Code.FAILED_PRECONDITION, message)
    return Signature(
        name=DEFAULT_SIGNATURE,
        inputs={value.name: spec(value, shaped) for value in inputs},
        outputs={value.name: spec(value, shaped) for value in outputs},
    )


def symbolic_sizes(session: Any) -> Mapping[str, Sequence[str | None]]:
    """For each input the names of its open sizes; equal names stand for equal sizes."""
    return {
        value.name: [size if isinstance(size, str) else None for size in value.shape]
        for value in session.get_inputs()
    }


def unsupported(value: Any, role: str, file: str) -> DragomanError:
    """The error for a value that is no tensor of a type that can be sent."""
    return DragomanError(
        Code.FAILED_PRECONDITION, f'{file} does not load: its {role} "{value.name}" is a {value.type}'
    )


def spec(value: Any, shaped: frozenset[str]) -> TensorSpec:
    """One input or output; a symbolic size is any size."""
    shape: Shape | None = tuple(size if isinstance(size, int) and size >= 0 else None for size in value.shape)
    if not shape and value.name not in shaped:
        shape = None
    return TensorSpec(name=value.name, dtype=DTYPES[value.type], shape=shape, source=value.name)


def shaped_names(path: str, values: Iterable[Any]) -> frozenset[str]:
    """The names whose rank is fixed; the file is looked at only where onnxruntime leaves a doubt."""
    if all(value.shape for value in values):
        return frozenset()
    try:
        return shaped_values(path)
    except ValueError:  # onnxruntime reads more formats than this: the rank counts as open
        return frozenset()
