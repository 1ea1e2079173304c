"""Joining requests and dividing the answer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import DragomanError
from dragoman.core.requests import TensorRequest
from dragoman.core.responses import TensorResponse
from dragoman.core.tensors import DType, Tensor
from dragoman.execution.batch import divide, join, join_key, rows_of


def request(**inputs: object) -> TensorRequest:
    tensors = {name: Tensor(DType.FP32, np.array(value, np.float32)) for name, value in inputs.items()}
    return TensorRequest("serving_default", tensors)


@given(
    st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=4), min_size=1, max_size=6), st.integers(0, 3)
)
def test_joined_and_divided_everyone_has_exactly_their_own_rows(rows: list[list[int]], spare: int) -> None:
    requests = [request(x=values) for values in rows]
    sizes = [rows_of(one) for one in requests]
    filled = sum(sizes) + spare
    joined = join(requests, filled)
    assert joined.inputs["x"].array.shape == (filled,)
    answers = divide(TensorResponse({"y": joined.inputs["x"]}), sizes, filled)
    assert [answer.outputs["y"].array.tolist() for answer in answers] == rows


@pytest.mark.parametrize(
    ("inputs", "rows"),
    [({"x": [1, 2]}, 2), ({"x": 1}, 0), ({"x": [1], "z": [1, 2]}, 0), ({"x": [[1]], "z": [2]}, 1), ({}, 0)],
)
def test_the_rows_of_a_request_are_the_first_dimension_that_its_inputs_share(
    inputs: dict[str, object], rows: int
) -> None:
    assert rows_of(request(**inputs)) == rows


def test_unlike_inner_shapes_are_joined_only_with_padding() -> None:
    wide, narrow = request(x=[[1, 2]]), request(x=[[3]])
    assert join_key(wide, False) != join_key(narrow, False)
    assert join_key(wide, True) == join_key(narrow, True)
    assert join([narrow, wide], 2).inputs["x"].array.tolist() == [[3, 3], [1, 2]]


def test_other_outputs_dtypes_or_signatures_are_never_joined() -> None:
    plain = request(x=[1])
    double = TensorRequest("serving_default", {"x": Tensor(DType.FP64, np.array([1.0]))})
    some = TensorRequest("serving_default", plain.inputs, ["y"])
    other = TensorRequest("other", plain.inputs)
    assert len({join_key(one, True) for one in (plain, double, some, other)}) == 4


def test_texts_are_joined_too() -> None:
    texts = np.empty(1, np.object_)
    texts[0] = b"a"
    one = TensorRequest("s", {"x": Tensor(DType.BYTES, texts)})
    assert join([one, one], 3).inputs["x"].array.tolist() == [b"a"] * 3


def test_an_output_without_the_batchs_rows_is_an_error_that_names_it() -> None:
    response = TensorResponse({"y": Tensor(DType.FP32, np.zeros(3, np.float32))})
    with pytest.raises(DragomanError, match='output "y"'):
        divide(response, [1, 1], 2)
