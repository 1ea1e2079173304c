import gzip
import json
import math
import struct
from typing import Any, Final

import pytest

from dragoman.core.errors import DragomanError
from dragoman.core.requests import ExampleRequest, FeatureKind, Target, TensorRequest
from dragoman.core.signatures import Method
from dragoman.core.tensors import DType
from dragoman.protocols.tfs.rest import bind_predict, parse_predict
from dragoman.settings.limits import Limits
from dragoman.wire.base64 import encode_base64
from dragoman.wire.messages import WireRequest
from tests.unit.protocols.tfs.reference import LIMITS, Codec, echo_signature, example_signature

STRICT: Final = Codec("tfserving")
SUPERSET: Final = Codec("superset")
HALF: Final = "/v1/models/half_plus_two"


def answer(codec: Codec, path: str, body: Any, **headers: str) -> tuple[int, Any]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    response = codec.answer("POST", path, raw, named)
    return response.status, json.loads(bytes(response.body))


def error(path: str, body: Any, codec: Codec = STRICT, **headers: str) -> tuple[int, str]:
    status, document = answer(codec, path, body, **headers)
    assert list(document) == ["error"]
    return status, document["error"]


def wire(body: bytes, path: str = "/v1/models/m:predict", **params: str) -> WireRequest:
    return WireRequest("POST", path, "", [], body, {"model": "m"} | params)


def test_the_target_is_read_from_path_and_body() -> None:
    body = b'{"signature_name":"s","instances":[1]}'
    draft = parse_predict(True, wire(body, version="007"), LIMITS)
    assert draft.target == Target("m", 7, None, "s", zero_means_latest=True)
    draft = parse_predict(False, wire(b"{}", label="can%61ry", model="a%20b"), LIMITS)
    assert draft.target == Target("a b", None, "canary", None)


@pytest.mark.parametrize("digits", ["9223372036854775808", "1" * 5000])
def test_a_version_beyond_64_bits_is_refused(digits: str) -> None:
    status, message = error(f"{HALF}/versions/{digits}:predict", {"instances": [1]})
    assert (status, message[:40]) == (400, f"Failed to convert version: {digits}"[:40])
    assert len(message) <= 1024 + len("...TRUNCATED")


def test_the_largest_version_is_looked_up() -> None:
    status, message = error(f"{HALF}/versions/9223372036854775807:predict", {"instances": [1]})
    wanted = "Servable not found for request: Specific(half_plus_two, 9223372036854775807)"
    assert (status, message) == (404, wanted)


def test_version_zero_means_none_on_the_superset_only() -> None:
    assert answer(SUPERSET, f"{HALF}/versions/0:predict", {"instances": [1]}) == (200, {"predictions": [3.5]})
    assert error(f"{HALF}/versions/0:predict", {"instances": [1]})[0] == 404


def test_the_method_word_is_compared_exactly() -> None:
    assert error(f"{HALF}:PREDICT", {"instances": [1]}) == (400, f"Malformed request: POST {HALF}:PREDICT")


@pytest.mark.parametrize("name", ["..", "%2e%2e", "%252e", "%00", "a%2fb", "no such"])
def test_names_that_no_model_has_are_not_found(name: str) -> None:
    status, message = error(f"/v1/models/{name}:predict", {"instances": [1]})
    assert status == 404
    assert message.startswith("Servable not found for request: Latest(")


def test_an_unknown_label_is_a_bad_request_whether_or_not_the_model_is_known() -> None:
    wanted = (400, "Unrecognized servable version label: nightly")
    assert error(f"{HALF}/labels/nightly:predict", {"instances": [1]}) == wanted
    assert error("/v1/models/nope/labels/nightly:predict", {"instances": [1]}) == wanted


def test_a_signature_name_that_is_no_text_quotes_the_document() -> None:
    status, message = error(f"{HALF}:predict", {"signature_name": 1})
    quoted = 'JSON Value: {"signature_name":1} not formatted correctly. '
    assert (status, message) == (400, quoted + "'signature_name' key must be a string value.")


def test_an_unknown_signature_is_a_bad_request() -> None:
    wanted = 'Serving signature name: "nope" not found in signature def'
    assert error(f"{HALF}:predict", {"signature_name": "nope", "instances": [1]}) == (400, wanted)


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "deflate, gzip"])
def test_gzip_bodies_are_inflated(encoding: str) -> None:
    body = gzip.compress(b'{"instances":[2]}')
    path = f"{HALF}/versions/1:predict"
    assert answer(STRICT, path, body, Content_Encoding=encoding) == (200, {"predictions": [3.0]})


def test_a_body_that_only_claims_to_be_gzip_counts_as_empty() -> None:
    status, message = error(f"{HALF}:predict", b'{"instances":[2]}', Content_Encoding="gzip")
    assert (status, message) == (400, "JSON Parse error: The document is empty")


def test_a_gzip_bomb_is_too_large() -> None:
    request = wire(gzip.compress(b" " * 1_000_000))
    request.headers.append((b"Content-Encoding", b"gzip"))
    with pytest.raises(DragomanError, match="inflates to more than 1000 bytes"):
        parse_predict(True, request, Limits(inflated_bytes=1000))


def test_an_error_quotes_no_more_than_the_beginning() -> None:
    status, message = error(f"{HALF}:predict", {"signature_name": "x" * 100_000, "instances": [1]})
    assert (status, len(message)) == (400, 1024 + len("...TRUNCATED"))


def test_both_keys_and_neither_are_refused() -> None:
    status, message = error(f"{HALF}:predict", {"inputs": [1], "instances": [1]})
    assert (status, message) == (
        400,
        'JSON Value: {"inputs":[1],"instances":[1]} Not formatted correctly expecting only one of '
        "'inputs' or 'instances' keys to exist ",
    )
    assert error(f"{HALF}:predict", {}) == (400, "Missing 'inputs' or 'instances' key")


@pytest.mark.parametrize("dtype", [DType.UINT16, DType.FP16, DType.BF16])
@pytest.mark.parametrize(("key", "answered"), [("instances", "predictions"), ("inputs", "outputs")])
def test_types_that_the_reference_cannot_read_are_taken(dtype: DType, key: str, answered: str) -> None:
    assert answer(STRICT, f"/v1/models/echo_{dtype.value}:predict", {key: [1, 2]}) == (
        200,
        {answered: [1, 2]},
    )


def test_a_large_body_of_numbers_is_answered_as_a_small_one() -> None:
    rows = [[float(row), float(column)] for row in range(200) for column in range(50)]
    sums = {"outputs": {"sum": [sum(row) for row in rows], "diff": [row[0] - row[1] for row in rows]}}
    assert answer(STRICT, "/v1/models/two_out:predict", {"inputs": rows}) == (200, sums)
    assert answer(STRICT, "/v1/models/echo_float64:predict", {"instances": rows}) == (
        200,
        {"predictions": rows},
    )


@pytest.mark.parametrize("model", ["echo_string", "echo_int32", "mixed"])
def test_a_large_body_of_numbers_is_refused_as_a_small_one(model: str) -> None:
    path = f"/v1/models/{model}:predict"
    small, large = [[0.5, 1.5]], [[0.5, 1.5]] * 10_000
    for key in ("instances", "inputs"):
        assert error(path, {key: large}) == error(path, {key: small})


def test_a_large_body_is_for_a_model_that_must_be_there() -> None:
    rows = [[0.5, 1.5]] * 10_000
    assert error("/v1/models/nope:predict", {"inputs": rows})[0] == 404


def serialized_example(value: float) -> bytes:
    floats = b"\x0a\x04" + struct.pack("<f", value)
    feature = b"\x12" + bytes([len(floats)]) + floats
    entry = b"\x0a\x01x\x12" + bytes([len(feature)]) + feature
    features = b"\x0a" + bytes([len(entry)]) + entry
    return b"\x0a" + bytes([len(features)]) + features


def test_predict_on_a_regress_signature_takes_serialized_examples() -> None:
    signature = example_signature(Method.REGRESS, "outputs")
    encoded = {"b64": encode_base64(serialized_example(80.0))}
    draft = parse_predict(False, wire(json.dumps({"instances": [encoded]}).encode()), LIMITS)
    request = bind_predict(True, draft, signature)
    assert isinstance(request, ExampleRequest)
    (example,) = request.examples
    assert (example["x"].kind, example["x"].values) == (FeatureKind.FLOAT, [80.0])


@pytest.mark.parametrize("body", [b'{"instances":["\\u00ff"]}', b'{"inputs":"a"}', b'{"inputs":[["a"]]}'])
def test_what_is_no_row_of_serialized_examples_is_refused(body: bytes) -> None:
    draft = parse_predict(False, wire(body), LIMITS)
    with pytest.raises(DragomanError, match=r"Example|example"):
        bind_predict(True, draft, example_signature(Method.REGRESS, "outputs"))


def test_a_plain_signature_gets_tensors() -> None:
    draft = parse_predict(False, wire(b'{"inputs":[NaN]}'), LIMITS)
    request = bind_predict(True, draft, echo_signature(DType.FP64))
    assert isinstance(request, TensorRequest)
    assert math.isnan(request.inputs["x"].array[0])
