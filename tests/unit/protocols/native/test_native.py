"""dragoman's own paths."""

import json

import pytest

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.signatures import Signature
from dragoman.core.status import Cause, ModelStatus, State, StatusReport, VersionStatus
from dragoman.protocols.native import PROTOCOL
from dragoman.protocols.native.errors import HTTP_STATUS, fail, refuse
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import StatusOperation

SIGNATURES = {"serving_default": Signature("serving_default", {}, {})}
READY = VersionStatus(2, State.READY, "onnx", signatures=SIGNATURES)
FAILED = VersionStatus(
    1, State.FAILED, "onnx", Cause(Code.INTERNAL, "model.onnx is cut short"), name="1.0-rc1"
)
LOADING = VersionStatus(1, State.LOADING)


def report(**models: VersionStatus) -> StatusReport:
    return StatusReport({name: ModelStatus(name, (version,)) for name, version in models.items()})


def get(path: str, state: StatusReport) -> WireResponse:
    route = next(route for route in PROTOCOL.routes["superset"] if route.template == path)
    assert isinstance(route.operation, StatusOperation)
    return route.operation.answer(WireRequest("GET", path, "", [], b""), state)


def test_health_is_about_the_process_not_the_models() -> None:
    assert get("/healthz", report(bad=FAILED)).status == 200


@pytest.mark.parametrize(
    ("models", "status", "body"),
    [
        ({}, 200, {"ready": True, "loading": [], "failed": []}),
        ({"a": READY}, 200, {"ready": True, "loading": [], "failed": []}),
        ({"a": READY, "b": LOADING}, 503, {"ready": False, "loading": ["b"], "failed": []}),
        ({"a": READY, "b": FAILED}, 200, {"ready": True, "loading": [], "failed": ["b"]}),
        ({"b": FAILED}, 503, {"ready": False, "loading": [], "failed": ["b"]}),
    ],
)
def test_readiness_waits_for_loading_models_and_not_for_broken_ones(
    models: dict[str, VersionStatus], status: int, body: dict[str, object]
) -> None:
    answer = get("/readyz", report(**models))
    assert (answer.status, json.loads(answer.body)) == (status, body)


def test_the_table_of_models_tells_state_engine_cause_and_signatures() -> None:
    state = StatusReport({"m": ModelStatus("m", (FAILED, READY), {"stable": 2})})
    failed = {"code": "INTERNAL", "message": "model.onnx is cut short"}
    assert json.loads(get("/dragoman/models", state).body) == {
        "models": [
            {
                "name": "m",
                "labels": {"stable": 2},
                "cause": None,
                "notes": [],
                "versions": [
                    {
                        "version": 1,
                        "name": "1.0-rc1",
                        "state": "failed",
                        "engine": "onnx",
                        "cause": failed,
                        "signatures": [],
                    },
                    {
                        "version": 2,
                        "name": None,
                        "state": "ready",
                        "engine": "onnx",
                        "cause": None,
                        "signatures": ["serving_default"],
                    },
                ],
            }
        ]
    }


def test_every_code_has_a_number() -> None:
    assert set(HTTP_STATUS) == set(Code)


def test_an_error_is_an_object_with_its_message() -> None:
    answer = fail(None, DragomanError(Code.NOT_FOUND, "no model m"))
    assert (answer.status, json.loads(answer.body)) == (404, {"error": "no model m"})


def test_a_known_path_under_another_method_is_405() -> None:
    error = DragomanError(Code.NOT_FOUND, "no", reason=Reason.METHOD_NOT_ALLOWED)
    assert refuse(WireRequest("PUT", "/healthz", "", [], b""), error).status == 405
