from collections.abc import Mapping
from typing import Any, Final

import msgspec
import numpy as np
import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.core.images import ImageSpec
from dragoman.core.requests import ExampleRequest, TensorRequest
from dragoman.core.signatures import Method, Signature, TensorSpec
from dragoman.core.tensors import Array, DType, Tensor
from dragoman.wire.v2.binding import bind_tensors
from tests.unit.protocols.tfs.reference import ADD_SUB, echo_signature, example_signature, signature, spec

ROW: Final = np.arange(16, dtype=np.int32).reshape(1, 16)


def given(dtype: DType = DType.INT32, **arrays: Array) -> Mapping[str, Tensor]:
    return {name: Tensor(dtype, array) for name, array in arrays.items()}


def refused(tensors: Mapping[str, Tensor], *outputs: str, to: Signature = ADD_SUB) -> str:
    with pytest.raises(DragomanError) as caught:
        bind_tensors("m", tensors, outputs, to)
    assert caught.value.code is Code.INVALID_ARGUMENT
    return caught.value.message


def test_tensors_that_fit_are_passed_on_as_they_are() -> None:
    tensors = given(INPUT0=ROW, INPUT1=ROW)
    request = bind_tensors("m", tensors, (), ADD_SUB)
    assert request == TensorRequest("serving_default", tensors, None)
    assert request.inputs["INPUT0"].array is ROW


def test_outputs_keep_the_order_in_which_they_are_asked_for() -> None:
    request = bind_tensors("m", given(INPUT0=ROW, INPUT1=ROW), ("OUTPUT1", "OUTPUT0"), ADD_SUB)
    assert isinstance(request, TensorRequest)
    assert request.outputs == ("OUTPUT1", "OUTPUT0")


def test_an_input_that_the_model_lacks_is_named() -> None:
    tensors = given(INPUT0=ROW, INPUT1=ROW, INPUT2=ROW)
    assert refused(tensors) == "unexpected inference input 'INPUT2' for model 'm'"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["INPUT0"],
            "expected 2 inputs but got 1 inputs for model 'm'. Got input(s) ['INPUT0'], "
            "but missing required input(s) ['INPUT1']. Please provide all required input(s).",
        ),
        (
            [],
            "expected 2 inputs but got 0 inputs for model 'm'. Got input(s) [], "
            "but missing required input(s) ['INPUT0', 'INPUT1']. Please provide all required input(s).",
        ),
    ],
)
def test_inputs_that_are_missing_are_named(names: list[str], message: str) -> None:
    assert refused(given(**dict.fromkeys(names, ROW))) == message


def test_an_input_that_has_a_default_may_be_left_out() -> None:
    other = Tensor(DType.FP32, np.array([2.0], np.float32))
    optional = msgspec.structs.replace(spec("scale", DType.FP32, (1,)), default=other)
    found = signature([spec("x", DType.FP32, (None,)), optional], [spec("y", DType.FP32, (None,))])
    tensors = given(DType.FP32, x=np.zeros(3, np.float32))
    request = bind_tensors("m", tensors, (), found)
    assert isinstance(request, TensorRequest)
    assert request.inputs == {**tensors, "scale": other}


def test_another_type_is_named() -> None:
    tensors = given(INPUT0=ROW) | given(DType.FP32, INPUT1=ROW)
    assert refused(tensors) == "inference input 'INPUT1' data-type is 'FP32', but model 'm' expects 'INT32'"


@pytest.mark.parametrize("shape", [(), (2,), (2, 1)])
def test_byte_strings_are_images_where_an_input_takes_them(shape: tuple[int, ...]) -> None:
    image = ImageSpec(DType.FP32, None, 2, 2, 3)
    picture = msgspec.structs.replace(spec("x", DType.FP32, (None, 2, 2, 3)), image=image)
    files = given(DType.BYTES, x=np.full(shape, b"\xff\xd8", np.object_))
    request = bind_tensors("m", files, (), Signature("s", {"x": picture}, {}))
    assert isinstance(request, TensorRequest)
    assert request.inputs["x"] is files["x"]
    plain = Signature("s", {"x": msgspec.structs.replace(picture, image=None)}, {})
    assert refused(files, to=plain).startswith("inference input 'x' data-type is 'BYTES'")


@pytest.mark.parametrize("shape", [(1, 17), (16,), (1, 16, 1), ()])
def test_another_shape_is_named(shape: tuple[int, ...]) -> None:
    shown = str(list(shape)).replace(" ", "")
    assert refused(given(INPUT0=np.zeros(shape, np.int32), INPUT1=ROW)) == (
        f"unexpected shape for input 'INPUT0' for model 'm'. Expected [-1,16], got {shown}"
    )


@pytest.mark.parametrize("shape", [(), (0,), (2, 3)])
def test_an_input_of_open_rank_takes_every_shape(shape: tuple[int, ...]) -> None:
    tensors = given(x=np.zeros(shape, np.int32))
    request: Any = bind_tensors("m", tensors, (), echo_signature(DType.INT32))
    assert request.inputs == tensors


def test_a_list_feeds_a_column_where_the_owner_allows_it() -> None:
    column = signature([spec("x", DType.INT32, (None, 1))], [spec("y", DType.INT32, None)])
    tensors = given(x=np.arange(3, dtype=np.int32))
    assert (
        refused(tensors, to=column)
        == "unexpected shape for input 'x' for model 'm'. Expected [-1,1], got [3]"
    )
    allowed = msgspec.structs.replace(column, add_trailing_axis=True)
    request: Any = bind_tensors("m", tensors, (), allowed)
    assert request.inputs["x"].array.tolist() == [[0], [1], [2]]


def test_outputs_that_the_model_lacks_or_that_come_twice_are_named() -> None:
    tensors = given(INPUT0=ROW, INPUT1=ROW)
    assert refused(tensors, "OUTPUT9") == "unexpected inference output 'OUTPUT9' for model 'm'"
    assert refused(tensors, "OUTPUT0", "OUTPUT0") == "output 'OUTPUT0' already exists in request"


def test_a_signature_of_examples_takes_them_serialized() -> None:
    found = example_signature(Method.REGRESS, "outputs")
    rows = np.array([b""], np.object_)
    assert bind_tensors("m", given(DType.BYTES, inputs=rows), (), found) == ExampleRequest(found.name, [{}])
    assert refused(given(DType.FP32, inputs=np.zeros(1, np.float32)), to=found) == (
        "inference input 'inputs' data-type is 'FP32', but model 'm' expects 'BYTES'"
    )
    broken = np.array([b"\xff"], np.object_)
    assert refused(given(DType.BYTES, inputs=broken), to=found).startswith('input "inputs", row 0:')


def test_a_model_of_tables_gets_numbers_of_any_type_as_its_own_and_columns_as_values() -> None:
    age = TensorSpec("age", DType.FP64, (None,), "age")
    table = Signature("serving_default", {"age": age}, {}, any_number=True)
    request = bind_tensors("m", {"age": Tensor(DType.INT64, np.array([[1], [2]]))}, [], table)
    assert isinstance(request, TensorRequest)
    bound = request.inputs["age"]
    assert (bound.dtype, bound.array.dtype, bound.array.tolist()) == (DType.FP64, np.float64, [1.0, 2.0])
    with pytest.raises(DragomanError, match="data-type is 'BYTES', but model 'm' expects 'FP64'"):
        bind_tensors("m", {"age": Tensor(DType.BYTES, np.array([b"1"], object))}, [], table)
