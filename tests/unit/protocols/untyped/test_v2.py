"""V2 over REST and gRPC with a model that says nothing of its tensors."""

import json
from typing import Any, Final

import numpy as np
import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import TensorRequest
from dragoman.core.responses import TensorResponse
from dragoman.core.tensors import DType, Tensor
from tests.unit.protocols.kserve_v2 import grpc_calls
from tests.unit.protocols.kserve_v2.calls import CODEC
from tests.unit.protocols.tfs.reference import LIMITS
from tests.unit.protocols.untyped.models import ANY

TENSORS: Final = {
    "a": Tensor(DType.INT8, np.array([[1, 2]], np.int8)),
    "b": Tensor(DType.FP32, np.array([0.5], np.float32)),
}
INPUTS: Final = [
    {"name": "a", "datatype": "INT8", "shape": [1, 2], "data": [1, 2]},
    {"name": "b", "datatype": "FP32", "shape": [1], "data": [0.5]},
]


def answered(**more: Any) -> tuple[TensorRequest, Any]:
    """What the model is asked, and the answer to a caller whose model gives back what it gets."""
    body = json.dumps({"inputs": INPUTS, **more}).encode()
    operation, wire = CODEC.request("POST", "/v2/models/m/infer", body)
    draft = operation.parse(wire, LIMITS)
    request = operation.bind(draft, ANY)
    return request, json.loads(operation.encode(draft, TensorResponse(TENSORS, 3)).body)


def test_whatever_tensors_come_are_the_models() -> None:
    request, document = answered()
    assert (request.signature, request.outputs) == ("any", None)
    assert {name: tensor.array.tolist() for name, tensor in request.inputs.items()} == {
        "a": [[1, 2]],
        "b": [0.5],
    }
    assert [request.inputs[name].dtype for name in "ab"] == [DType.INT8, DType.FP32]
    assert document == {"model_name": "m", "model_version": "3", "outputs": INPUTS}


def test_outputs_may_be_chosen_of_what_the_model_gives() -> None:
    request, document = answered(outputs=[{"name": "b"}])
    assert request.outputs == ["b"]
    assert document["outputs"] == INPUTS[1:]
    with pytest.raises(DragomanError, match="unexpected inference output 'c'"):
        answered(outputs=[{"name": "c"}])


def test_what_has_no_known_type_is_not_ranked() -> None:
    with pytest.raises(DragomanError, match="output 'b' is of no known type"):
        answered(outputs=[{"name": "b", "parameters": {"classification": 1}}])


def test_it_is_the_same_over_grpc() -> None:
    message = grpc_calls.MESSAGES["ModelInferRequest"](model_name="m")
    for name, tensor in TENSORS.items():
        message.inputs.add(name=name, datatype=tensor.dtype.value.upper(), shape=tensor.array.shape)
        message.raw_input_contents.append(tensor.array.tobytes())
    message.inputs[1].datatype = "FP32"
    message.outputs.add(name="b")
    operation = grpc_calls.operations()[grpc_calls.INFER]
    draft = operation.parse(grpc_calls.wire(message), LIMITS)
    request = operation.bind(draft, ANY)
    assert request.inputs["a"].array.tolist() == [[1, 2]]
    assert request.outputs == ["b"]
    answer = operation.encode(draft, TensorResponse(TENSORS, 3))
    found = grpc_calls.MESSAGES["ModelInferResponse"].FromString(bytes(answer.body))
    assert [(output.name, output.datatype) for output in found.outputs] == [("b", "FP32")]


def test_keys_of_generate_are_not_guessed_to_be_inputs() -> None:
    operation, wire = CODEC.request("POST", "/v2/models/m/generate", b'{"text": "hello"}')
    with pytest.raises(DragomanError, match="does not say which inputs") as caught:
        operation.bind(operation.parse(wire, LIMITS), ANY)
    assert caught.value.code is Code.UNIMPLEMENTED
