"""OpenVINO Model Server's REST answers, over the reference models and a report with every state."""

import json
from typing import Any, Final

import pytest

from dragoman.core.control import ControlResult, ReloadSettings
from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.requests import Target
from dragoman.core.status import Cause, ModelStatus, State, StatusReport, VersionStatus
from dragoman.core.tensors import DType
from dragoman.protocols.ovms import PROTOCOL
from dragoman.protocols.ovms.errors import BEGINNINGS, fail_grpc_predict, fail_predict
from dragoman.settings.limits import Limits
from dragoman.wire.messages import WireRequest
from dragoman.wire.operation import ControlOperation, Draft
from tests.unit.protocols.tfs.reference import REPORT as REFERENCE
from tests.unit.protocols.tfs.reference import Codec, echo_signature

SIGNATURES: Final = {"serving_default": echo_signature(DType.FP32, (None, 3))}
REPORT: Final = StatusReport(
    {
        "empty": ModelStatus("empty", ()),
        "m": ModelStatus(
            "m",
            (
                VersionStatus(1, State.GONE),
                VersionStatus(2, State.QUIESCING),
                VersionStatus(3, State.READY, "onnx", signatures=SIGNATURES),
                VersionStatus(4, State.FAILED, cause=Cause(Code.NOT_FOUND, "m/4 holds no model")),
                VersionStatus(5, State.LOADING),
                VersionStatus(6, State.NEW),
            ),
            {"stable": 3},
        ),
        "chain": ModelStatus("chain", (VersionStatus(1, State.READY, "pipeline", signatures=SIGNATURES),)),
        "once": ModelStatus("once", (VersionStatus(1, State.GONE, "pipeline"),)),
        "lack": ModelStatus(
            "lack", (VersionStatus(1, State.FAILED, "pipeline", Cause(Code.INTERNAL, "has no node")),)
        ),
    }
)
STATUS: Final = Codec("ovms", REPORT, PROTOCOL)
MODELS: Final = Codec("ovms", REFERENCE, PROTOCOL)
DEFAULT: Final = Codec("superset", REPORT, PROTOCOL)
NOT_FOUND: Final = "Model with requested version is not found"


def get(path: str, codec: Codec = STATUS) -> tuple[int, Any]:
    response = codec.answer("GET", path)
    assert response.content_type == b"application/json"
    return response.status, json.loads(bytes(response.body))


def post(path: str, body: Any) -> tuple[int, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = MODELS.answer("POST", f"/v1/models/{path}", data)
    return response.status, json.loads(bytes(response.body))


def states(body: Any) -> list[tuple[str, str, str]]:
    return [
        (one["version"], one["state"], one["status"]["error_code"]) for one in body["model_version_status"]
    ]


EVERY: Final = [
    ("1", "END", "OK"),
    ("2", "UNLOADING", "OK"),
    ("3", "AVAILABLE", "OK"),
    ("4", "LOADING", "UNKNOWN"),
    ("5", "LOADING", "OK"),
    ("6", "START", "OK"),
]


@pytest.mark.parametrize("codec", [STATUS, DEFAULT])
def test_the_config_shows_every_model_that_there_ever_was(codec: Codec) -> None:
    status, body = get("/v1/config", codec)
    assert status == 200
    assert {name: states(model) for name, model in body.items()} == {
        "chain": [("1", "AVAILABLE", "OK")],
        "empty": [],
        "lack": [("1", "LOADING", "FAILED_PRECONDITION")],
        "m": EVERY,
        "once": [("1", "END", "OK")],
    }


def test_a_server_without_models_shows_nothing() -> None:
    assert get("/v1/config", Codec("ovms", StatusReport(), PROTOCOL)) == (200, {})


@pytest.mark.parametrize("path", ["m", "m/versions/0", "m/versions/000"])
def test_the_status_has_every_version_where_none_is_asked_for(path: str) -> None:
    status, body = get(f"/v1/models/{path}")
    assert (status, states(body)) == (200, EVERY)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("m/versions/4", [("4", "LOADING", "UNKNOWN")]),
        ("m/versions/1", [("1", "END", "OK")]),
        ("m/labels/stable", [("3", "AVAILABLE", "OK")]),
        ("empty", []),
        ("chain/versions/7", [("1", "AVAILABLE", "OK")]),
        ("chain/labels/any", [("1", "AVAILABLE", "OK")]),
    ],
)
def test_the_status_of_what_is_asked_for(path: str, expected: list[tuple[str, str, str]]) -> None:
    status, body = get(f"/v1/models/{path}")
    assert (status, states(body)) == (200, expected)


def test_a_version_that_failed_tells_why() -> None:
    _, body = get("/v1/models/m/versions/4")
    assert body["model_version_status"][0]["status"]["error_message"] == "m/4 holds no model"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nobody", "Model with requested name is not found"),
        ("nobody/metadata", "Model with requested name is not found"),
        ("m/versions/7", NOT_FOUND),
        ("m/versions/7/metadata", NOT_FOUND),
        ("empty/metadata", NOT_FOUND),
        ("m/labels/old", NOT_FOUND),
        ("m/labels/old/metadata", NOT_FOUND),
        ("m/versions/1/metadata", "Model with requested version is retired"),
        ("m/versions/4/metadata", "Model with requested version is not loaded yet"),
        ("lack/metadata", "Pipeline is not loaded yet"),
        ("once/metadata", "Pipeline is retired"),
        ("m/versions/99999999999999999999", NOT_FOUND),
    ],
)
def test_what_does_not_serve_is_not_found(path: str, message: str) -> None:
    assert get(f"/v1/models/{path}") == (404, {"error": message})


@pytest.mark.parametrize("path", ["m/metadata", "m/versions/3/metadata", "m/versions/0/metadata"])
def test_metadata_is_spelled_in_camel_case_only(path: str) -> None:
    status, body = get(f"/v1/models/{path}")
    assert status == 200
    assert body["modelSpec"] == {"name": "m", "signatureName": "", "version": "3"}
    (signature,) = body["metadata"]["signature_def"]["signatureDef"].values()
    assert signature["inputs"]["x"]["tensorShape"]["dim"] == [
        {"size": "-1", "name": ""},
        {"size": "3", "name": ""},
    ]
    assert "model_spec" not in body


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("half_plus_two:predict", {"inputs": [1.0, 2.0]}, {"outputs": [3.5, 4.0]}),
        ("half_plus_two/versions/0:predict", {"inputs": {"x": [1]}}, {"outputs": [3.5]}),
        ("half_plus_two/labels/stable:predict", {"instances": [{"x": 2.0}]}, {"predictions": [3.0]}),
        ("half_plus_two:predict", {"instances": [2.0], "signature_name": "any"}, {"predictions": [4.0]}),
        (
            "two_out:predict",
            {"inputs": [[1.0, 2.0]]},
            {"outputs": {"sum": [3.0], "diff": [-1.0]}},
        ),
    ],
)
def test_predict_answers_in_the_form_of_the_request(path: str, body: Any, expected: Any) -> None:
    assert post(path, body) == (200, expected)


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("half_plus_two:predict", b"{", "The file is not valid json - Error: "),
        ("half_plus_two:predict", b"[]", "Request body should be JSON object"),
        ("half_plus_two:predict", {}, "Invalid JSON structure. Could not detect row or column format"),
        (
            "half_plus_two:predict",
            {"instances": [1.0], "inputs": [1.0]},
            "Invalid JSON structure. Could not detect row or column format",
        ),
        (
            "half_plus_two:predict",
            {"instances": 1.0},
            "Invalid JSON structure. Nonamed instance is not an array.",
        ),
        (
            "half_plus_two:predict",
            {"instances": []},
            "Invalid JSON structure. Missing instances in row format",
        ),
        ("add_sub:predict", {"instances": [[1]]}, "Inputs inside buffer does not match expected format."),
        ("add_sub:predict", {"inputs": [[1]]}, "Inputs inside buffer does not match expected format."),
        (
            "half_plus_two:predict",
            {"inputs": ["a"]},
            'Could not parse input content. Not valid ndarray detected - JSON Value: "a" Type: String',
        ),
    ],
)
def test_a_body_that_is_none_is_bad_input(path: str, body: Any, message: str) -> None:
    status, answer = post(path, body)
    assert status == 400
    assert message in answer["error"]


@pytest.mark.parametrize("word", ["classify", "regress"])
def test_methods_that_the_reference_lacks_are_no_resource(word: str) -> None:
    response = STATUS.answer("POST", f"/v1/models/m:{word}")
    assert (response.status, json.loads(bytes(response.body))) == (
        404,
        {"error": "Requested REST resource not found"},
    )


def test_any_path_has_options() -> None:
    assert STATUS.answer("OPTIONS", "/v1/models/m:predict").status == 200


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/config/reload"), ("POST", "/v1/config")])
@pytest.mark.parametrize("codec", [STATUS, DEFAULT])
def test_another_method_is_not_supported(codec: Codec, method: str, path: str) -> None:
    response = codec.answer(method, path)
    assert (response.status, json.loads(bytes(response.body))) == (406, {"error": "Unsupported method"})


def test_an_unknown_path_is_invalid() -> None:
    assert get("/v1/models/m/other") == (400, {"error": "Invalid request URL"})


def reload() -> ControlOperation:
    operation, _ = STATUS.request("POST", "/v1/config/reload")
    assert isinstance(operation, ControlOperation)
    return operation


@pytest.mark.parametrize("body", [b"", b"{}", b"not json"])
def test_a_reload_asks_for_one_whatever_it_carries(body: bytes) -> None:
    wire = WireRequest("POST", "/v1/config/reload", "", [], body)
    assert reload().parse(wire, Limits()) == ReloadSettings()


@pytest.mark.parametrize(("changed", "status"), [(True, 201), (False, 200)])
def test_a_reload_tells_whether_something_is_new_and_shows_the_config(changed: bool, status: int) -> None:
    answer = reload().encode(ControlResult(REPORT, changed=changed))
    assert answer.status == status
    assert json.loads(bytes(answer.body)) == get("/v1/config")[1]


CONFIG: Final = "Reloading config file failed. Check server logs for more info."
VERSIONS: Final = "Reloading models versions failed. Check server logs for more info."


@pytest.mark.parametrize(
    ("code", "reason", "status", "message"),
    [
        (Code.INTERNAL, Reason.SETTINGS_UNREADABLE, 500, "Config file not found or cannot open."),
        (Code.INVALID_ARGUMENT, Reason.SETTINGS_MALFORMED, 412, CONFIG),
        (Code.INTERNAL, Reason.SETTINGS_REFUSED, 500, CONFIG),
        (Code.INVALID_ARGUMENT, Reason.SETTINGS_REFUSED, 400, CONFIG),
        (Code.INTERNAL, Reason.MODELS_REFUSED, 500, VERSIONS),
        (Code.INVALID_ARGUMENT, Reason.MODELS_REFUSED, 400, VERSIONS),
    ],
)
def test_a_reload_that_failed_says_so_in_the_references_words(
    code: Code, reason: Reason, status: int, message: str
) -> None:
    answer = reload().fail(None, DragomanError(code, "m: no such folder", reason=reason))
    assert (answer.status, json.loads(bytes(answer.body))) == (status, {"error": message})


def test_nothing_to_go_on_with_has_no_body() -> None:
    error = DragomanError(Code.FAILED_PRECONDITION, "aborted", reason=Reason.NO_CONTENT)
    answer = PROTOCOL.refuse(WireRequest("POST", "/v1/models/p:predict", "", [], b""), error)
    assert (answer.status, bytes(answer.body)) == (204, b"")


def failure(
    reason: Reason, target: Target | None, code: Code = Code.UNAVAILABLE
) -> tuple[int, str, int, str]:
    """What a failed predict is told over REST and over gRPC."""
    error = DragomanError(code, "detail", reason=reason)
    draft = None if target is None else Draft(target)
    rest, grpc = fail_predict(draft, error), fail_grpc_predict(draft, error)
    told = json.loads(bytes(rest.body))["error"] if rest.body else ""
    return rest.status, told, grpc.status, grpc.message


LATEST, ZERO, FIRST = Target("m"), Target("m", 0), Target("m", 1)
NOT_YET: Final = "Model with requested version is not loaded yet"
NO_PIPELINE: Final = "Pipeline is not loaded yet"
RETIRED: Final = "Model with requested version is retired"


@pytest.mark.parametrize(
    ("reason", "target", "told"),
    [
        (Reason.MODEL_NOT_READY, LATEST, (404, NOT_FOUND, 5, NOT_FOUND)),
        (Reason.MODEL_NOT_READY, ZERO, (404, NOT_FOUND, 5, NOT_FOUND)),
        (Reason.MODEL_NOT_READY, FIRST, (404, NOT_YET, 14, NOT_YET)),
        (
            Reason.PIPELINE_NOT_READY,
            LATEST,
            (404, NO_PIPELINE, 14, NO_PIPELINE),
        ),
        (Reason.MODEL_REMOVED, LATEST, (404, NOT_FOUND, 5, NOT_FOUND)),
        (Reason.MODEL_REMOVED, FIRST, (404, RETIRED, 5, RETIRED)),
    ],
)
def test_what_does_not_serve_is_told_by_what_was_asked_for(
    reason: Reason, target: Target, told: tuple[int, str, int, str]
) -> None:
    assert failure(reason, target) == told


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        (Reason.VERSION_RETIRED, RETIRED),
        (Reason.PIPELINE_REMOVED, "Pipeline is retired"),
        (Reason.VERSION_UNKNOWN, NOT_FOUND),
    ],
)
def test_what_is_not_there_is_not_found(reason: Reason, message: str) -> None:
    assert failure(reason, FIRST, Code.NOT_FOUND) == (404, message, 5, message)


def test_an_unknown_name_has_another_sentence_over_grpc() -> None:
    told = failure(Reason.MODEL_UNKNOWN, LATEST, Code.NOT_FOUND)
    assert told == (
        404,
        "Model with requested name is not found",
        5,
        "Pipeline with requested name is not found",
    )


def test_nothing_to_go_on_with_is_aborted_over_grpc() -> None:
    message = "Pipeline execution aborted due to no content from custom node"
    assert failure(Reason.NO_CONTENT, LATEST, Code.FAILED_PRECONDITION) == (204, "", 10, message)


@pytest.mark.parametrize("reason", BEGINNINGS)
def test_a_misfit_begins_with_the_references_words_and_goes_on_with_ours(reason: Reason) -> None:
    message = f"{BEGINNINGS[reason]} - detail"
    assert failure(reason, LATEST, Code.INVALID_ARGUMENT) == (400, message, 3, message)


def test_a_model_that_fails_is_an_inference_error() -> None:
    answer = fail_predict(Draft(LATEST), DragomanError(Code.INTERNAL, "m failed"))
    assert (answer.status, json.loads(bytes(answer.body))) == (
        500,
        {"error": "Internal inference error - m failed"},
    )


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("echo_int32:predict", {"inputs": [1.0, 2]}, {"outputs": [1, 2]}),
        ("echo_uint8:predict", {"instances": [255.0]}, {"predictions": [255]}),
        ("echo_int64:predict", {"inputs": [[1.0], [-2.0]]}, {"outputs": [[1], [-2]]}),
        ("echo_int8:predict", {"instances": [{"x": 1e2}]}, {"predictions": [100]}),
    ],
)
def test_whole_numbers_may_be_written_as_decimal_ones(path: str, body: Any, expected: Any) -> None:
    assert post(path, body) == (200, expected)


@pytest.mark.parametrize("value", [1.5, 256.0, -1.0, "a", 1e300])
def test_other_numbers_are_no_whole_ones(value: Any) -> None:
    status, answer = post("echo_uint8:predict", {"inputs": [value]})
    assert status == 400
    assert answer["error"].startswith("Could not parse input content. Not valid ndarray detected - ")


@pytest.mark.parametrize("value", [9223372036854775808.0, -9223372036854777856.0])
def test_the_bounds_of_whole_numbers_are_exact(value: float) -> None:
    assert post("echo_int64:predict", {"inputs": [value]})[0] == 400
