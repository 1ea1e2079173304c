"""Control and the view of one model on dragoman's own paths."""

import json
from typing import Any

import pytest

from dragoman.core.control import ControlRequest, ControlResult, Load, Reload, Scale, Unload
from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.status import (
    Cause,
    ModelStatus,
    State,
    StatusReport,
    VersionStatus,
    WorkersStatus,
    WorkerState,
    WorkerStatus,
)
from dragoman.core.tensors import DType
from dragoman.protocols.native import PROTOCOL
from dragoman.settings.limits import Limits
from dragoman.transports.http.router import Router
from dragoman.wire.messages import Headers, WireRequest
from dragoman.wire.operation import ControlOperation, StatusOperation

ROUTER = Router([PROTOCOL], "superset")
SIGNATURE = Signature(
    "serving_default",
    {"x": TensorSpec("x", DType.FP32, (None, 4), "x"), "any": TensorSpec("any", DType.BYTES, None, "any")},
    {"y": TensorSpec("y", DType.INT64, (), "y")},
)
VERSION = VersionStatus(2, State.READY, "onnx", signatures={"serving_default": SIGNATURE}, loaded_at_s=5.5)
REPORT = StatusReport({"m": ModelStatus("m", (VERSION,), {"stable": 2}, notes=("something",))})


def routed(method: str, path: str, headers: Headers | None = None) -> tuple[Any, WireRequest]:
    operation, params = ROUTER.match(method, path)
    return operation, WireRequest(method, path, "", headers or [], b"", params)


def asked(path: str, headers: Headers | None = None, body: bytes = b"") -> ControlRequest:
    operation, wire = routed("POST", path, headers)
    wire.body = body
    assert isinstance(operation, ControlOperation)
    return operation.parse(wire, Limits())


@pytest.mark.parametrize(
    ("path", "request_"),
    [
        ("/dragoman/models/m:load", Load("m")),
        ("/dragoman/models/m%20n:unload", Unload("m n")),
        ("/dragoman/models/m:reload", Reload("m")),
        ("/dragoman/models/m/versions/0007:load", Load("m", 7)),
        ("/dragoman/models/m/versions/9223372036854775807:unload", Unload("m", 2**63 - 1)),
        ("/dragoman:reload", Reload()),
    ],
)
def test_a_path_says_what_is_to_be_done(path: str, request_: ControlRequest) -> None:
    assert asked(path) == request_


def test_a_version_of_endless_digits_is_refused() -> None:
    with pytest.raises(DragomanError, match="is no version") as caught:
        asked(f"/dragoman/models/m/versions/{'1' * 5000}:load")
    assert caught.value.code is Code.INVALID_ARGUMENT


@pytest.mark.parametrize(
    "path", ["/dragoman:reload", "/dragoman/models/m:load", "/dragoman/models/m/versions/1:unload"]
)
def test_a_web_page_changes_nothing(path: str) -> None:
    with pytest.raises(DragomanError, match="web pages") as caught:
        asked(path, [(b"Origin", b"http://localhost:8000")])
    assert caught.value.code is Code.PERMISSION_DENIED


@pytest.mark.parametrize(
    ("path", "body", "request_"),
    [
        ("/dragoman/models/m:scale", b"{}", Scale("m", 1, 1)),
        ("/dragoman/models/m:scale", b'{"min_workers": 0, "max_workers": 3}', Scale("m", 0, 3)),
        ("/dragoman/models/m/versions/2:scale", b'{"min_workers": 2}', Scale("m", 2, 2, 2)),
        ("/dragoman/models/m:scale", b'{"wait": false}', Scale("m", 1, 1, waits=False)),
    ],
)
def test_a_body_says_how_many_workers_there_are_to_be(path: str, body: bytes, request_: Scale) -> None:
    assert asked(path, body=body) == request_


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"workers": 1}', "workers: there is no such key"),
        (b'{"min_workers": -1}', "min_workers: it is a number from 0 to 1000"),
        (b'{"max_workers": 1.5}', "max_workers: it is a number"),
        (b'{"max_workers": true}', "max_workers: it is a number"),
        (b'{"wait": 1}', "wait: it is true or false"),
        (b"[]", "Is not object"),
        (b"", "."),
    ],
)
def test_a_body_that_says_it_wrongly_is_told_so(body: bytes, words: str) -> None:
    with pytest.raises(DragomanError, match=words) as caught:
        asked("/dragoman/models/m:scale", body=body)
    assert caught.value.code is Code.INVALID_ARGUMENT


def test_a_model_is_shown_with_its_workers() -> None:
    staff = WorkersStatus(1, 2, 1, (WorkerStatus("0", WorkerState.READY, 7, 5.5, 8, 1),))
    told = VersionStatus(1, State.READY, workers=lambda: staff)
    view = shown("/dragoman/models/m", StatusReport({"m": ModelStatus("m", (told,))}))
    assert view["versions"][0]["workers"] == {
        "min": 1,
        "max": 2,
        "healthy": 1,
        "workers": [
            {"id": "0", "state": "ready", "pid": 7, "started_at_s": 5.5, "memory_bytes": 8, "gpu": 1}
        ],
    }


def test_the_answer_tells_the_models_and_whether_they_changed() -> None:
    operation, _ = routed("POST", "/dragoman:reload")
    answer = json.loads(operation.encode(ControlResult(REPORT, changed=True)).body)
    assert answer["changed"] is True
    assert [model["name"] for model in answer["models"]] == ["m"]


def shown(path: str, report: StatusReport) -> dict[str, Any]:
    operation, wire = routed("GET", path)
    assert isinstance(operation, StatusOperation)
    document: dict[str, Any] = json.loads(operation.answer(wire, report).body)
    return document


def test_a_model_is_shown_with_what_its_signatures_take_and_give() -> None:
    view = shown("/dragoman/models/m", REPORT)
    assert (view["labels"], view["notes"], view["cause"]) == ({"stable": 2}, ["something"], None)
    assert view["versions"][0]["loaded_at_s"] == 5.5
    assert view["versions"][0]["signatures"] == [
        {
            "name": "serving_default",
            "method": "predict",
            "inputs": [
                {"name": "x", "dtype": "float32", "shape": [None, 4]},
                {"name": "any", "dtype": "bytes", "shape": None},
            ],
            "outputs": [{"name": "y", "dtype": "int64", "shape": []}],
        }
    ]


def test_a_model_without_versions_tells_why() -> None:
    empty = ModelStatus("m", (), cause=Cause(Code.NOT_FOUND, "m holds nothing"))
    view = shown("/dragoman/models/m", StatusReport({"m": empty}))
    assert view["cause"] == {"code": "NOT_FOUND", "message": "m holds nothing"}


def test_a_model_that_is_not_there_is_not_found() -> None:
    with pytest.raises(DragomanError) as caught:
        shown("/dragoman/models/other", REPORT)
    assert caught.value.reason is Reason.MODEL_UNKNOWN
