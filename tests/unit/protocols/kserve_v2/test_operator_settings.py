"""Shared memory and traces, of which there are none, and what is written to the log."""

import json
from typing import Any

import pytest

from dragoman.core.control import ControlResult, LogKinds, SetLogs
from dragoman.core.errors import Code, DragomanError
from dragoman.settings.limits import Limits
from dragoman.wire.operation import ControlOperation
from dragoman.wire.protobuf import message_class
from tests.unit.protocols.kserve_v2.grpc_calls import (
    NOT_FOUND,
    OK,
    SERVICE,
    UNIMPLEMENTED,
    call,
    operations,
    wire,
)
from tests.unit.protocols.kserve_v2.protocol import PROTOCOL
from tests.unit.protocols.tfs.reference import REPORT, Codec

CODEC = Codec("superset", REPORT, PROTOCOL)
INVALID_ARGUMENT = 3
DEFAULTS = {
    "trace_level": ["OFF"],
    "trace_rate": "1000",
    "trace_count": "-1",
    "log_frequency": "0",
    "trace_file": "",
    "trace_mode": "triton",
}


def rest(method: str, path: str, body: Any = b"") -> tuple[int, Any]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = CODEC.answer(method, path, raw)
    return response.status, json.loads(bytes(response.body) or b"null")


def rpc(method: str, **request: Any) -> tuple[int, Any]:
    response = call(message_class(f"inference.{method}Request")(**request), f"{SERVICE}/{method}")
    answer = message_class(f"inference.{method}Response").FromString(response.body)
    return response.status, response.message or answer


@pytest.mark.parametrize("kind", ["system", "cuda"])
def test_no_region_is_registered(kind: str) -> None:
    memory = f"/v2/{kind}sharedmemory"
    assert rest("GET", f"{memory}/status") == (200, [])
    status, body = rest("GET", f"{memory}/region/a%20b/status")
    assert (status, body["error"]) == (404, "Unable to find shared memory region: 'a b'")
    assert rest("POST", f"{memory}/unregister") == (200, None)
    assert rest("POST", f"{memory}/region/r/unregister", {}) == (200, None)


@pytest.mark.parametrize(("kind", "status"), [("system", 501), ("cuda", 400)])
def test_no_region_can_be_registered(kind: str, status: int) -> None:
    code, body = rest("POST", f"/v2/{kind}sharedmemory/region/r/register", b"whatever")
    assert code == status
    assert "'r'" in body["error"]


@pytest.mark.parametrize(("kind", "refused"), [("System", UNIMPLEMENTED), ("Cuda", INVALID_ARGUMENT)])
def test_so_it_is_over_grpc(kind: str, refused: int) -> None:
    status, answer = rpc(f"{kind}SharedMemoryStatus")
    assert (status, dict(answer.regions)) == (OK, {})
    assert rpc(f"{kind}SharedMemoryStatus", name="r") == (
        NOT_FOUND,
        "Unable to find shared memory region: 'r'",
    )
    assert rpc(f"{kind}SharedMemoryUnregister", name="r")[0] == OK
    assert rpc(f"{kind}SharedMemoryUnregister")[0] == OK
    status, message = rpc(f"{kind}SharedMemoryRegister", name="r", byte_size=4)
    assert (status, "'r'" in message) == (refused, True)


@pytest.mark.parametrize("path", ["/v2/trace/setting", "/v2/models/half_plus_two/trace/setting"])
def test_the_trace_settings_are_tritons_defaults_and_off(path: str) -> None:
    assert rest("GET", path) == (200, DEFAULTS)
    assert rest("POST", path) == (200, DEFAULTS)
    assert rest("POST", path, {"trace_rate": None, "trace_count": "-1", "trace_level": ["OFF"]}) == (
        200,
        DEFAULTS,
    )


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"trace_level": ["TIMESTAMPS"]}, 501, "trace_level cannot be changed"),
        ({"trace_file": "x"}, 501, "trace_file cannot be changed"),
        ({"trace_level": "OFF"}, 400, "must be a list of strings"),
        ({"trace_level": [1]}, 400, "must be a list of strings"),
        ({"trace_rate": 5}, 400, "must be a string"),
        ({"trace_rate": ["5"]}, 400, "must be a string"),
        ({"nonsense": "1"}, 400, "there is no trace setting"),
        ([], 400, "must be a JSON object"),
        (b"{", 400, "JSON Parse error"),
    ],
)
def test_a_change_of_them_is_refused(body: Any, status: int, words: str) -> None:
    code, answer = rest("POST", "/v2/trace/setting", body)
    assert (code, words in answer["error"]) == (status, True)


def test_a_model_that_is_not_there_has_no_trace_settings() -> None:
    assert rest("GET", "/v2/models/nope/trace/setting")[0] == 404
    assert rest("POST", "/v2/models/nope/trace/setting")[0] == 404
    assert rpc("TraceSetting", model_name="nope")[0] == NOT_FOUND


def test_the_trace_settings_are_the_same_over_grpc() -> None:
    for request in ({}, {"model_name": "half_plus_two"}, {"settings": {"trace_rate": {}}}):
        status, answer = rpc("TraceSetting", **request)
        assert status == OK
        told = {key: list(value.value) for key, value in answer.settings.items()}
        assert told == {key: [value] if isinstance(value, str) else value for key, value in DEFAULTS.items()}
    assert rpc("TraceSetting", settings={"trace_level": {"value": ["TENSORS"]}})[0] == UNIMPLEMENTED
    assert rpc("TraceSetting", settings={"x": {"value": ["TENSORS"]}})[0] == INVALID_ARGUMENT


# Logs

LOGS = ControlResult(logs=LogKinds(info=False, verbose=3))
TOLD = {
    "log_file": "",
    "log_info": False,
    "log_warning": True,
    "log_error": True,
    "log_verbose_level": 3,
    "log_format": "default",
}


def logging_over_rest(method: str, body: Any = b"", **headers: str) -> tuple[ControlOperation, Any]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    operation, request = CODEC.request(method, "/v2/logging", raw, headers)
    assert isinstance(operation, ControlOperation)
    return operation, operation.parse(request, Limits())


def logging_over_grpc(**settings: Any) -> tuple[ControlOperation, Any]:
    method = f"{SERVICE}/LogSettings"
    operation = operations()[method]
    message = message_class("inference.LogSettingsRequest")(settings=settings)
    return operation, operation.parse(wire(message, method), Limits())


def test_the_log_settings_are_those_in_force() -> None:
    for method in ("GET", "POST"):
        operation, asked = logging_over_rest(method)
        assert asked == SetLogs()
        assert json.loads(bytes(operation.encode(LOGS).body)) == TOLD
    operation, asked = logging_over_grpc()
    assert asked == SetLogs()
    answer = message_class("inference.LogSettingsResponse").FromString(operation.encode(LOGS).body)
    kinds = {key: value.WhichOneof("parameter_choice") for key, value in answer.settings.items()}
    assert {key: getattr(answer.settings[key], kind) for key, kind in kinds.items()} == TOLD


CHANGES = [
    ({"log_info": False}, SetLogs(info=False)),
    ({"log_warning": True, "log_error": False}, SetLogs(warning=True, error=False)),
    ({"log_verbose_level": 2}, SetLogs(verbose=2)),
    ({"log_file": "", "log_format": "default"}, SetLogs()),
]


@pytest.mark.parametrize(("body", "asked"), [*CHANGES, ({"log_info": None}, SetLogs())])
def test_what_is_written_is_changed(body: Any, asked: SetLogs) -> None:
    assert logging_over_rest("POST", body)[1] == asked


@pytest.mark.parametrize(("body", "asked"), CHANGES)
def test_it_is_changed_over_grpc(body: dict[str, Any], asked: SetLogs) -> None:
    kinds = {bool: "bool_param", int: "uint32_param", str: "string_param"}
    assert logging_over_grpc(**{key: {kinds[type(value)]: value} for key, value in body.items()})[1] == asked
    assert logging_over_grpc(**{key: {} for key in body})[1] == SetLogs()


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ({"log_file": "x"}, Code.UNIMPLEMENTED, "cannot be changed"),
        ({"log_format": "ISO8601"}, Code.UNIMPLEMENTED, "cannot be changed"),
        ({"log_file": 1}, Code.INVALID_ARGUMENT, "must be a string"),
        ({"log_info": 1}, Code.INVALID_ARGUMENT, "must be true or false"),
        ({"log_verbose_level": True}, Code.INVALID_ARGUMENT, "must be a number"),
        ({"log_verbose_level": -1}, Code.INVALID_ARGUMENT, "must be a number"),
        ({"log_verbose_level": 2**32}, Code.INVALID_ARGUMENT, "must be a number"),
        ({"nonsense": True}, Code.INVALID_ARGUMENT, "there is log_info"),
        ([], Code.INVALID_ARGUMENT, "must be a JSON object"),
        (b"{", Code.INVALID_ARGUMENT, "JSON Parse error"),
    ],
)
def test_a_wrong_change_is_refused(body: Any, code: Code, words: str) -> None:
    with pytest.raises(DragomanError, match=words) as caught:
        logging_over_rest("POST", body)
    assert caught.value.code is code
    operation, _ = logging_over_rest("GET")
    assert operation.fail(None, caught.value).status == {Code.UNIMPLEMENTED: 501}.get(code, 400)


def test_a_web_page_changes_no_log() -> None:
    with pytest.raises(DragomanError, match="web pages") as caught:
        logging_over_rest("POST", {}, Origin="http://localhost")
    assert caught.value.code is Code.PERMISSION_DENIED
    assert operations()[f"{SERVICE}/LogSettings"].fail(None, caught.value).status == 7
