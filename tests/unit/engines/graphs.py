"""Small ONNX files for tests."""

from collections.abc import Sequence
from pathlib import Path

import onnx
from onnx import TensorProto, helper

from dragoman.core.tensors import DType

ELEMENT_TYPES = {
    DType.BOOL: TensorProto.BOOL,
    DType.UINT8: TensorProto.UINT8,
    DType.UINT16: TensorProto.UINT16,
    DType.UINT32: TensorProto.UINT32,
    DType.UINT64: TensorProto.UINT64,
    DType.INT8: TensorProto.INT8,
    DType.INT16: TensorProto.INT16,
    DType.INT32: TensorProto.INT32,
    DType.INT64: TensorProto.INT64,
    DType.FP16: TensorProto.FLOAT16,
    DType.BF16: TensorProto.BFLOAT16,
    DType.FP32: TensorProto.FLOAT,
    DType.FP64: TensorProto.DOUBLE,
    DType.BYTES: TensorProto.STRING,
}
Value = onnx.ValueInfoProto
Shape = Sequence[int | str | None] | None


def value(name: str, dtype: DType, shape: Shape = None) -> Value:
    """An input or output; None = any rank."""
    return helper.make_tensor_value_info(name, ELEMENT_TYPES[dtype], shape)


def graph(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[Value],
    outputs: Sequence[Value],
    constants: Sequence[onnx.TensorProto] = (),
) -> onnx.ModelProto:
    """A model that older runtimes read, too."""
    made = helper.make_graph(list(nodes), "g", list(inputs), list(outputs), initializer=list(constants))
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def identities(inputs: Sequence[Value], outputs: Sequence[Value]) -> onnx.ModelProto:
    """Each output equals its input."""
    pairs = zip(inputs, outputs, strict=True)
    nodes = [helper.make_node("Identity", [given.name], [taken.name]) for given, taken in pairs]
    return graph(nodes, inputs, outputs)


def echo(dtype: DType, shape: Shape = None) -> onnx.ModelProto:
    """Output y equals input x."""
    return identities([value("x", dtype, shape)], [value("y", dtype, shape)])


def half_plus_two(offset: float = 2.0) -> onnx.ModelProto:
    """Float32 y = x / 2 + offset."""
    constants = [
        helper.make_tensor(name, TensorProto.FLOAT, [], [v]) for name, v in (("h", 0.5), ("o", offset))
    ]
    nodes = [helper.make_node("Mul", ["x", "h"], ["m"]), helper.make_node("Add", ["m", "o"], ["y"])]
    return graph(nodes, [value("x", DType.FP32, ["N"])], [value("y", DType.FP32, ["N"])], constants)


def save(model: onnx.ModelProto, path: Path) -> Path:
    """Write a model, its folder too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
    return path
