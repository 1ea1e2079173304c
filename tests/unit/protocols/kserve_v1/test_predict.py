import gzip
import json
from typing import Any, Final

import pytest

from dragoman.core.requests import ExplainRequest, Target
from dragoman.wire.messages import WireRequest
from dragoman.wire.v1.predict import bind_predict, parse_predict
from tests.unit.protocols.kserve_v1.reference import HALF, codec, get, post
from tests.unit.protocols.tfs.reference import LIMITS, SIGNATURES

STRICT: Final = codec()
SUPERSET: Final = codec("superset")


def error(path: str, body: Any) -> tuple[int, str]:
    status, document = post(STRICT, path, body)
    assert list(document) == ["error"]
    return status, document["error"]


def test_every_row_of_instances_has_its_prediction() -> None:
    assert post(STRICT, f"{HALF}:predict", {"instances": [1.0, 2.0, 5.0]}) == (
        200,
        {"predictions": [3.5, 4.0, 5.5]},
    )


@pytest.mark.parametrize("path", ["/versions/1:predict", "/labels/stable:predict"])
def test_a_version_or_label_chooses(path: str) -> None:
    assert post(STRICT, f"{HALF}{path}", {"instances": [1.0]}) == (200, {"predictions": [2.5]})


def test_objects_name_the_inputs() -> None:
    assert post(STRICT, f"{HALF}:predict", {"instances": [{"x": 1.0}, {"x": 2.0}]})[1] == {
        "predictions": [3.5, 4.0]
    }
    row = {"tag": "a", "signal": [1, 2, 3, 4, 5], "sensor": [[1, 2], [3, 4]]}
    _, body = post(STRICT, "/v1/models/mixed:predict", {"instances": [row, row]})
    assert body["predictions"] == [{f"{name}_out": value for name, value in row.items()}] * 2


def test_texts_and_nested_lists_are_instances() -> None:
    assert post(STRICT, "/v1/models/echo_string:predict", {"instances": ["a", "b"]})[1] == {
        "predictions": ["a", "b"]
    }
    assert post(STRICT, "/v1/models/matrix:predict", {"instances": [[1, 2], [3, 4]]})[1] == {
        "predictions": [[1.0, 3.0], [2.0, 4.0]]
    }


def test_a_list_of_inputs_is_rows_and_an_object_is_columns() -> None:
    for inputs in ([1.0, 2.0], [{"x": 1.0}, {"x": 2.0}], {"x": [1.0, 2.0]}):
        assert post(STRICT, f"{HALF}:predict", {"inputs": inputs}) == (200, {"predictions": [3.5, 4.0]})


def test_several_outputs_are_given_in_the_form_of_the_request() -> None:
    path = "/v1/models/two_out:predict"
    assert post(STRICT, path, {"inputs": [[3, 1]]})[1] == {"predictions": [{"sum": 4.0, "diff": 2.0}]}
    assert post(STRICT, path, {"inputs": {"x": [[3, 1]]}})[1] == {
        "predictions": {"sum": [4.0], "diff": [2.0]}
    }


def test_one_output_needs_no_rows() -> None:
    assert post(STRICT, "/v1/models/echo_float32:predict", {"inputs": {"x": 2.5}}) == (
        200,
        {"predictions": 2.5},
    )


def test_the_request_of_an_explanation_holds_the_one_that_is_explained() -> None:
    operation, wire = STRICT.request("POST", f"{HALF}:explain", b'{"instances": [1.0]}')
    draft = operation.parse(wire, LIMITS)
    bound = operation.bind(draft, SIGNATURES["half_plus_two"]["serving_default"])
    assert isinstance(bound, ExplainRequest)
    assert bound.request.inputs["x"].array.tolist() == [1.0]


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "application/json"])
def test_a_body_is_json_whatever_its_content_type(kind: str) -> None:
    headers = {"Content-Type": kind}
    assert post(STRICT, f"{HALF}:predict", {"instances": [1.0]}, headers)[1] == {"predictions": [3.5]}


def test_a_gzip_body_is_inflated() -> None:
    body = gzip.compress(b'{"instances": [1.0]}')
    assert post(STRICT, f"{HALF}:predict", body, {"Content-Encoding": "gzip"})[0] == 200


def test_a_large_body_of_numbers_is_read_as_one_block() -> None:
    rows = [[float(number), 1.0] for number in range(20_000)]
    for key, value in (("instances", rows), ("inputs", rows)):
        wire = WireRequest("POST", "", "", [], json.dumps({key: value}).encode(), {"model": "matrix"})
        draft = parse_predict(False, wire, LIMITS)
        assert draft.block is not None
        bound = bind_predict(False, draft, SIGNATURES["matrix"]["serving_default"])
        assert bound.inputs["m"].array.tolist() == rows


def test_a_block_that_the_model_does_not_take_gets_the_words_of_a_small_body() -> None:
    status, message = error("/v1/models/mixed:predict", {"instances": [[1.5, 2.5]] * 20_000})
    assert status == 400
    assert message.startswith("instances is a plain list, but expecting list of objects")


def test_the_target_is_read_from_path_and_body() -> None:
    wire = WireRequest("POST", "", "", [], b'{"signature_name":"s"}', {"model": "a%20b", "version": "0"})
    assert parse_predict(False, wire, LIMITS).target == Target("a b", 0, None, "s")
    assert parse_predict(True, wire, LIMITS).target == Target("a b", 0, None, "s", zero_means_latest=True)


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (b'{"instances": [1.0,', "Unrecognized request format: JSON Parse error"),
        (b"", "Unrecognized request format: JSON Parse error: The document is empty"),
        (b"[1.0]", "Unrecognized request format: an object is expected, not Array"),
        ({"instances": "abc"}, 'Expected "instances" to be a list'),
        ({"instances": {"x": [1.0]}}, 'Expected "instances" to be a list'),
        ({"instances": None}, 'Expected "instances" to be a list'),
        ({"inputs": 1.0}, 'Expected "inputs" to be a list'),
        ({}, 'Expected "instances" or "inputs" in the request: one of the two'),
        (
            {"inputs": [1], "instances": [1]},
            'Expected "instances" or "inputs" in the request: only one of the two, not both',
        ),
        ({"signature_name": 1}, "JSON Value"),
        ({"instances": [{"z": 1.0}]}, "Failed to process element: 0 key: z of 'instances' list."),
        ({"instances": [1.0, "a"]}, "Failed to process element: 1 of 'instances' list."),
    ],
)
def test_a_bad_body_is_refused_with_what_is_wrong(body: Any, wanted: str) -> None:
    status, message = error(f"{HALF}:predict", body)
    assert status == 400
    assert message.startswith(wanted)


def test_a_model_is_looked_up_before_keys_and_values() -> None:
    assert error("/v1/models/nope:predict", {}) == (404, "Model with name nope does not exist.")


def test_an_unknown_signature_is_a_bad_request() -> None:
    status, message = error(f"{HALF}:predict", {"signature_name": "nope", "instances": [1]})
    assert (status, message) == (400, "no such signature")


def test_both_forms_of_the_protocol_answer_alike() -> None:
    body = {"instances": [1.0]}
    assert post(SUPERSET, f"{HALF}:predict", body) == post(STRICT, f"{HALF}:predict", body)
    assert get(SUPERSET, "/") == get(STRICT, "/")
