"""Layouts, shapes and batch sizes that options give to a model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import pytest
from openvino import opset13

from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import TensorRequest
from dragoman.core.signatures import DEFAULT_SIGNATURE, Signature
from dragoman.core.tensors import Array
from dragoman.engines.base import Artifact
from dragoman.engines.openvino import OpenVinoEngine
from dragoman.engines.openvino.model import OpenVinoModel
from tests.contract.engines import CALL, tensor
from tests.unit.engines.openvino.files import Shape, given, write


def load(file: Path, **options: Any) -> OpenVinoModel:
    return OpenVinoEngine().load(Artifact(str(file), "demo", 1), options)


def signature(file: Path, **options: Any) -> Signature:
    return load(file, **options).signatures[DEFAULT_SIGNATURE]


def infer(model: OpenVinoModel, **inputs: Array) -> Mapping[str, Array]:
    request = TensorRequest(DEFAULT_SIGNATURE, {name: tensor(array) for name, array in inputs.items()})
    return {name: answer.array for name, answer in model.infer(request, CALL).outputs.items()}


def refused(file: Path, **options: Any) -> str:
    with pytest.raises(DragomanError) as caught:
        load(file, **options)
    assert caught.value.code is Code.INVALID_ARGUMENT
    return caught.value.message


def doubled(folder: Path, shape: Shape = (-1, 3)) -> Path:
    """Output y is twice input x."""
    x = given("x", shape=shape)
    return write(folder, [x], {"y": opset13.add(x, x).output(0)})


def added(folder: Path, shape: Shape = (-1, 3)) -> Path:
    """Output y is a + b."""
    a, b = given("a", shape=shape), given("b", shape=shape)
    return write(folder, [a, b], {"y": opset13.add(a, b).output(0)})


def colours(folder: Path) -> Path:
    """Output y is input x, an image (1, 3, 2, 4), with each of its colours weighed: 1, 10 and 100 times."""
    x = given("x", shape=(1, 3, 2, 4))
    weights = opset13.constant(np.array([1, 10, 100], np.float32).reshape(1, 3, 1, 1))
    return write(folder, [x], {"y": opset13.multiply(x, weights).output(0)})


# Shapes


@pytest.mark.parametrize(
    ("wanted", "shape"),
    [
        ("(4,3)", (4, 3)),
        ("(-1,3)", (None, 3)),
        ("(2:8,3)", (None, 3)),
        ("auto", (None, None)),
        ({"x": "(4,3)"}, (4, 3)),
        ({"x": "auto"}, (None, None)),
    ],
)
def test_an_input_gets_the_shape_that_is_said(
    tmp_path: Path, wanted: Any, shape: tuple[int | None, ...]
) -> None:
    assert signature(doubled(tmp_path), shape=wanted).inputs["x"].shape == shape


def test_what_comes_out_follows(tmp_path: Path) -> None:
    model = load(doubled(tmp_path, (1, 3)), shape="(4,5)")
    assert model.signatures[DEFAULT_SIGNATURE].outputs["y"].shape == (4, 5)
    assert infer(model, x=np.ones((4, 5), np.float32))["y"].tolist() == [[2] * 5] * 4


def test_a_size_outside_its_range_is_refused_with_the_range(tmp_path: Path) -> None:
    model = load(doubled(tmp_path), shape="(2:8,3)")
    assert infer(model, x=np.ones((8, 3), np.float32))["y"].shape == (8, 3)
    with pytest.raises(DragomanError) as caught:
        infer(model, x=np.ones((9, 3), np.float32))
    assert caught.value.code is Code.INVALID_ARGUMENT
    assert caught.value.message == 'input "x": shape (9, 3) does not fit (2..8, 3)'


def test_ranges_of_sizes_are_told(tmp_path: Path) -> None:
    found = signature(doubled(tmp_path), shape="(2:8,3)").inputs["x"]
    assert (found.shape, found.ranges) == ((None, 3), ((2, 8), None))
    assert signature(doubled(tmp_path), shape="(-1,3)").inputs["x"].ranges == ()


def test_an_input_of_any_number_of_axes_can_be_given_one(tmp_path: Path) -> None:
    x = opset13.parameter(openvino.PartialShape.dynamic(), openvino.Type.f32, name="x").output(0)
    file = write(tmp_path, [x], {"y": opset13.add(x, x).output(0)})
    with pytest.raises(DragomanError, match=r"options\.shape can give one") as caught:
        load(file)
    assert caught.value.code is Code.FAILED_PRECONDITION
    assert infer(load(file, shape="(-1,2)"), x=np.ones((1, 2), np.float32))["y"].tolist() == [[2, 2]]


def test_one_shape_for_several_inputs_is_refused_unless_it_is_auto(tmp_path: Path) -> None:
    message = refused(added(tmp_path), shape="(4,3)")
    assert message == "options.shape: say it by name, as the model has several inputs: a, b"
    found = signature(added(tmp_path, (1, 3)), shape="auto").inputs
    assert [spec.shape for spec in found.values()] == [(None, None), (None, None)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shape": {"z": "(4,3)"}}, "options.shape: the model has no 'z'; it has x"),
        ({"shape": "(4)"}, "options.shape: the model cannot be reshaped to this: x (4,)"),
        ({"shape": "(4,5)"}, "options.shape: the model cannot be reshaped to this: x (4, 5)"),
        ({"shape": "4,3"}, "options.shape: '4,3' is no shape; "),
    ],
)
def test_a_shape_that_the_model_does_not_take_is_named(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    x = given("x", shape=(-1, 3))
    weights = opset13.constant(np.ones((3, 2), np.float32))
    file = write(tmp_path, [x], {"y": opset13.matmul(x, weights, False, False).output(0)})
    assert refused(file, **options).startswith(message)


# Batch sizes


@pytest.mark.parametrize(
    ("batch_size", "shape"), [(4, (4, 3)), ("4", (4, 3)), ("auto", (None, 3)), (-1, (None, 3)), (0, (1, 3))]
)
def test_the_first_axis_gets_the_batch_size(
    tmp_path: Path, batch_size: Any, shape: tuple[int | None, ...]
) -> None:
    found = signature(added(tmp_path, (1, 3)), batch_size=batch_size)
    assert [spec.shape for spec in (*found.inputs.values(), *found.outputs.values())] == [shape] * 3


def test_the_batch_is_where_the_layout_says(tmp_path: Path) -> None:
    found = signature(doubled(tmp_path, (5, 1)), batch_size="1:8", layout="CN")
    assert found.inputs["x"].shape == (5, None)
    assert found.inputs["x"].layout == "CN"


def test_a_model_without_a_batch_axis_has_no_batch_size(tmp_path: Path) -> None:
    message = refused(doubled(tmp_path, (5, 1)), batch_size=2, layout="HW")
    assert message == "options.batch_size: no input of the model has a batch axis, an N in its layout"


def test_a_shape_says_more_than_a_batch_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert signature(doubled(tmp_path), batch_size=2, shape="(4,3)").inputs["x"].shape == (4, 3)
    assert "options.batch_size has no effect" in capsys.readouterr().out


# Layouts


def test_callers_may_send_and_get_the_axes_in_another_order(tmp_path: Path) -> None:
    model = load(colours(tmp_path), layout={"x": "NHWC:NCHW", "y": "NHWC:NCHW"})
    found = model.signatures[DEFAULT_SIGNATURE]
    assert (found.inputs["x"].shape, found.inputs["x"].layout) == ((1, 2, 4, 3), "NHWC")
    assert (found.outputs["y"].shape, found.outputs["y"].layout) == ((1, 2, 4, 3), "NHWC")
    answer = infer(model, x=np.ones((1, 2, 4, 3), np.float32))["y"]
    assert answer.tolist() == [[[[1, 10, 100]] * 4] * 2]


def test_one_layout_alone_says_which_axis_is_which_and_changes_nothing(tmp_path: Path) -> None:
    found = signature(colours(tmp_path), layout="nchw")
    assert (found.inputs["x"].shape, found.inputs["x"].layout) == ((1, 3, 2, 4), "NCHW")
    assert found.outputs["y"].layout is None


def test_sizes_are_said_in_the_order_of_the_callers(tmp_path: Path) -> None:
    options = {"layout": "NHWC:NCHW", "shape": "(-1,6,8,3)"}
    found = signature(colours(tmp_path), **options)
    assert found.inputs["x"].shape == (None, 6, 8, 3)
    assert found.outputs["y"].shape == (None, 3, 6, 8)


def test_the_layout_that_is_in_the_file_is_told(tmp_path: Path) -> None:
    x = given("x", shape=(1, 3, 2, 4))
    openvino.layout_helpers.set_layout(x, openvino.Layout("NCHW"))
    found = signature(write(tmp_path, [x], {"y": opset13.relu(x).output(0)}))
    assert found.inputs["x"].layout == "NCHW"


def test_several_inputs_keep_their_order(tmp_path: Path) -> None:
    model = load(added(tmp_path, (1, 2, 3)), layout={"b": "NCH:NHC"})
    assert list(model.signatures[DEFAULT_SIGNATURE].inputs) == ["a", "b"]
    b = np.arange(6, dtype=np.float32).reshape(1, 3, 2)
    answer = infer(model, a=np.zeros((1, 2, 3), np.float32), b=b)["y"]
    assert (answer == b.transpose(0, 2, 1)).all()


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        ("NHW", 'options.layout: NHW does not fit "x", which is (1, 3, 2, 4)'),
        ("NHWD:NCHW", "options.layout: the model does not take this: x NHWD:NCHW"),
        ({"z": "NCHW"}, "options.layout: the model has no 'z'; it has x, y"),
        ("NXHW", "options.layout: 'NXHW' is no layout; "),
    ],
)
def test_a_layout_that_does_not_fit_is_named(tmp_path: Path, layout: Any, message: str) -> None:
    assert refused(colours(tmp_path), layout=layout).startswith(message)


def test_one_layout_for_several_inputs_is_refused(tmp_path: Path) -> None:
    assert refused(added(tmp_path), layout="NC").startswith("options.layout: say it by name, ")
