import json
from typing import Any, Final

import pytest

from dragoman.core.errors import Code
from dragoman.core.signatures import Method
from dragoman.core.status import Cause, ModelStatus, State, StatusReport, VersionStatus
from dragoman.core.tensors import DType
from dragoman.wire.signature_map import DATA_TYPES
from dragoman.wire.version_states import STATES, error_code
from tests.unit.protocols.tfs.reference import Codec, echo_signature, example_signature

OK: Final = {"error_code": "OK", "error_message": ""}
SIGNATURES: Final = {
    "serving_default": echo_signature(DType.FP32, (None, 224, 3)),
    "any": echo_signature(DType.BYTES, None),
    "regress_x_to_y": example_signature(Method.REGRESS, "outputs"),
}
READY: Final = VersionStatus(2, State.READY, "onnx", signatures=SIGNATURES, loaded_at_s=1700000000.9)
REPORT: Final = StatusReport(
    {
        "broken": ModelStatus(
            "broken", (VersionStatus(1, State.FAILED, cause=Cause(Code.TOO_LARGE, "it does not fit")),)
        ),
        "empty": ModelStatus("empty", ()),
        "m": ModelStatus("m", (VersionStatus(1, State.GONE), READY), {"stable": 2, "old": 1}),
        "slow": ModelStatus("slow", (VersionStatus(1, State.LOADING),)),
    }
)
STRICT: Final = Codec("tfserving", REPORT)
SUPERSET: Final = Codec("superset", REPORT)


def get(codec: Codec, path: str) -> tuple[int, Any]:
    response = codec.answer("GET", f"/v1/models{path}")
    assert response.content_type == b"application/json"
    return response.status, json.loads(bytes(response.body))


@pytest.mark.parametrize("state", State)
def test_every_state_has_its_name(state: State) -> None:
    report = StatusReport({"m": ModelStatus("m", (VersionStatus(3, state),))})
    assert get(Codec("tfserving", report), "/m") == (
        200,
        {"model_version_status": [{"version": "3", "state": STATES[state], "status": OK}]},
    )


def test_states_are_listed_highest_version_first_and_a_label_changes_nothing() -> None:
    versions = {
        "model_version_status": [
            {"version": "2", "state": "AVAILABLE", "status": OK},
            {"version": "1", "state": "END", "status": OK},
        ]
    }
    assert get(STRICT, "/m") == (200, versions)
    assert get(STRICT, "/m/labels/nope") == (200, versions)
    assert get(STRICT, "/m/METADATA") == (200, versions)


def test_a_failed_version_shows_its_cause() -> None:
    status = {"error_code": "RESOURCE_EXHAUSTED", "error_message": "it does not fit"}
    _, body = get(STRICT, "/broken/versions/1")
    assert body == {"model_version_status": [{"version": "1", "state": "END", "status": status}]}


@pytest.mark.parametrize("code", Code)
def test_every_code_has_a_name_that_tensorflow_knows(code: Code) -> None:
    known = {each.value for each in Code} - {"TOO_LARGE"}
    assert error_code(code) in known


@pytest.mark.parametrize("codec", [STRICT, SUPERSET])
def test_unknown_models_and_versions_have_no_status(codec: Codec) -> None:
    assert get(codec, "/nope") == (404, {"error": "Could not find any versions of model nope"})
    assert get(codec, "/m/versions/07") == (404, {"error": "Could not find version 7 of model m"})


def test_a_model_without_versions_is_unknown_to_the_reference() -> None:
    assert get(STRICT, "/empty")[0] == 404
    assert get(SUPERSET, "/empty")[1]["model_version_status"] == []


def test_the_superset_adds_what_other_clients_read() -> None:
    status, body = get(SUPERSET, "/m/versions/2")
    assert (status, body) == (
        200,
        {
            "model_version_status": [{"version": "2", "state": "AVAILABLE", "status": OK}],
            "name": "m",
            "ready": True,
            "id": "m",
            "object": "model",
            "created": 1700000000,
            "owned_by": "dragoman",
        },
    )


def test_the_superset_answers_for_a_model_that_is_not_ready() -> None:
    status, body = get(SUPERSET, "/slow")
    assert (status, body["ready"], body["created"]) == (200, False, 0)
    assert body["model_version_status"][0]["state"] == "LOADING"


def test_version_zero_means_all_of_them_on_the_superset_only() -> None:
    assert len(get(SUPERSET, "/m/versions/0")[1]["model_version_status"]) == 2
    assert get(STRICT, "/m/versions/0")[0] == 404


def test_only_the_superset_lists_models() -> None:
    for path in ("", "/versions/1", "/labels/x"):
        assert get(STRICT, path) == (400, {"error": "Missing model name in request."})
    status, body = get(SUPERSET, "")
    assert (status, body["object"], body["models"]) == (200, "list", ["broken", "empty", "m", "slow"])
    card = {"id": "m", "object": "model", "created": 1700000000, "owned_by": "dragoman"}
    assert body["data"][2] == card


def tensor(name: str, dtype: str, sizes: list[str], unknown_rank: bool = False) -> dict[str, Any]:
    dims = [{"size": size, "name": ""} for size in sizes]
    return {"dtype": dtype, "tensor_shape": {"dim": dims, "unknown_rank": unknown_rank}, "name": f"{name}:0"}


def test_metadata_describes_every_signature_as_the_reference_does() -> None:
    _, body = get(STRICT, "/m/metadata")
    assert body["model_spec"] == {"name": "m", "signature_name": "", "version": "2"}
    assert body["metadata"]["signature_def"]["signature_def"] == {
        "serving_default": {
            "inputs": {"x": tensor("x", "DT_FLOAT", ["-1", "224", "3"])},
            "outputs": {"y": tensor("y", "DT_FLOAT", ["-1", "224", "3"])},
            "method_name": "tensorflow/serving/predict",
            "defaults": {},
        },
        "any": {
            "inputs": {"x": tensor("x", "DT_STRING", [], unknown_rank=True)},
            "outputs": {"y": tensor("y", "DT_STRING", [], unknown_rank=True)},
            "method_name": "tensorflow/serving/predict",
            "defaults": {},
        },
        "regress_x_to_y": {
            "inputs": {"inputs": tensor("inputs", "DT_STRING", ["-1"])},
            "outputs": {"outputs": tensor("y", "DT_FLOAT", ["-1"])},
            "method_name": "tensorflow/serving/regress",
            "defaults": {},
        },
    }


def test_metadata_of_the_superset_has_every_key_in_both_spellings() -> None:
    _, body = get(SUPERSET, "/m/labels/stable/metadata")
    assert body["modelSpec"] == {"name": "m", "signature_name": "", "signatureName": "", "version": "2"}
    signatures = body["metadata"]["signature_def"]
    assert signatures["@type"] == "type.googleapis.com/tensorflow.serving.SignatureDefMap"
    assert signatures["signatureDef"] == signatures["signature_def"]
    described = signatures["signatureDef"]["serving_default"]
    assert described["methodName"] == "tensorflow/serving/predict"
    info = described["inputs"]["x"]
    assert info["tensorShape"] == info["tensor_shape"]
    assert info["tensorShape"]["unknownRank"] is False


def test_data_types_are_those_of_tensorflow() -> None:
    assert DATA_TYPES.keys() == set(DType)


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/nope/metadata", 404, "Servable not found for request: Latest(nope)"),
        ("/m/versions/7/metadata", 404, "Servable not found for request: Specific(m, 7)"),
        ("/m/versions/1/metadata", 404, "Servable not found for request: Specific(m, 1)"),
        ("/m/labels/nope/metadata", 400, "Unrecognized servable version label: nope"),
        ("/slow/metadata", 404, "Servable not found for request: Latest(slow)"),
    ],
)
def test_metadata_of_what_is_not_served_is_refused(path: str, status: int, message: str) -> None:
    assert get(STRICT, path) == (status, {"error": message})


def test_metadata_on_the_superset_says_when_a_model_is_not_ready() -> None:
    assert get(SUPERSET, "/slow/metadata") == (503, {"error": "model slow is not ready"})
    assert get(SUPERSET, "/nope/metadata")[0] == 404
    assert get(SUPERSET, "/m/versions/0/metadata")[1]["model_spec"]["version"] == "2"
