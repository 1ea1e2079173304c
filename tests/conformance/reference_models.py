"""Write the reference models that the conformance cases speak of, as an ONNX model repository.

    python reference_models.py DIRECTORY

Each model lands in DIRECTORY/<name>/<version>/model.onnx, the layout every model server of the
field reads; where the graph alone cannot say enough (signatures, aliases, Example features), a
DIRECTORY/<name>/model.yaml says the rest. Needs only the packages onnx and numpy.

name              inputs                                              outputs
half_plus_two     x float32 [N]                                       y = x/2 + 2   (version 1)
                                                                      y = x/2 + 3   (version 2)
echo_<dtype>      x <dtype> [N, ...] (any rank)                       y = x
mixed             tag string [N], signal int64 [N,5],                 tag_out, signal_out, sensor_out,
                  sensor int64 [N,2,2]                                each equal to its input
two_out           x float32 [N,2]                                     sum float32 [N], diff float32 [N]
bytes_out         image_bytes string [N]                              image_bytes string [N], the same
matrix            m float32 [A,B]                                     t float32 [B,A], transposed
add_sub           INPUT0, INPUT1 int32 [N,16]                         OUTPUT0 = sum, OUTPUT1 = difference
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8  # the lowest that opset 17 allows, so that older runtimes read the files too

ELEMENT_TYPES = {
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "float16": TensorProto.FLOAT16,
    "int8": TensorProto.INT8,
    "uint8": TensorProto.UINT8,
    "int16": TensorProto.INT16,
    "uint16": TensorProto.UINT16,
    "int32": TensorProto.INT32,
    "uint32": TensorProto.UINT32,
    "int64": TensorProto.INT64,
    "uint64": TensorProto.UINT64,
    "bool": TensorProto.BOOL,
    "string": TensorProto.STRING,
}


def tensor(name: str, element_type: int, shape: list[int | str] | None):
    return helper.make_tensor_value_info(name, element_type, shape)


def build(nodes, inputs, outputs, constants=()) -> onnx.ModelProto:
    graph = helper.make_graph(nodes, "reference", inputs, outputs, initializer=list(constants))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    return model


def half_plus(offset: float) -> onnx.ModelProto:
    constants = [
        numpy_helper.from_array(np.array(0.5, np.float32), "half"),
        numpy_helper.from_array(np.array(offset, np.float32), "offset"),
    ]
    nodes = [
        helper.make_node("Mul", ["x", "half"], ["halved"]),
        helper.make_node("Add", ["halved", "offset"], ["y"]),
    ]
    return build(
        nodes,
        [tensor("x", TensorProto.FLOAT, ["N"])],
        [tensor("y", TensorProto.FLOAT, ["N"])],
        constants,
    )


def echo(element_type: int) -> onnx.ModelProto:
    return build(
        [helper.make_node("Identity", ["x"], ["y"])],
        [tensor("x", element_type, None)],
        [tensor("y", element_type, None)],
    )


def mixed() -> onnx.ModelProto:
    inputs = [
        tensor("tag", TensorProto.STRING, ["N"]),
        tensor("signal", TensorProto.INT64, ["N", 5]),
        tensor("sensor", TensorProto.INT64, ["N", 2, 2]),
    ]
    outputs = [
        tensor("tag_out", TensorProto.STRING, ["N"]),
        tensor("signal_out", TensorProto.INT64, ["N", 5]),
        tensor("sensor_out", TensorProto.INT64, ["N", 2, 2]),
    ]
    nodes = [helper.make_node("Identity", [i.name], [o.name]) for i, o in zip(inputs, outputs, strict=True)]
    return build(nodes, inputs, outputs)


def two_out() -> onnx.ModelProto:
    constants = [
        numpy_helper.from_array(np.array([1, 1], np.float32), "plus"),
        numpy_helper.from_array(np.array([1, -1], np.float32), "minus"),
    ]
    nodes = [
        helper.make_node("MatMul", ["x", "plus"], ["sum"]),
        helper.make_node("MatMul", ["x", "minus"], ["diff"]),
    ]
    outputs = [
        tensor("sum", TensorProto.FLOAT, ["N"]),
        tensor("diff", TensorProto.FLOAT, ["N"]),
    ]
    return build(nodes, [tensor("x", TensorProto.FLOAT, ["N", 2])], outputs, constants)


def bytes_out() -> onnx.ModelProto:
    # ONNX wants distinct value names inside a graph, so the input and the output that clients
    # both see as "image_bytes" are the graph's "image_bytes_in" and "image_bytes".
    return build(
        [helper.make_node("Identity", ["image_bytes_in"], ["image_bytes"])],
        [tensor("image_bytes_in", TensorProto.STRING, ["N"])],
        [tensor("image_bytes", TensorProto.STRING, ["N"])],
    )


def matrix() -> onnx.ModelProto:
    return build(
        [helper.make_node("Transpose", ["m"], ["t"], perm=[1, 0])],
        [tensor("m", TensorProto.FLOAT, ["A", "B"])],
        [tensor("t", TensorProto.FLOAT, ["B", "A"])],
    )


def add_sub() -> onnx.ModelProto:
    names = ["INPUT0", "INPUT1"]
    nodes = [
        helper.make_node("Add", names, ["OUTPUT0"]),
        helper.make_node("Sub", names, ["OUTPUT1"]),
    ]
    return build(
        nodes,
        [tensor(name, TensorProto.INT32, ["N", 16]) for name in names],
        [tensor(name, TensorProto.INT32, ["N", 16]) for name in ("OUTPUT0", "OUTPUT1")],
    )


SIDECARS = {
    "half_plus_two": """\
versions: all
labels: {stable: 1, canary: 2}
signatures:
  serving_default:
    method: predict
    inputs: {x: x}
    outputs: {y: y}
  regress_x_to_y:
    method: regress
    inputs: {x: x}
    outputs: {outputs: y}
  classify_x_to_y:
    method: classify
    inputs: {x: x}
    outputs: {scores: y}
features:
  x: {dtype: float32, shape: []}
""",
    "bytes_out": """\
signatures:
  serving_default:
    method: predict
    inputs: {image_bytes: image_bytes_in}
    outputs: {image_bytes: image_bytes}
""",
}


def reference_models() -> dict[tuple[str, int], onnx.ModelProto]:
    """Every reference model, by (name, version)."""
    models = {
        ("half_plus_two", 1): half_plus(2.0),
        ("half_plus_two", 2): half_plus(3.0),
        ("mixed", 1): mixed(),
        ("two_out", 1): two_out(),
        ("bytes_out", 1): bytes_out(),
        ("matrix", 1): matrix(),
        ("add_sub", 1): add_sub(),
    }
    for dtype, element_type in ELEMENT_TYPES.items():
        models[(f"echo_{dtype}", 1)] = echo(element_type)
    return models


def write(directory: Path) -> None:
    for (name, version), model in reference_models().items():
        folder = directory / name / str(version)
        folder.mkdir(parents=True, exist_ok=True)
        onnx.save(model, folder / "model.onnx")
    for name, sidecar in SIDECARS.items():
        (directory / name / "model.yaml").write_text(sidecar, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    write(Path(sys.argv[1]))
