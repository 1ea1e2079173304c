"""Models called `my_model`, one repository for each kind of value: `input_name` in, `output_name` out.

And one that takes its time.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.conformance.reference_models import build, tensor

NAME: Final = "my_model"


def doubling(dtype: type = np.float32) -> onnx.ModelProto:
    """Numbers of any shape, doubled."""
    two = numpy_helper.from_array(np.array(2, dtype), "two")
    nodes = [helper.make_node("Mul", ["input_name", "two"], ["output_name"])]
    return build(nodes, *ends(two.data_type, None), [two])


def echo() -> onnx.ModelProto:
    """A list of strings, the same: texts, or the bytes of images."""
    nodes = [helper.make_node("Identity", ["input_name"], ["output_name"])]
    return build(nodes, *ends(TensorProto.STRING, ["N"]))


def pictures() -> onnx.ModelProto:
    """Images of 2 x 2 pixels, the same."""
    nodes = [helper.make_node("Identity", ["input_name"], ["output_name"])]
    return build(nodes, *ends(TensorProto.FLOAT, ["N", 2, 2, 3]))


def ends(element_type: int, shape: list[int | str] | None):
    return [tensor("input_name", element_type, shape)], [tensor("output_name", element_type, shape)]


def slow() -> onnx.ModelProto:
    """Multiplies matrices of 256 rows for `rounds` rounds: about a millisecond each."""
    square = tensor("state", TensorProto.FLOAT, [256, 256])
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["state", "state"], ["next"]),
            helper.make_node("Identity", ["go_on"], ["goes_on"]),
        ],
        "round",
        [tensor("round", TensorProto.INT64, []), tensor("go_on", TensorProto.BOOL, []), square],
        [tensor("goes_on", TensorProto.BOOL, []), tensor("next", TensorProto.FLOAT, [256, 256])],
    )
    constants = [
        numpy_helper.from_array(np.eye(256, dtype=np.float32), "start"),
        numpy_helper.from_array(np.array([], np.int64), "scalar"),
    ]
    nodes = [
        helper.make_node("Reshape", ["rounds", "scalar"], ["count"]),
        helper.make_node("Loop", ["count", "", "start"], ["end"], body=body),
        helper.make_node("ReduceSum", ["end"], ["total"], keepdims=0),
    ]
    ends = [tensor("rounds", TensorProto.INT64, [1])], [tensor("total", TensorProto.FLOAT, [])]
    return build(nodes, *ends, constants)


def save(model: onnx.ModelProto, repository: Path, name: str) -> None:
    """Version 1 of a model."""
    version = repository / name / "1"
    version.mkdir(parents=True)
    onnx.save(model, version / "model.onnx")


def write(folder: Path) -> Mapping[str, Path]:
    """The repositories by the kind of value that their model takes."""
    repositories = {}
    for kind, model in {"numbers": doubling(), "strings": echo(), "pictures": pictures()}.items():
        repositories[kind] = folder / kind
        save(model, repositories[kind], NAME)
    return repositories
