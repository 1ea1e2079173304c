"""Texts for inputs of bytes, over REST and gRPC."""

import json
from typing import Any, Final

import numpy as np
import pytest

from dragoman.core.errors import DragomanError, Reason
from dragoman.core.requests import TensorRequest
from dragoman.core.tensors import DType
from dragoman.protocols.ovms import grpc, predict, strings
from dragoman.settings.limits import Limits
from dragoman.wire.messages import WireRequest
from dragoman.wire.protobuf import message_class
from tests.unit.protocols.tfs.reference import echo_signature

ROWS: Final = [[97, 0, 0, 0], [98, 99, 100, 0]]  # a, bcd
SIGNATURE: Final = echo_signature(DType.UINT8, (None, None))


def by_rest(body: Any, shape: tuple[int | None, ...] | None = (None, None)) -> Any:
    wire = WireRequest("POST", "", "", [], json.dumps(body).encode(), {"model": "m"})
    request = predict.bind_predict(predict.parse_predict(wire, Limits()), echo_signature(DType.UINT8, shape))
    assert isinstance(request, TensorRequest)
    return request.inputs["x"]


def by_grpc(texts: list[bytes]) -> Any:
    message = message_class("tensorflow.serving.PredictRequest")()
    message.model_spec.name = "m"
    tensor = message.inputs["x"]
    tensor.dtype = 7  # DT_STRING
    tensor.tensor_shape.dim.add(size=len(texts))
    tensor.string_val.extend(texts)
    wire = WireRequest(
        "POST", "/tensorflow.serving.PredictionService/Predict", "", [], message.SerializeToString()
    )
    request = grpc.bind_predict(grpc.parse_predict(wire, Limits()), SIGNATURE)
    assert isinstance(request, TensorRequest)
    return request.inputs["x"]


@pytest.mark.parametrize(
    "body",
    [
        {"instances": ["a", "bcd"]},
        {"instances": [{"x": "a"}, {"x": "bcd"}]},
        {"instances": [{"b64": "YQ=="}, {"b64": "YmNk"}]},
        {"inputs": ["a", "bcd"]},
        {"inputs": {"x": ["a", "bcd"]}},
    ],
)
def test_each_text_becomes_a_row_that_ends_in_zeros(body: Any) -> None:
    tensor = by_rest(body)
    assert (tensor.dtype, tensor.array.tolist()) == (DType.UINT8, ROWS)


def test_so_does_each_text_over_grpc() -> None:
    tensor = by_grpc([b"a", b"bcd"])
    assert (tensor.dtype, tensor.array.tolist()) == (DType.UINT8, ROWS)


def test_numbers_stay_what_they_are() -> None:
    assert by_rest({"inputs": [[1, 2]]}).array.tolist() == [[1, 2]]


@pytest.mark.parametrize("shape", [None, (None,), (None, None, None)])
def test_texts_are_for_inputs_of_two_axes(shape: Any) -> None:
    with pytest.raises(DragomanError, match="is not of expected type: uint8"):
        by_rest({"inputs": ["a", "bcd"]}, shape)


def test_one_long_text_does_not_make_rows_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strings, "MOST_BYTES", 15)
    assert strings.rows_of_bytes("x", [b"abcd", b"", b"e"]).array.shape == (3, 5)
    with pytest.raises(DragomanError, match='input "x": 3 texts of up to 5 bytes are more than') as refused:
        strings.rows_of_bytes("x", [b"abcde", b"", b"f"])
    assert refused.value.reason is Reason.INPUT_SHAPE


def test_no_text_is_no_row() -> None:
    assert strings.rows_of_bytes("x", []).array.tolist() == np.zeros((0, 1)).tolist()
