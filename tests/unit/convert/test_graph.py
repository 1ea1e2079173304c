"""A converter's graph between the names, types and shapes of the source's engine."""

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

from dragoman.convert.graph import Feed, Take, wrapped
from dragoman.convert.messages import Port
from dragoman.core.tensors import DType


def doubled() -> onnx.ModelProto:
    """X of float32 and two columns, and twice X."""
    node = helper.make_node("Add", ["X", "X"], ["Y"])
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 2]) for name in "XY")
    return helper.make_model(
        helper.make_graph([node], "doubled", [x], [y]),
        opset_imports=[helper.make_opsetid("", 13)],
        ir_version=8,
    )


def run(model: onnx.ModelProto, **given: np.ndarray) -> list[np.ndarray]:
    onnx.checker.check_model(model)
    return onnxruntime.InferenceSession(model.SerializeToString()).run(None, given)


def test_columns_become_the_matrix_and_the_answer_has_the_sources_type():
    ports = [Port("width (cm)", DType.FP64, (None,)), Port("n", DType.INT64, (None,))]
    model = wrapped(
        doubled(), [Feed("X", ports, DType.FP32)], [Take(Port("predictions", DType.FP64, (None, 2)), "Y")]
    )
    session = onnxruntime.InferenceSession(model.SerializeToString())
    assert [(value.name, value.shape) for value in session.get_inputs()] == [
        ("width (cm)", ["rows"]),
        ("n", ["rows"]),
    ]
    (answer,) = run(model, **{"width (cm)": np.array([1.5, 2]), "n": np.array([3, 4])})
    assert (answer.dtype, answer.tolist()) == (np.float64, [[3, 6], [4, 8]])


def test_one_column_and_the_place_of_the_largest_are_outputs_of_their_own():
    ports = [Port("input-0", DType.FP32, (None, 2))]
    takes = [
        Take(Port("predictions", DType.FP32, (None,)), "Y", column=1),
        Take(Port("labels", DType.INT64, (None,)), "Y", best=True),
    ]
    model = wrapped(doubled(), [Feed("X", ports, DType.FP32)], takes)
    predictions, labels = run(model, **{"input-0": np.array([[1, 2], [4, 3]], np.float32)})
    assert predictions.tolist() == [4, 6]
    assert labels.tolist() == [1, 0]
