"""Which form a body has, and what the flags beside it do."""

import gzip
import json
import struct
from typing import Any

import pytest

from dragoman.core.requests import TensorRequest, Verb
from dragoman.wire.operation import InferOperation
from tests.unit.protocols.deeploy.reference import HALF, OUTPUTS, TENSOR, codec, post
from tests.unit.protocols.tfs.reference import HALF_PLUS_TWO, LIMITS

ROWS = {"instances": [1.0, 2.0, 5.0]}


def test_rows_are_answered_by_predictions() -> None:
    assert post(f"{HALF}/predict", ROWS) == (200, {"predictions": [3.5, 4.0, 5.5]})
    assert post(f"{HALF}/versions/1/predict", ROWS) == (200, {"predictions": [2.5, 3.0, 4.5]})
    assert post(f"{HALF}/labels/stable/predict", ROWS) == (200, {"predictions": [2.5, 3.0, 4.5]})


@pytest.mark.parametrize(
    ("body", "more"),
    [
        (TENSOR, {}),
        (TENSOR | {"id": "7"}, {"id": "7"}),
        (TENSOR | {"parameters": None, "id": None, "more": 1}, {}),
        ({"inputs": [TENSOR]}, {}),
        ({"inputs": [TENSOR], "id": "7", "outputs": [{"name": "y"}]}, {"id": "7"}),
    ],
)
def test_tensors_are_answered_in_v2s_form(body: Any, more: Any) -> None:
    whole = {"model_name": "half_plus_two", "model_version": "2", **more, "outputs": OUTPUTS}
    assert post(f"{HALF}/predict", body) == (200, whole)


def test_binary_tensors_are_taken_and_given() -> None:
    entry = {"name": "x", "shape": [3], "datatype": "FP32", "parameters": {"binary_data_size": 12}}
    head = json.dumps({"inputs": [entry], "parameters": {"binary_data_output": True}}).encode()
    body = head + struct.pack("<3f", 1, 2, 5)
    answer = codec().answer(
        "POST", f"{HALF}/predict", body, {"Inference-Header-Content-Length": str(len(head))}
    )
    assert (answer.status, bytes(answer.body)[-12:]) == (200, struct.pack("<3f", 3.5, 4, 5.5))


def test_the_parameters_of_a_tensor_are_the_requests() -> None:
    given = {"max_tokens": 4, "timeout": 5}
    operation, wire = codec().request(
        "POST", f"{HALF}/predict", json.dumps(TENSOR | {"parameters": given}).encode()
    )
    assert isinstance(operation, InferOperation)
    request = operation.bind(operation.parse(wire, LIMITS), HALF_PLUS_TWO["serving_default"])
    assert isinstance(request, TensorRequest)
    assert request.parameters == {"max_tokens": 4}
    status, told = post(f"{HALF}/predict", TENSOR | {"parameters": {"triton_x": 1}})
    assert (status, "reserved" in told["error"]) == (400, True)


def test_a_compressed_tensor_is_inflated() -> None:
    body = gzip.compress(json.dumps(TENSOR).encode())
    status, told = post(f"{HALF}/predict", body, {"Content-Encoding": "gzip"})
    assert (status, told["outputs"]) == (200, OUTPUTS)


def test_rows_of_objects_under_inputs_are_v1s() -> None:
    assert post(f"{HALF}/predict", {"inputs": [{"x": 1.0}, {"x": 2.0}]}) == (200, {"predictions": [3.5, 4.0]})
    assert post(f"{HALF}/predict", {"inputs": {"x": [1.0]}}) == (200, {"predictions": [3.5]})


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, 'Expected "instances"'),
        ({"prompt": ["a"]}, '"prompt" goes to completions; Expected "instances"'),
        ({"messages": []}, '"messages" goes to chat/completions; '),
        ({"input": ["a"]}, '"input" goes to embeddings; '),
        ({"name": "x"}, 'no "shape" and no "datatype" and no "data"'),
        ({**TENSOR, "data": None}, 'has no "data"'),
        ({**TENSOR, "instances": [1.0], "inputs": []}, "not both"),
        ({"inputs": [{"name": "x", "data": [1.0]}]}, "'datatype' is missing"),
        ({"inputs": [TENSOR, 1]}, "each of 'inputs' must be an object"),
        ({"inputs": [TENSOR, TENSOR]}, "input 'x' already exists"),
        ({**TENSOR, "id": 7}, "'id' must be a string"),
        ({**TENSOR, "name": 7}, "a 'name' that is no string"),
        ({**TENSOR, "shape": 3}, "'shape' must be a list"),
        ({**TENSOR, "shape": [2**62, 4]}, "shape"),
        ({**TENSOR, "datatype": ["FP32"]}, "'datatype' must be a string"),
        ({**TENSOR, "data": [1.0, None, 2.0]}, "input 'x'"),
        (b"{" + b'"a":' * 2000, "Unrecognized request format"),
        (b"[" * 100_000, "Unrecognized request format"),
    ],
)
def test_what_is_neither_form_is_refused_and_the_key_is_named(body: Any, said: str) -> None:
    status, told = post(f"{HALF}/predict", body)
    assert status == 400
    assert said in told["error"]


@pytest.mark.parametrize(
    ("call", "status", "said"),
    [
        ("predict?explain=TRUE", 400, "post the same body to explain"),
        ("predict?explain=1", 400, "post the same body to explain"),
        ("predict?explain", 400, "explain in the query must be true or false"),
        ("predict?stream=2", 400, "stream in the query must be true or false"),
        ("explain?skipLog=", 400, "skipLog in the query must be true or false"),
        ("explain?image=true", 501, "no image"),
    ],
)
def test_flags_that_cannot_be_are_refused(call: str, status: int, said: str) -> None:
    found, told = post(f"{HALF}/{call}", ROWS)
    assert found == status
    assert said in told["error"]


@pytest.mark.parametrize("body", [ROWS | {"explain": "yes"}, ROWS | {"explain": 1}])
def test_a_flag_of_the_body_is_true_or_false(body: Any) -> None:
    status, told = post(f"{HALF}/predict", body)
    assert (status, told["error"][:31]) == (400, "explain must be true or false, ")


def test_explain_is_told_apart_and_takes_no_tensors() -> None:
    operation, _ = codec().request("POST", f"{HALF}/explain", b"")
    assert isinstance(operation, InferOperation)
    assert operation.verb is Verb.EXPLAIN
    for body in (TENSOR, {"inputs": [TENSOR]}):
        status, told = post(f"{HALF}/explain", body)
        assert (status, told["error"][:18]) == (400, "explain takes rows")


def test_without_a_name_the_model_is_for_the_server_to_say() -> None:
    for word in ("predict", "explain"):
        operation, wire = codec().request("POST", f"/{word}", json.dumps(ROWS).encode())
        assert isinstance(operation, InferOperation)
        assert operation.parse(wire, LIMITS).target.model == ""
