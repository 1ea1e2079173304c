"""TensorFlow Serving's predict, KServe's and OpenVINO Model Server's with a model that reads rows itself."""

import json
from typing import Any, Final

import numpy as np
import pytest

from dragoman.assembly.builtin import protocols
from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import TensorRequest, TreeRequest
from dragoman.core.responses import TensorResponse, TreeResponse
from dragoman.core.tensors import DType, Tensor
from dragoman.protocols.tfs import PROTOCOL as TFS
from dragoman.transports.grpc.router import GrpcRouter
from dragoman.transports.http.router import Router
from dragoman.wire.messages import WireRequest
from dragoman.wire.operation import InferOperation
from dragoman.wire.protobuf import message_class
from tests.unit.protocols.tfs.reference import LIMITS
from tests.unit.protocols.untyped.models import ANY, TENSORS_ALONE

PREDICT: Final = "/tensorflow.serving.PredictionService/Predict"
DIALECTS: Final = ["superset", "tfserving", "ovms", "kserve"]
ROUTERS: Final = {
    dialect: Router(
        [spec for spec in protocols() if spec.name in names], dialect
    )
    for dialect, names in {
        "superset": ("tfs",), "tfserving": ("tfs",), "ovms": ("ovms",), "kserve": ("kserve_v1",),
    }.items()
}  # fmt: skip


def call(
    dialect: str, body: Any, rows: list[Any] | None = None, method: str = "predict"
) -> tuple[TreeRequest, bytes]:
    """What the model is asked, and the answer to the caller of one that gives these rows, or its own back."""
    operation, params = ROUTERS[dialect].match("POST", f"/v1/models/m:{method}")
    assert isinstance(operation, InferOperation)
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    wire = WireRequest("POST", f"/v1/models/m:{method}", "", [(b"X-My", b"1")], data, params)
    draft = operation.parse(wire, LIMITS)
    request = operation.bind(draft, ANY)
    assert isinstance(request, TreeRequest)
    answer = operation.encode(draft, TreeResponse(request.rows if rows is None else rows))
    return request, bytes(answer.body)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_rows_of_any_form_are_the_models_and_what_it_gives_for_them_is_answered(dialect: str) -> None:
    rows = [{"a": [1, "x"]}, None, 2.5, {"b64": "AA=="}]
    request, body = call(dialect, {"instances": rows})
    assert (request.signature, request.rows) == ("any", rows)
    assert request.headers == {"X-My": "1", "explain": "False"}
    assert json.loads(body) == {"predictions": rows}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_inputs_that_are_no_list_are_one_row_and_answered_for_alone(dialect: str) -> None:
    key = "predictions" if dialect == "kserve" else "outputs"
    for inputs, rows in (([1, 2], [1, 2]), ({"a": 1}, [{"a": 1}]), ("text", ["text"])):
        request, body = call(dialect, {"inputs": inputs})
        assert request.rows == rows
        assert json.loads(body) == {key: inputs}
    assert json.loads(call(dialect, {"inputs": 1}, [1, 2])[1]) == {key: [1, 2]}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_large_block_of_numbers_is_rows_too(dialect: str) -> None:
    rows = [[float(i), 0.5] for i in range(10_000)]
    assert call(dialect, {"instances": rows})[0].rows == rows


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("body", [{"instances": [1], "inputs": [1]}, {}, {"instances": 1}])
def test_a_body_without_rows_is_refused(dialect: str, body: Any) -> None:
    with pytest.raises(DragomanError) as caught:
        call(dialect, body)
    assert caught.value.code is Code.INVALID_ARGUMENT


def test_to_explain_is_told_in_the_headers_and_answered_under_its_own_key() -> None:
    request, body = call("kserve", {"instances": [1]}, method="explain")
    assert request.headers["explain"] == "True"
    assert json.loads(body) == {"explanations": [1]}


def test_whatever_code_gives_is_written_as_json_or_told_to_be_none() -> None:
    body = call("superset", {"instances": [0]}, [float("nan"), float("-inf"), None, 2**70, "\ud800"])[1]
    assert body == b'{"predictions":[NaN,-Infinity,null,1180591620717411303424,"\\ud800"]}'
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    for wrong in ([object()], deep):
        with pytest.raises(DragomanError, match="cannot be written as JSON") as caught:
            call("superset", {"instances": [0]}, wrong)
        assert caught.value.code is Code.INTERNAL


def test_predict_over_grpc_hands_the_tensors_over_as_they_came() -> None:
    message = message_class("tensorflow.serving.PredictRequest")()
    message.model_spec.name = "m"
    tensor = message.inputs["a"]
    tensor.dtype = 6  # DT_INT8
    tensor.int_val.append(1)
    for _ in range(2):
        tensor.tensor_shape.dim.add(size=1)
    message.output_filter.append("b")
    operation = GrpcRouter([TFS], "superset").operations[PREDICT]
    assert isinstance(operation, InferOperation)
    draft = operation.parse(WireRequest("POST", PREDICT, "", [], message.SerializeToString()), LIMITS)
    request = operation.bind(draft, ANY)
    assert isinstance(request, TensorRequest)
    assert (request.signature, request.outputs) == ("any", ["b"])
    assert request.inputs["a"].dtype is DType.INT8
    assert request.inputs["a"].array.tolist() == [[1]]
    given = {"b": Tensor(DType.FP32, np.array([0.5], np.float32))}
    answer = message_class("tensorflow.serving.PredictResponse").FromString(
        bytes(operation.encode(draft, TensorResponse(given, 1)).body)
    )
    assert (answer.model_spec.signature_name, list(answer.outputs)) == ("any", ["b"])


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("body", [{"instances": [1.0]}, {"instances": [{"x": 1}]}, {"inputs": {"x": [1]}}])
def test_numbers_without_a_type_are_refused_where_the_model_takes_tensors_alone(
    dialect: str, body: Any
) -> None:
    operation, params = ROUTERS[dialect].match("POST", "/v1/models/m:predict")
    assert isinstance(operation, InferOperation)
    wire = WireRequest("POST", "/v1/models/m:predict", "", [], json.dumps(body).encode(), params)
    draft = operation.parse(wire, LIMITS)
    with pytest.raises(DragomanError, match="does not say of what types its inputs are: send them") as caught:
        operation.bind(draft, TENSORS_ALONE)
    assert caught.value.code is Code.INVALID_ARGUMENT
