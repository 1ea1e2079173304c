import json
from typing import Any, Final

import pytest

from dragoman.core.status import ModelStatus, State, StatusReport, VersionStatus
from dragoman.wire.operation import StatusOperation
from tests.unit.protocols.kserve_v1.reference import codec, get, protocol

REPORT: Final = StatusReport(
    {
        "empty": ModelStatus("empty", ()),
        "m": ModelStatus(
            "m", (VersionStatus(1, State.READY), VersionStatus(2, State.LOADING)), {"stable": 1, "next": 2}
        ),
        "slow": ModelStatus("slow", (VersionStatus(1, State.LOADING),)),
    }
)
STRICT: Final = codec(report=REPORT)


@pytest.mark.parametrize("dialect", ["kserve", "superset"])
def test_the_server_is_alive(dialect: str) -> None:
    assert get(codec(dialect), "/") == (200, {"status": "alive"})


def test_liveness_asks_nobody_who_they_are() -> None:
    route = next(route for route in protocol().routes["kserve"] if route.template == "/")
    assert isinstance(route.operation, StatusOperation)
    assert route.operation.permission is None


def test_models_are_listed_by_name() -> None:
    assert get(STRICT, "/v1/models") == (200, {"models": ["empty", "m", "slow"]})


@pytest.mark.parametrize("path", ["m", "m/versions/1", "m/labels/stable"])
def test_what_serves_is_ready(path: str) -> None:
    assert get(STRICT, f"/v1/models/{path}") == (200, {"name": "m", "ready": True})


@pytest.mark.parametrize("path", ["slow", "empty", "m/versions/2", "m/labels/next"])
def test_what_does_not_serve_is_unavailable(path: str) -> None:
    name = path.partition("/")[0]
    assert get(STRICT, f"/v1/models/{path}") == (503, {"error": f"Model with name {name} is not ready."})


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nope", "Model with name nope does not exist."),
        ("a%20b", "Model with name a b does not exist."),
        ("m/versions/7", "Model with name m has no version 7."),
        ("m/versions/0", "Model with name m has no version 0."),
        ("m/labels/old", "Model with name m has no version label old."),
    ],
)
def test_what_there_is_not_is_not_found(path: str, message: str) -> None:
    assert get(STRICT, f"/v1/models/{path}") == (404, {"error": message})


UNSERVED: Final[list[tuple[str, str, int, str]]] = [
    ("GET", "/v1/models/m:predict", 405, "GET is not allowed here; allowed: POST"),
    ("POST", "/v1/models/m:classify", 404, "Not Found"),
    ("GET", "/v1/models/m/metadata", 404, "Not Found"),
    ("GET", "/v1/nothing", 404, "Not Found"),
]


@pytest.mark.parametrize(("method", "path", "status", "message"), UNSERVED)
def test_what_kserve_does_not_serve_is_refused_in_its_form(
    method: str, path: str, status: int, message: str
) -> None:
    response = STRICT.answer(method, path)
    answered: tuple[int, Any] = (response.status, json.loads(bytes(response.body)))
    assert answered == (status, {"error": message})
