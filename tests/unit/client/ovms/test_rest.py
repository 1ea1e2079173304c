"""Calls over HTTP: what is sent, and what is read from answers."""

import json
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from dragoman.client.errors import BadAnswer, InvalidInput, ServerError
from dragoman.client.exchange import Answer
from dragoman.client.ovms.rest import RestCodec, read_metadata, read_predictions, read_status
from tests.unit.client.driving import answer

CODEC = RestCodec()
TENSOR = {"dtype": "DT_FLOAT", "tensorShape": {"dim": [{"size": "-1"}, {"size": "3", "name": ""}]}}
SIGNATURE = {"serving_default": {"inputs": {"x": TENSOR}, "outputs": {"y": {"dtype": "DT_STRING"}}}}


def sent(**inputs: Any) -> Any:
    """The inputs as a request has them."""
    return json.loads(b"".join(CODEC.predict(inputs, "m", 0).request.body))["inputs"]


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (1.5, [1.5]),
        (0.1, [0.1]),
        ([[1, 2]], [[1, 2]]),
        (np.array([0.1], np.float32), [0.1]),
        (np.array([1.5], ml_dtypes.bfloat16), [1.5]),
        (np.array([2**64 - 1], np.uint64), [2**64 - 1]),
        (np.zeros((2, 0)), [[], []]),
        ("one", ["one"]),
        ([["one"], ["\N{SNOWMAN}"]], [["one"], ["\N{SNOWMAN}"]]),
        (b"one\0", [{"b64": "b25lAA=="}]),
        ([[b"one"]], [[{"b64": "b25l"}]]),
    ],
)
def test_values_are_sent_in_columns(value: Any, wanted: Any) -> None:
    assert sent(x=value) == {"x": wanted}


def test_numbers_that_are_not_finite_are_bare_tokens() -> None:
    body = b"".join(CODEC.predict({"x": [np.nan, np.inf, -np.inf]}, "m", 0).request.body)
    assert body == b'{"inputs": {"x": [NaN, Infinity, -Infinity]}}'


def test_complex_numbers_are_refused() -> None:
    with pytest.raises(TypeError, match="gRPC"):
        sent(x=1 + 2j)


def test_paths_name_the_version_where_there_is_one() -> None:
    exchanges = [CODEC.predict({}, "a/b", 0), CODEC.predict({}, "m", 2), CODEC.metadata("m", 2)]
    exchanges += [CODEC.metadata("m", 0), CODEC.status("m", 2), CODEC.status("m", 0)]
    assert [(e.request.method, e.request.path) for e in exchanges] == [
        ("POST", "/v1/models/a%2Fb:predict"),
        ("POST", "/v1/models/m/versions/2:predict"),
        ("GET", "/v1/models/m/versions/2/metadata"),
        ("GET", "/v1/models/m/metadata"),
        ("GET", "/v1/models/m/versions/2"),
        ("GET", "/v1/models/m"),
    ]


@pytest.mark.parametrize("model", ["", "..", "."])
def test_a_model_has_a_name(model: str) -> None:
    with pytest.raises(InvalidInput):
        CODEC.status(model, 0)


def read(outputs: str) -> Any:
    return read_predictions(Answer(f'{{"outputs": {outputs}}}'.encode(), 200))


@pytest.mark.parametrize(
    ("outputs", "dtype", "wanted"),
    [
        ("[1.0, 2.5]", "float64", [1.0, 2.5]),
        ("[1, 2.5]", "float64", [1.0, 2.5]),
        ("[[1, 2], [3, 4]]", "int64", [[1, 2], [3, 4]]),
        ("[1, 18446744073709551615]", "uint64", [1, 2**64 - 1]),
        ("[true]", "bool", [True]),
        ("3", "int64", 3),
        ("0", "int64", 0),
        ("[]", "float64", []),
        ("[[], []]", "float64", [[], []]),
        ("[Infinity]", "float64", [np.inf]),
        ('["one", "three"]', "str160", ["one", "three"]),
        (r'["one\u0000"]', "object", ["one\0"]),
        ('"one"', "str96", "one"),
        ('[{"b64": "b25l"}]', "bytes24", [b"one"]),
        ('[{"b64": "b25lAA=="}]', "object", [b"one\0"]),
        ('{"b64": "b25l"}', "bytes24", b"one"),
        ('[["one"], [{"b64": "/w=="}]]', "bytes24", [[b"one"], [b"\xff"]]),
    ],
)
def test_an_output_has_the_type_that_numpy_gives_it(outputs: str, dtype: str, wanted: Any) -> None:
    array = read(outputs)
    assert array.dtype.name == dtype
    assert array.tolist() == wanted


def test_several_outputs_come_by_name() -> None:
    assert {name: array.tolist() for name, array in read('{"a": [1], "b": ["x"]}').items()} == {
        "a": [1],
        "b": ["x"],
    }


@pytest.mark.parametrize(
    "outputs",
    [
        "[[1], [1, 2]]",
        "[null]",
        '[1, "one"]',
        "[true, 1]",
        '[{"b64": "?"}]',
        '[{"a": 1}]',
        "[1, [2]]",
        "null",
    ],
)
def test_what_is_no_output_is_a_bad_answer(outputs: str) -> None:
    with pytest.raises(BadAnswer):
        read(outputs)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"predictions": [1]}'])
def test_what_is_no_prediction_is_a_bad_answer(body: bytes) -> None:
    with pytest.raises(BadAnswer):
        read_predictions(Answer(body, 200))


def test_an_error_is_the_servers() -> None:
    exchange = CODEC.predict({}, "m", 0)
    with pytest.raises(ServerError, match="why") as raised:
        exchange.read(answer({"error": "why"}, 404))
    assert raised.value.status == 404


def test_metadata_is_read() -> None:
    document = {
        "modelSpec": {"name": "m", "version": "3"},
        "metadata": {"signature_def": {"signatureDef": SIGNATURE}},
    }
    assert read_metadata(answer(document)) == {
        "model_version": 3,
        "inputs": {"x": {"shape": [-1, 3], "dtype": "DT_FLOAT"}},
        "outputs": {"y": {"shape": [], "dtype": "DT_STRING"}},
    }


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"modelSpec": {"version": "1"}},
        {"modelSpec": {"version": "1"}, "metadata": {}},
        {"modelSpec": {"version": "1"}, "metadata": {"signature_def": {"signatureDef": {}}}},
        {"modelSpec": {"version": "one"}, "metadata": {"signature_def": {"signatureDef": SIGNATURE}}},
        {"modelSpec": {}, "metadata": {"signature_def": {"signatureDef": SIGNATURE}}},
    ],
)
def test_what_is_no_metadata_is_a_bad_answer(document: Any) -> None:
    with pytest.raises(BadAnswer):
        read_metadata(answer(document))


def test_status_is_read() -> None:
    states = [
        ("1", "AVAILABLE", {"error_code": "OK", "error_message": ""}),
        ("2", "LOADING", {"error_code": "UNKNOWN", "error_message": "why"}),
        ("3", "END", {"error_code": "PERMISSION_DENIED", "error_message": "why"}),
        ("4", "END", {"error_code": "SOMETHING_NEW", "error_message": "why"}),
        ("5", "START", {}),
    ]
    listed = [{"version": version, "state": state, "status": status} for version, state, status in states]
    read = read_status(answer({"model_version_status": listed}))
    assert {version: (status["state"], status["error_code"]) for version, status in read.items()} == {
        1: ("AVAILABLE", 0),
        2: ("LOADING", 2),
        3: ("END", 7),
        4: ("END", 2),
        5: ("START", 0),
    }


@pytest.mark.parametrize("document", [{}, {"model_version_status": [{}]}, {"model_version_status": 1}])
def test_what_is_no_status_is_a_bad_answer(document: Any) -> None:
    with pytest.raises(BadAnswer):
        read_status(answer(document))
