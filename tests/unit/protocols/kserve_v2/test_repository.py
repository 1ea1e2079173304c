"""Index, load and unload, over REST and gRPC."""

import json
from base64 import b64encode
from typing import Any, Final

import pytest

from dragoman.core.configuration import Batching
from dragoman.core.control import ControlResult, Load, Unload
from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.status import Cause, ModelStatus, State, StatusReport, VersionStatus
from dragoman.settings.limits import Limits
from dragoman.wire.messages import WireResponse
from dragoman.wire.operation import ControlOperation
from dragoman.wire.protobuf import message_class
from tests.unit.protocols.kserve_v2.grpc_calls import SERVICE, call, operations, wire
from tests.unit.protocols.kserve_v2.protocol import PROTOCOL
from tests.unit.protocols.tfs.reference import Codec

MLSERVER: Final = "/inference.model_repository.ModelRepositoryService"
FAILURE: Final = Cause(Code.INTERNAL, "it is broken")
REPORT: Final = StatusReport(
    {
        "busy": ModelStatus(
            "busy",
            tuple(VersionStatus(number, state) for number, state in enumerate(State, start=1)),
        ),
        "empty": ModelStatus("empty", (), cause=Cause(Code.NOT_FOUND, "empty holds nothing")),
        "failed": ModelStatus("failed", (VersionStatus(1, State.FAILED, cause=FAILURE),)),
        "former": ModelStatus("former", (VersionStatus(1, State.GONE),), known=False),
        "never": ModelStatus("never", ()),
    }
)
CODEC: Final = Codec("superset", REPORT, PROTOCOL)


def index(body: bytes = b"") -> list[dict[str, str]]:
    response = CODEC.answer("POST", "/v2/repository/index", body)
    assert response.status == 200, response.body
    entries: list[dict[str, str]] = json.loads(bytes(response.body))
    return entries


def test_every_version_is_listed_with_its_state_and_why_it_does_not_serve() -> None:
    found = {(entry["name"], entry.get("version")): (entry["state"], entry["reason"]) for entry in index()}
    states = {state: found["busy", str(number)] for number, state in enumerate(State, start=1)}
    assert states == {
        State.NEW: ("LOADING", ""),
        State.LOADING: ("LOADING", ""),
        State.READY: ("READY", ""),
        State.QUIESCING: ("UNLOADING", ""),
        State.QUIESCED: ("UNLOADING", ""),
        State.UNLOADING: ("UNLOADING", ""),
        State.GONE: ("UNAVAILABLE", "unloaded"),
        State.FAILED: ("UNAVAILABLE", ""),
    }
    assert found["failed", "1"] == ("UNAVAILABLE", "it is broken")


def test_a_model_without_versions_is_listed_and_one_that_has_gone_is_not() -> None:
    without = {entry["name"]: entry for entry in index() if "version" not in entry}
    assert without == {
        "empty": {"name": "empty", "state": "UNAVAILABLE", "reason": "empty holds nothing"},
        "never": {"name": "never", "state": "UNAVAILABLE", "reason": ""},
    }
    assert "former" not in {entry["name"] for entry in index()}


@pytest.mark.parametrize("body", [b"", b"{}", b'{"ready": false}', b'{"ready": null}'])
def test_all_is_what_is_listed_unless_it_is_to_be_ready(body: bytes) -> None:
    assert index(body) == index()
    assert [entry["version"] for entry in index(b'{"ready": true}')] == ["3"]


@pytest.mark.parametrize("body", [b"x", b"[]", b"null", b'{"ready": 1}', b'{"ready": "yes"}', b"[" * 9999])
def test_a_wrong_body_is_refused(body: bytes) -> None:
    assert CODEC.answer("POST", "/v2/repository/index", body).status == 400


@pytest.mark.parametrize("path", ["index", "models/m/load", "models/m/unload"])
def test_repositories_have_no_names(path: str) -> None:
    response = CODEC.answer("POST", f"/v2/repository/other/{path}")
    assert response.status == 501
    assert b"'repository_name' specification is not supported" in bytes(response.body)


@pytest.mark.parametrize("service", [SERVICE, MLSERVER])
def test_the_index_is_the_same_over_grpc(service: str) -> None:
    request = message_class("inference.RepositoryIndexRequest")
    response = call(request(), f"{service}/RepositoryIndex", report=REPORT)
    answer = message_class("inference.RepositoryIndexResponse").FromString(response.body)
    assert [(entry.name, entry.version, entry.state, entry.reason) for entry in answer.models] == [
        (entry["name"], entry.get("version", ""), entry["state"], entry["reason"]) for entry in index()
    ]
    ready = call(request(ready=True), f"{service}/RepositoryIndex", report=REPORT)
    assert len(message_class("inference.RepositoryIndexResponse").FromString(ready.body).models) == 1
    assert call(request(repository_name="x"), f"{service}/RepositoryIndex").status == 12


# Load and unload


def rest(verb: str, body: Any = b"", *, model: str = "m", headers: dict[str, str] | None = None) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    operation, request = CODEC.request("POST", f"/v2/repository/models/{model}/{verb}", raw, headers)
    assert isinstance(operation, ControlOperation)
    return operation.parse(request, Limits())


def rpc(verb: str, *, service: str = SERVICE, **request: Any) -> Any:
    method = f"{service}/RepositoryModel{verb}"
    operation = operations()[method]
    assert isinstance(operation, ControlOperation)
    message = message_class(f"inference.RepositoryModel{verb}Request")(**request)
    return operation.parse(wire(message, method), Limits())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        {},
        {"name": "m", "load": True},
        {"parameters": None},
        {"parameters": {}},
        {"parameters": {"config": None, "unload_dependents": None}},
    ],
)
def test_a_load_without_parameters_looks_at_the_repository(body: Any) -> None:
    assert rest("load", body) == Load("m", looks=True)


def test_a_name_is_percent_decoded() -> None:
    assert rest("load", model="m%20n") == Load("m n", looks=True)
    assert rest("unload", model="m%20n").model == "m n"


def test_a_configuration_and_files_come_along() -> None:
    files = {"1/model.onnx": b"\0\1\2", "labels.txt": b""}
    over_rest = rest(
        "load",
        {
            "parameters": {"config": '{"max_batch_size": 16}'}
            | {f"file:{path}": b64encode(content).decode() for path, content in files.items()}
        },
    )
    assert over_rest.override.configuration.batching == Batching(16)
    assert over_rest.override.files == files
    parameters = {"config": {"string_param": '{"max_batch_size": 16}'}} | {
        f"file:{path}": {"bytes_param": content} for path, content in files.items()
    }
    assert rpc("Load", model_name="m", parameters=parameters) == over_rest


@pytest.mark.parametrize("service", [SERVICE, MLSERVER])
@pytest.mark.parametrize("field", ["model_name", "repository_name"])  # KServe's field 1 is the latter
def test_over_grpc_the_name_is_in_either_field(service: str, field: str) -> None:
    assert rpc("Load", service=service, **{field: "m"}) == Load("m", looks=True)
    assert rpc("Unload", service=service, **{field: "m"}) == Unload("m", waits=False)


def test_an_unload_waits_for_nobody_and_may_take_the_parts_along() -> None:
    assert rest("unload") == Unload("m", waits=False)
    assert rest("unload", {"name": "m", "unload": True}) == Unload("m", waits=False)
    assert rest("unload", {"parameters": {"unload_dependents": True}}) == Unload("m", parts=True, waits=False)
    parameters = {"unload_dependents": {"bool_param": True}}
    assert rpc("Unload", model_name="m", parameters=parameters) == Unload("m", parts=True, waits=False)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "JSON Parse error"),
        ([], "must be a JSON object"),
        ({"parameters": []}, "'parameters' must be an object"),
        ({"parameters": {"config": {}}}, 'parameter "config" must be a string'),
        ({"parameters": {"config": "{"}}, "JSON Parse error"),
        ({"parameters": {"file:1/model.onnx": "AA=="}}, "files need the parameter 'config'"),
        ({"parameters": {"config": "{}", "file:1/model.onnx": "?"}}, "is not base64"),
        ({"parameters": {"config": "{}", "file:1/model.onnx": 5}}, "must be a string"),
        ({"parameters": {"unload_dependents": True}}, "there is no parameter"),
        ({"parameters": {"x" * 10_000: True}}, "there is no parameter"),
    ],
)
def test_a_wrong_load_is_refused_in_tritons_words(body: Any, words: str) -> None:
    with pytest.raises(DragomanError) as caught:
        rest("load", body)
    assert caught.value.code is Code.INVALID_ARGUMENT
    assert caught.value.message.startswith("failed to load 'm', failed to poll from model repository: ")
    assert words in caught.value.message
    assert len(caught.value.message) < 1000


@pytest.mark.parametrize("model", ["..", "..%2Fm", "%20", "%2Fetc%2Fpasswd", "a%5Cb", "%00", ".hidden"])
def test_a_name_that_leads_elsewhere_is_none(model: str) -> None:
    with pytest.raises(DragomanError, match="failed to load") as caught:
        rest("load", model=model)
    assert caught.value.code is Code.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"config": {"bytes_param": b"{}"}}, "must be a string_param"),
        ({"config": {}}, "must be a string_param"),
        ({"config": {"string_param": "{}"}, "file:a": {"string_param": "x"}}, "must be a bytes_param"),
        ({"nonsense": {"bool_param": True}}, "there is no parameter"),
        ({"file:a": {"bytes_param": b""}}, "files need the parameter 'config'"),
    ],
)
def test_a_wrong_load_over_grpc_is_refused_likewise(parameters: Any, words: str) -> None:
    with pytest.raises(DragomanError, match=words) as caught:
        rpc("Load", model_name="m", parameters=parameters)
    assert caught.value.message.startswith("failed to load 'm'")


@pytest.mark.parametrize(
    "parameters", [{"unload_dependents": 1}, {"unload_dependents": "yes"}, {"config": "{}"}]
)
def test_a_wrong_unload_is_refused(parameters: Any) -> None:
    with pytest.raises(DragomanError, match="parameter") as caught:
        rest("unload", {"parameters": parameters})
    assert caught.value.code is Code.INVALID_ARGUMENT


@pytest.mark.parametrize(
    "parameters", [{"unload_dependents": {"int64_param": 1}}, {"x": {"bool_param": True}}]
)
def test_a_wrong_unload_over_grpc_is_refused(parameters: Any) -> None:
    with pytest.raises(DragomanError, match="parameter"):
        rpc("Unload", model_name="m", parameters=parameters)


def test_a_repository_beside_a_model_is_refused() -> None:
    with pytest.raises(DragomanError) as caught:
        rpc("Load", model_name="m", repository_name="r")
    assert caught.value.code is Code.UNIMPLEMENTED


@pytest.mark.parametrize("verb", ["load", "unload"])
def test_a_web_page_changes_nothing(verb: str) -> None:
    with pytest.raises(DragomanError, match="web pages") as caught:
        rest(verb, headers={"Origin": "http://localhost:8000"})
    assert caught.value.code is Code.PERMISSION_DENIED


def encoded(verb: str) -> tuple[WireResponse, WireResponse]:
    result = ControlResult(REPORT, changed=True, model="m")
    operation, _ = CODEC.request("POST", f"/v2/repository/models/m/{verb.lower()}")
    assert isinstance(operation, ControlOperation)
    over_grpc = operations()[f"{SERVICE}/RepositoryModel{verb}"]
    return operation.encode(result), over_grpc.encode(result)


def test_the_answers_are_kserves() -> None:
    over_rest, over_grpc = encoded("Load")
    assert (over_rest.status, json.loads(bytes(over_rest.body))) == (200, {"name": "m", "load": True})
    loaded = message_class("inference.RepositoryModelLoadResponse").FromString(over_grpc.body)
    assert (loaded.model_name, loaded.isLoaded) == ("m", True)
    over_rest, over_grpc = encoded("Unload")
    assert (over_rest.status, json.loads(bytes(over_rest.body))) == (200, {"name": "m", "unload": True})
    unloaded = message_class("inference.RepositoryModelUnloadResponse").FromString(over_grpc.body)
    assert (unloaded.model_name, unloaded.isUnloaded) == ("m", True)


POLL = "failed to load 'm', failed to poll from model repository: it is so"


@pytest.mark.parametrize(
    ("error", "status", "code", "message"),
    [
        (DragomanError(Code.NOT_FOUND, "it is so", reason=Reason.MODEL_UNKNOWN), 404, 5, POLL),
        (DragomanError(Code.INTERNAL, "it is so"), 500, 13, POLL),
        (DragomanError(Code.INVALID_ARGUMENT, "it is so"), 400, 3, POLL),
        (
            DragomanError(Code.INTERNAL, "it is so", reason=Reason.LOAD_FAILED),
            400,
            3,
            "failed to load 'm': it is so",
        ),
        (DragomanError(Code.PERMISSION_DENIED, "it is so"), 403, 7, "it is so"),
        (DragomanError(Code.UNAUTHENTICATED, "it is so"), 401, 16, "it is so"),
    ],
)
def test_a_load_that_fails_says_so_in_tritons_words(
    error: DragomanError, status: int, code: int, message: str
) -> None:
    operation, _ = CODEC.request("POST", "/v2/repository/models/m/load")
    assert isinstance(operation, ControlOperation)
    over_rest = operation.fail(Load("m"), error)
    assert (over_rest.status, json.loads(bytes(over_rest.body))) == (status, {"error": message})
    over_grpc = operations()[f"{SERVICE}/RepositoryModelLoad"].fail(Load("m"), error)
    assert (over_grpc.status, over_grpc.message) == (code, message)


def test_an_unload_of_what_is_not_there_says_so() -> None:
    error = DragomanError(Code.NOT_FOUND, "it is so", reason=Reason.MODEL_UNKNOWN)
    operation, _ = CODEC.request("POST", "/v2/repository/models/m/unload")
    assert isinstance(operation, ControlOperation)
    assert b"Request for unknown model: 'm' is not found" in bytes(operation.fail(Unload("m"), error).body)
    over_grpc = operations()[f"{SERVICE}/RepositoryModelUnload"].fail(Unload("m"), error)
    assert over_grpc.message == "Request for unknown model: 'm' is not found"
    assert operation.fail(None, DragomanError(Code.INVALID_ARGUMENT, "no")).status == 400


def test_a_model_that_has_gone_is_unknown() -> None:
    assert CODEC.answer("GET", "/v2/models/former/ready").status == 404
    assert CODEC.answer("GET", "/v2/models/never/ready").status == 503
