"""What answers have beside their bodies, what describes the protocol, and how the server is."""

import json
import re
import uuid
from typing import Any

import pytest
from msgspec.structs import replace
from openapi_spec_validator import OpenAPIV30SpecValidator

from dragoman.assembly.builtin import protocols
from dragoman.assembly.collisions import ARBITERS
from dragoman.assembly.cors import HEADERS, readable_by_pages
from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import PayloadRequest
from dragoman.core.responses import Chunk, PayloadResponse
from dragoman.core.status import ModelStatus, State, StatusReport, VersionStatus, WorkersStatus
from dragoman.protocols.torchserve.answers import Manner
from dragoman.protocols.torchserve.errors import answer_error, refuse
from dragoman.settings.limits import Limits
from dragoman.transports.http.router import Router
from dragoman.wire.messages import WireRequest
from tests.unit.protocols.torchserve.scene import READS, Answer, Parts, Served

NOBODY = WireRequest("", "", "", [], b"")
FIXED = {
    "pragma": "no-cache",
    "cache-control": "no-cache; no-store, must-revalidate, private",
    "expires": "Thu, 01 Jan 1970 00:00:00 UTC",
}
NO_ROUTE = {
    "code": 404,
    "type": "ResourceNotFoundException",
    "message": "Requested resource is not found, please refer to API document.",
}
NO_METHOD = {
    "code": 405,
    "type": "MethodNotAllowedException",
    "message": "Requested method is not allowed, please refer to API document.",
}


def echo(request: PayloadRequest) -> Parts:
    return PayloadResponse(bytes(request.parts[0].data))


@pytest.fixture
def strict() -> Served:
    return Served({"echo": echo})


def document(answer: Answer) -> Any:
    return json.loads(answer.body)


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", "/ping", 200), ("POST", "/predictions/echo", 200), ("OPTIONS", "/", 200),
    ("POST", "/predictions/nope", 404), ("GET", "/nothere", 404), ("GET", "/", 405),
])  # fmt: skip
def test_every_answer_of_its_own_listener_has_what_the_references_have(
    strict: Served, method: str, path: str, status: int
) -> None:
    answer = strict.ask(method, path, "x", {"X-Request-Id": "mine"})
    assert answer.status == status
    assert {name: answer.headers[name] for name in FIXED} == FIXED
    assert uuid.UUID(answer.headers["x-request-id"])
    assert answer.headers["content-length"] == str(len(answer.body))
    assert (answer.headers["connection"], answer.open) == (
        ("keep-alive", True) if status < 400 else ("close", False)
    )


def test_the_default_listener_says_nothing_beside_them() -> None:
    answer = Served({"echo": echo}, "superset").ask("POST", "/predictions/echo", "x")
    assert answer.headers.keys() == {"content-length"}


def test_json_of_the_servers_own_is_indented_and_ends_with_a_line(strict: Served) -> None:
    assert strict.ask("GET", "/ping").body == b'{\n  "status": "Healthy"\n}\n'


@pytest.mark.parametrize(("method", "path", "told"), [
    ("GET", "/nothere", NO_ROUTE), ("POST", "/predictions", NO_ROUTE), ("POST", "/predictions/", NO_ROUTE),
    ("GET", "/PING", NO_ROUTE), ("POST", "/", NO_METHOD), ("OPTIONS", "/models/echo/invoke", NO_METHOD),
    ("POST", "/v2/health/live", NO_METHOD),
])  # fmt: skip
def test_what_is_no_route_is_told_in_the_references_words_everywhere(
    strict: Served, method: str, path: str, told: dict[str, Any]
) -> None:
    assert document(strict.ask(method, path, "x")) == told


def test_the_default_listener_tells_so_of_its_paths_alone() -> None:
    served = Served({"echo": echo}, "superset")
    assert document(served.ask("POST", "/predictions", "x")) == NO_ROUTE
    assert document(served.ask("POST", "/v2/nothere", "x")) == {"error": "Not Found"}
    assert document(served.ask("GET", "/nothere")) == {"error": "no such route"}


def test_what_is_no_http_is_told_in_the_references_words(strict: Served) -> None:
    long = b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"
    for data in (b"GET /ping HTTP/1.1\r\n\r\n", b"GET /ping HTTP/2.0\r\nHost: x\r\n\r\n", long):
        answer = strict.send(data)
        assert answer.status == 400
    assert document(answer) == {
        "code": 400,
        "type": "BadRequestException",
        "message": "Invalid HTTP message.",
    }
    assert {name: answer.headers[name] for name in FIXED} == FIXED
    kinder = refuse(Manner(strict=False), NOBODY, DragomanError(Code.INVALID_ARGUMENT, "host is missing"))
    assert json.loads(bytes(kinder.body))["message"] == "host is missing"


def test_elsewhere_it_is_told_with_its_own_number() -> None:
    long = b"GET /predictions/" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = Served({"echo": echo}, "superset").send(long)
    assert (answer.status, document(answer)["code"], document(answer)["type"]) == (
        414,
        414,
        "BadRequestException",
    )


def test_a_body_beyond_the_limit_is_a_bare_413(strict: Served) -> None:
    head = b"POST /predictions/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n"
    answer = strict.send(head)
    assert (answer.status, answer.body) == (413, b"")
    assert "content-type" not in answer.headers


def test_a_key_that_is_missing_is_400_where_the_reference_says_so() -> None:
    error = DragomanError(Code.UNAUTHENTICATED, "who are you?")
    found = {strict: answer_error(Manner(strict=strict), error) for strict in (True, False)}
    assert [found[True].status, found[False].status] == [400, 401]
    assert json.loads(bytes(found[True].body)) == {
        "code": 400,
        "type": "InvalidKeyException",
        "message": "Token Authorization failed. Token either incorrect, expired, or not provided correctly",
    }
    assert json.loads(bytes(found[False].body))["message"] == "who are you?"


# Ping and readiness


def version(state: State, healthy: int | None = None, minimum: int = 1) -> VersionStatus:
    made = VersionStatus(1, state)
    return made if healthy is None else replace(made, workers=lambda: WorkersStatus(minimum, 4, healthy))


@pytest.mark.parametrize(("versions", "healthy"), [
    ([], True),
    ([version(State.READY)], True),
    ([version(State.LOADING)], True),
    ([version(State.GONE)], True),
    ([version(State.FAILED)], False),
    ([version(State.FAILED), replace(version(State.READY), version=2)], True),
    ([version(State.READY, 1)], True),
    ([version(State.READY, 0)], False),
    ([version(State.READY, 1, minimum=2)], False),
    ([version(State.READY, 0, minimum=0)], True),
])  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
def test_ping_tells_whether_every_model_has_the_workers_that_it_needs(
    versions: list[VersionStatus], healthy: bool, method: str
) -> None:
    served = Served({"echo": echo})
    served.models.report = StatusReport({"m": ModelStatus("m", tuple(versions))})
    for path in ("/ping", "/ping/", "/ping/more/of/it"):
        answer = served.ask(method, path)
        assert answer.status == (200 if healthy else 500)
        assert document(answer) == {"status": "Healthy" if healthy else "Unhealthy"}


def test_readiness_of_a_model_is_kserves(strict: Served) -> None:
    assert document(strict.ask("GET", "/v1/models/echo")) == {"name": "echo", "ready": True}
    strict.models.report = StatusReport({"echo": ModelStatus("echo", (version(State.LOADING),))})
    assert document(strict.ask("GET", "/v1/models/echo")) == {"name": "echo", "ready": False}
    assert document(strict.ask("GET", "/v1/models/nope"))["message"] == "Model not found: nope"


# The description


REFERENCE_PATHS = [
    "/", "/ping", "/v1/models/{model_name}:predict", "/v2/models/{model_name}/infer",
    "/predictions/{model_name}", "/predictions/{model_name}/{model_version}", "/api-description", "/metrics",
]  # fmt: skip


@pytest.mark.parametrize("dialect", ["torchserve", "superset"])
def test_the_protocol_describes_itself(dialect: str) -> None:
    served = Served({"echo": echo}, dialect)
    answers = [served.ask("OPTIONS", "/"), served.ask("GET", "/api-description"),
               served.ask("POST", "/api-description/")]  # fmt: skip
    assert {answer.body for answer in answers} == {answers[0].body}
    found = document(answers[0])
    assert (found["openapi"], found["info"]["title"]) == ("3.0.1", "TorchServe APIs")
    assert [path for path in found["paths"] if path in REFERENCE_PATHS] == REFERENCE_PATHS
    OpenAPIV30SpecValidator(found).validate()


MATRIX = {"type": "array", "items": {"type": "array", "items": {"type": "number"}}}


@pytest.mark.parametrize(
    ("model", "properties"), [("echo", None), ("two_out", {"x": MATRIX}), ("mixed", None)]
)
def test_a_model_is_described(model: str, properties: Any) -> None:
    served = Served({"echo": echo}, reference=["two_out", "mixed"])
    for path in (f"/predictions/{model}", f"/predictions/{model}/1.0", f"/predictions/{model}/"):
        found = document(served.ask("OPTIONS", path))
        OpenAPIV30SpecValidator(found).validate()
        assert found["info"] == {"title": f"RESTful API for: {model}", "version": "1.0.0"}
        assert {path.rstrip("/"), f"/prediction/{model}"} <= found["paths"].keys()
        body = found["paths"][path.rstrip("/")]["post"]["requestBody"]["content"]
        if properties is not None:
            assert body["application/json"]["schema"]["properties"] == properties


def test_names_of_operations_are_used_once(strict: Served) -> None:
    for path in ("/", "/predictions/echo"):
        text = strict.ask("OPTIONS", path).body.decode()
        names = re.findall(r'"operationId": "(\w+)"', text)
        assert names
        assert len(set(names)) == len(names)


@pytest.mark.parametrize(("path", "kind"), [
    ("nope", "ModelNotFoundException"), ("echo/9.9", "ModelVersionNotFoundException"),
])  # fmt: skip
def test_what_there_is_not_is_not_described(strict: Served, path: str, kind: str) -> None:
    answer = strict.ask("OPTIONS", f"/predictions/{path}")
    assert (answer.status, document(answer)["type"]) == (404, kind)


def test_a_preflight_of_a_web_page_to_the_root_gets_the_description_and_may_go_on() -> None:
    router = Router(readable_by_pages(protocols(), HEADERS), "superset", ARBITERS)
    operation, _ = router.match("OPTIONS", "/")
    answer = operation.answer(WireRequest("OPTIONS", "/", "", [], b""), StatusReport())
    assert answer.status == 200
    assert dict(answer.headers)[b"Access-Control-Allow-Origin"] == b"*"


def test_a_web_page_may_read_a_stream() -> None:
    router = Router(readable_by_pages(protocols(), HEADERS), "superset", ARBITERS)
    operation, params = router.match("POST", "/predictions/m")
    draft = operation.parse(WireRequest("POST", "/predictions/m", "", [], b"x", params), Limits())
    operation.bind(draft, READS)
    encoder = operation.stream(draft)
    head = encoder.head(Chunk(payload=PayloadResponse(b"a")))
    assert dict(head.headers)[b"Access-Control-Allow-Origin"] == b"*"
    assert encoder.chunk(Chunk(payload=PayloadResponse(b"a"))) == b"a"
    assert encoder.end() is None
    assert encoder.fail(DragomanError(Code.INTERNAL, "no")).status == 500
