"""The released tensorflow-serving-api, unchanged, against a live server."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.clients.conftest import Told, run
from tests.clients.environments import Environment
from tests.server_process import Addresses

pytestmark = pytest.mark.clients

SPEC = {"name": "half_plus_two", "version": 1, "signature": "serving_default", "label": ""}
LATEST = SPEC | {"version": 2}


def at(addresses: Addresses) -> str:
    return f"localhost:{addresses.grpc.port}"


def float32(values: object) -> dict[str, object]:
    return {"dtype": "float32", "values": values}


@pytest.fixture(scope="module")
def guide(tensorflow: Environment, my_model: Mapping[str, Addresses], image: Path) -> Told:
    """The calls of published guides, on my_model."""
    numbers, strings = at(my_model["numbers"]), at(my_model["strings"])
    return run(tensorflow, "tensorflow_my_model.py", numbers, strings, image)


@pytest.fixture(scope="module")
def calls(tensorflow: Environment, reference: Addresses) -> Told:
    """All other calls, on the default listener."""
    return run(tensorflow, "tensorflow_calls.py", at(reference))


def test_the_status_of_my_model_is_read(guide: Told) -> None:
    assert guide["status"] == {"1": {"state": "AVAILABLE", "error_code": 0, "error_message": ""}}


@pytest.mark.parametrize("call", ["metadata", "metadata_without_a_field"])
def test_the_metadata_of_my_model_is_read(guide: Told, call: str) -> None:
    tensor = {"shape": [], "dtype": "DT_FLOAT"}
    assert guide[call] == {
        "model_version": 1,
        "inputs": {"input_name": tensor},
        "outputs": {"output_name": tensor},
    }


def test_an_array_of_doubles_is_predicted(guide: Told) -> None:
    assert guide["predict_array"] == float32([2.0 * value for value in range(1, 1001)])


def test_an_image_goes_through_as_one_string(guide: Told, image: Path) -> None:
    sent = {"bytes": image.read_bytes().decode("latin-1")}
    assert guide["predict_image"] == {"dtype": "object", "values": [sent]}


def test_strings_go_through(guide: Told) -> None:
    assert guide["predict_strings"] == [{"bytes": "<string>"}]


def test_a_prediction_tells_what_gave_it(calls: Told) -> None:
    assert calls["predict"] == {"outputs": {"y": float32([3.5, 4.0, 5.5])}, "spec": LATEST}


def test_a_prediction_can_be_waited_for_later(calls: Told) -> None:
    assert calls["predict_in_the_background"] == {"y": float32([5.0])}


def test_versions_and_labels_choose_the_version(calls: Told) -> None:
    assert calls["predict_by_version_and_label"] == {"version": SPEC, "stable": SPEC, "canary": LATEST}


def test_an_output_filter_is_followed(calls: Told) -> None:
    assert calls["predict_some_outputs"] == {"diff": float32([2.0])}


def test_one_value_stands_for_all(calls: Told) -> None:
    assert calls["predict_one_value_for_all"] == {"y": float32([3.75, 3.75, 3.75])}


def test_an_empty_array_is_predicted(calls: Told) -> None:
    assert calls["predict_nothing"] == {"y": float32([])}


def test_every_dtype_comes_back_bit_for_bit(calls: Told) -> None:
    assert calls["predict_every_dtype"] == {}


def test_texts_and_bytes_come_back_whole(calls: Told) -> None:
    snowman = "\N{SNOWMAN}".encode().decode("latin-1")
    rows = [["text", snowman], ["\0\xff", ""]]
    values = [[{"bytes": element} for element in row] for row in rows]
    assert calls["predict_strings"] == {"y": {"dtype": "object", "values": values}}


def test_an_array_of_six_megabytes_comes_back_whole(calls: Told) -> None:
    assert calls["predict_a_large_array"] is True


def test_predict_takes_serialized_examples_where_the_signature_does(calls: Told) -> None:
    assert calls["predict_examples"] == {"outputs": float32([3.0, 4.0])}


def test_classify_gives_labels_and_scores(calls: Told) -> None:
    spec = SPEC | {"signature": "classify_x_to_y"}
    assert calls["classify"] == {"classes": [[["", 2.5]], [["", 3.0]]], "spec": spec}


def test_regress_takes_what_an_example_lacks_from_the_context(calls: Told) -> None:
    spec = SPEC | {"signature": "regress_x_to_y"}
    assert calls["regress"] == {"values": [7.0, 3.0], "spec": spec}


def test_several_inferences_are_answered_in_their_order(calls: Told) -> None:
    assert calls["multi_inference"] == {
        "regression": [3.0],
        "classification": [[["", 3.0]]],
        "signatures": ["regress_x_to_y", "classify_x_to_y"],
    }


def test_metadata_unpacks_into_signatures(calls: Told) -> None:
    assert calls["metadata"] == {
        "methods": {
            "serving_default": "tensorflow/serving/predict",
            "classify_x_to_y": "tensorflow/serving/classify",
            "regress_x_to_y": "tensorflow/serving/regress",
        },
        "spec": LATEST | {"signature": ""},
    }


def test_status_tells_every_version_or_the_one_asked_for(calls: Told) -> None:
    assert calls["status"] == {"all": [[2, 30, 0], [1, 30, 0]], "one": [[1, 30, 0]]}


ERRORS = {
    "no model_spec": ("INVALID_ARGUMENT", "Missing ModelSpec"),
    "unknown model": ("NOT_FOUND", "Servable not found for request: Latest(nope)"),
    "unknown version": ("NOT_FOUND", "Servable not found for request: Specific(half_plus_two, 99)"),
    "unknown label": ("INVALID_ARGUMENT", "Unrecognized servable version label: nope"),
    "unknown signature": ("FAILED_PRECONDITION", 'Serving signature key "nope" not found.'),
    "unknown output": ("INVALID_ARGUMENT", "output tensor alias not found in signature: nope"),
    "no input": ("INVALID_ARGUMENT", "input size does not match signature: 0!=1"),
    "wrong name": ("INVALID_ARGUMENT", "Signature input alias: x(feed name: x:0) not found in request"),
    "wrong dtype": ("INVALID_ARGUMENT", 'input "x": int32 given, float32 expected'),
    "wrong shape": ("INVALID_ARGUMENT", 'input "x": shape (1, 3) does not fit (?, 2)'),
    "no examples": ("INVALID_ARGUMENT", "Input is empty."),
    "status of an unknown model": ("NOT_FOUND", "Could not find any versions of model nope"),
    "no new list of models": ("INVALID_ARGUMENT", "the request has no config"),
}


@pytest.mark.parametrize("mistake", ERRORS)
def test_a_mistake_is_told_by_code_and_words(calls: Told, mistake: str) -> None:
    code, words = ERRORS[mistake]
    told = calls["errors"][mistake]
    assert told["code"] == code
    assert words in told["details"]


def test_deadlines_are_kept_and_hold_up_nobody_else(calls: Told) -> None:
    assert calls["deadlines"] == {
        "too short": "DEADLINE_EXCEEDED",
        "ample": {"total": float32(256.0)},
        "past": "DEADLINE_EXCEEDED",
    }


def test_a_cancelled_call_leaves_the_server_answering(calls: Told) -> None:
    assert calls["cancellation"] == {"cancelled": True, "after": {"y": float32([3.5])}}


def test_health_is_told_for_every_service(calls: Told) -> None:
    services = ["", "tensorflow.serving.PredictionService", "PredictionService", "ModelService"]
    assert calls["health"] == {"checked": dict.fromkeys(services, 1), "watched": 1, "unknown": "NOT_FOUND"}


def test_reflection_describes_the_services(calls: Told) -> None:
    assert calls["reflection"] == {
        "services": [
            "grpc.health.v1.Health",
            "grpc.reflection.v1alpha.ServerReflection",
            "inference.GRPCInferenceService",
            "inference.model_repository.ModelRepositoryService",
            "org.pytorch.serve.grpc.inference.InferenceAPIsService",
            "org.pytorch.serve.grpc.openinference.GRPCInferenceService",
            "tensorflow.serving.ModelService",
            "tensorflow.serving.PredictionService",
        ],
        "methods": ["Classify", "GetModelMetadata", "MultiInference", "Predict", "Regress"],
        "request": "tensorflow.serving.PredictRequest",
    }
