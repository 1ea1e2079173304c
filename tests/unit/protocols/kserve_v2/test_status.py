import json
from typing import Any, Final

import pytest

from dragoman import __version__
from dragoman.core.status import ModelStatus, State, StatusReport, VersionStatus
from dragoman.core.tensors import DType
from tests.unit.protocols.kserve_v2.protocol import PROTOCOL
from tests.unit.protocols.tfs.reference import Codec, echo_signature

SIGNATURES: Final = {"serving_default": echo_signature(DType.FP32, (None, 224, 3))}
ANY_RANK: Final = {"only": echo_signature(DType.BYTES, None)}
TWO: Final = {"one": echo_signature(DType.FP32), "other": echo_signature(DType.FP32)}
REPORT: Final = StatusReport(
    {
        "empty": ModelStatus("empty", ()),
        "m": ModelStatus(
            "m",
            (
                VersionStatus(1, State.GONE),
                VersionStatus(2, State.READY, "onnx", signatures=ANY_RANK),
                VersionStatus(3, State.READY, "python", signatures=SIGNATURES),
                VersionStatus(4, State.LOADING),
            ),
        ),
        "odd/name": ModelStatus("odd/name", (VersionStatus(1, State.READY, signatures=TWO),)),
    }
)
CODEC: Final = Codec("superset", REPORT, PROTOCOL)


def get(path: str, codec: Codec = CODEC) -> tuple[int, Any]:
    response = codec.answer("GET", path)
    assert response.content_type == b"application/json"
    return response.status, json.loads(bytes(response.body))


def test_the_server_is_alive_whatever_its_models_are() -> None:
    assert get("/v2/health/live") == (200, {"live": True})


def test_the_server_is_ready_once_its_models_are() -> None:
    loading = StatusReport({"m": ModelStatus("m", (VersionStatus(1, State.LOADING),))})
    assert get("/v2/health/ready", Codec("superset", loading, PROTOCOL)) == (
        503,
        {"ready": False, "live": False},
    )
    assert get("/v2/health/ready", Codec("superset", StatusReport(), PROTOCOL)) == (
        200,
        {"ready": True, "live": True},
    )


def test_any_version_is_the_one_there_is_where_callers_may_name_any() -> None:
    chain = ModelStatus("chain", (VersionStatus(1, State.READY, signatures=SIGNATURES),), any_version=True)
    codec = Codec("superset", StatusReport({"chain": chain}), PROTOCOL)
    assert get("/v2/models/chain/versions/9", codec)[1]["versions"] == ["1"]
    assert get("/v2/models/chain/versions/9/ready", codec)[0] == 200


@pytest.mark.parametrize("path", ["/v2", "/v2/"])
def test_the_server_tells_its_name_version_and_extensions(path: str) -> None:
    status, body = get(path)
    assert (status, body["name"], body["version"]) == (200, "dragoman", __version__)
    assert isinstance(body["extensions"], list)


def test_models_are_listed_by_name() -> None:
    assert get("/v2/models") == (200, {"models": ["empty", "m", "odd/name"]})


def test_metadata_is_that_of_the_version_that_serves() -> None:
    assert get("/v2/models/m") == (
        200,
        {
            "name": "m",
            "versions": ["2", "3"],
            "platform": "python",
            "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 224, 3]}],
            "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 224, 3]}],
        },
    )


def test_metadata_of_one_version_lists_that_alone_and_an_open_rank_is_one_open_size() -> None:
    assert get("/v2/models/m/versions/2") == (
        200,
        {
            "name": "m",
            "versions": ["2"],
            "platform": "onnxruntime_onnx",
            "inputs": [{"name": "x", "datatype": "BYTES", "shape": [-1]}],
            "outputs": [{"name": "y", "datatype": "BYTES", "shape": [-1]}],
        },
    )


def test_metadata_has_its_keys_where_nothing_is_known() -> None:
    assert get("/v2/models/odd%2Fname") == (
        200,
        {"name": "odd/name", "versions": ["1"], "platform": "", "inputs": [], "outputs": []},
    )


@pytest.mark.parametrize("path", ["/v2/models/m/ready", "/v2/models/m/versions/002/ready"])
def test_a_model_that_serves_is_ready(path: str) -> None:
    assert get(path) == (200, {"name": "m", "ready": True})


@pytest.mark.parametrize("view", ["", "/ready"])
@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("nope", 404, "Request for unknown model: 'nope' is not found"),
        ("m/versions/9", 404, "Request for unknown model: 'm' version 9 is not found"),
        ("m/versions/1", 404, "Request for unknown model: 'm' version 1 is not found"),
        (
            f"m/versions/{'9' * 5000}",
            404,
            f"Request for unknown model: 'm' version {'9' * 5000} is not found",
        ),
        ("m/versions/4", 503, "model 'm' is not ready: version 4 is loading"),
        ("empty", 503, "model 'empty' is not ready: it has no versions"),
    ],
)
def test_what_does_not_serve_says_why(view: str, path: str, status: int, message: str) -> None:
    assert get(f"/v2/models/{path}{view}") == (status, {"error": message})
