"""Requests of every kind as bodies, and bodies as answers of every kind."""

import json
from typing import Any

import numpy as np
import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import ExampleRequest, PayloadRequest, TensorRequest, TreeRequest
from dragoman.core.responses import PayloadResponse, TensorResponse, TreeResponse
from dragoman.core.tensors import DType, Tensor
from dragoman.execution.workers.handlers.envelopes import MOST_VALUES, closed, is_large, opened

ROWS = TreeRequest("", [1])
TENSORS = TensorRequest("", {})


def body(request: PayloadRequest) -> Any:
    return json.loads(bytes(request.parts[0].data))


def answered(tree: object, status: int = 200) -> PayloadResponse:
    return PayloadResponse(json.dumps(tree).encode(), status=status)


def test_a_body_stays_what_it_is() -> None:
    request = PayloadRequest("", [])
    assert opened(request, "id") == (request, None)
    answer = PayloadResponse(b"", status=500)
    assert closed(request, answer) is answer


def test_rows_are_opened_by_the_envelope_for_rows() -> None:
    request, envelope = opened(TreeRequest("", [1, "a"], {"h": "1"}), "id")
    assert (body(request), envelope, request.headers) == ({"instances": [1, "a"]}, "kserve", {"h": "1"})


def test_tensors_are_opened_by_the_envelope_for_tensors() -> None:
    x = Tensor(DType.FP32, np.array([[1.5, 2.5]], np.float32))
    s = Tensor(DType.BYTES, np.array([b"a", b"\xff"], object))
    request, envelope = opened(TensorRequest("", {"x": x, "s": s}), "id")
    assert envelope == "kservev2"
    assert body(request) == {
        "id": "id",
        "inputs": [
            {"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1.5, 2.5]},
            {"name": "s", "shape": [2], "datatype": "BYTES", "data": ["a", "�"]},
        ],
    }


@pytest.mark.parametrize("key", ["predictions", "explanations"])
def test_rows_come_back(key: str) -> None:
    answer = closed(ROWS, answered({key: [1, {"a": None}]}))
    assert isinstance(answer, TreeResponse)
    assert answer.rows == [1, {"a": None}]


def test_tensors_come_back() -> None:
    outputs = [
        {"name": "y", "datatype": "INT64", "shape": [2, 1], "data": [1, 2]},
        {"name": "s", "datatype": "BYTES", "shape": [1], "data": ["a"]},
    ]
    answer = closed(TENSORS, answered({"outputs": outputs}))
    assert isinstance(answer, TensorResponse)
    assert answer.outputs["y"].array.tolist() == [[1], [2]]
    assert answer.outputs["s"].array.tolist() == [b"a"]


@pytest.mark.parametrize(
    ("request_", "tree"),
    [
        (ROWS, {"predictions": 1}),
        (ROWS, [1]),
        (TENSORS, {}),
        (TENSORS, {"outputs": [{"name": "y"}]}),
        (TENSORS, {"outputs": [{"name": "y", "datatype": "UINT8", "shape": [1], "data": [300]}]}),
        (TENSORS, {"outputs": [{"name": "y", "datatype": "FP32", "shape": [3], "data": [1]}]}),
        (TENSORS, {"outputs": [{"name": "y", "datatype": "what", "shape": [1], "data": [1]}]}),
    ],
)
def test_an_answer_of_another_form_fails_as_torchserves_do(request_: Any, tree: object) -> None:
    with pytest.raises(DragomanError) as caught:
        closed(request_, answered(tree))
    assert (caught.value.status, caught.value.message) == (503, "Invalid model predict output")


def test_what_is_no_json_fails_so_too() -> None:
    with pytest.raises(DragomanError, match="Invalid model predict output"):
        closed(ROWS, PayloadResponse(b"\xff"))


def test_a_handlers_own_failure_is_the_callers() -> None:
    with pytest.raises(DragomanError) as caught:
        closed(ROWS, PayloadResponse(b"no tea", status=404))
    assert (caught.value.code, caught.value.message, caught.value.status) == (Code.NOT_FOUND, "no tea", 404)


def test_examples_and_what_json_has_no_word_for_are_refused() -> None:
    with pytest.raises(DragomanError, match="takes no examples"):
        opened(ExampleRequest("", []), "id")
    with pytest.raises(DragomanError, match="cannot be written as JSON"):
        opened(TreeRequest("", [b"bytes"]), "id")


@pytest.mark.parametrize(
    ("request_", "large"),
    [
        (TreeRequest("", [[0.0] * 10] * 10), False),
        (TreeRequest("", [[0.0] * MOST_VALUES]), True),
        (TreeRequest("", [{"a": [[0.0] * 100] * 100}]), True),
        (TreeRequest("", ["x" * 100]), False),
        (TreeRequest("", ["x" * 16 * MOST_VALUES]), True),
        (TensorRequest("", {"x": Tensor(DType.FP32, np.zeros(10, np.float32))}), False),
        (TensorRequest("", {"x": Tensor(DType.FP32, np.zeros(10_000, np.float32))}), True),
        (PayloadRequest("", []), False),
    ],
)
def test_what_takes_long_to_write_is_known_before(request_: Any, large: bool) -> None:
    assert is_large(request_) is large
