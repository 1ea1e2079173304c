import json
from typing import Final

import pytest

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.requests import Target
from dragoman.core.status import ModelStatus, State, StatusReport, VersionStatus
from dragoman.protocols.tfs import PROTOCOL
from dragoman.protocols.tfs.errors import HTTP_STATUS, fail_examples, fail_predict
from dragoman.wire.http_errors import answer_error
from dragoman.wire.messages import WireResponse
from dragoman.wire.operation import Draft
from tests.unit.protocols.tfs.reference import Codec

STRICT: Final = Codec("tfserving")
SUPERSET: Final = Codec("superset")


def message(response: WireResponse) -> str:
    document = json.loads(bytes(response.body))
    assert list(document) == ["error"]
    text: str = document["error"]
    return text


def test_every_code_has_a_number() -> None:
    assert HTTP_STATUS.keys() == set(Code)


@pytest.mark.parametrize("code", Code)
def test_an_error_is_an_object_with_one_text(code: Code) -> None:
    response = answer_error(DragomanError(code, 'what "happened"'))
    assert (response.status, message(response)) == (HTTP_STATUS[code], 'what "happened"')
    assert response.content_type == b"application/json"


def test_a_message_may_hold_what_is_no_text() -> None:
    assert message(answer_error(DragomanError(Code.NOT_FOUND, "\udcff\0"))) == "?\0"


def test_when_to_come_back_is_a_whole_number_of_seconds() -> None:
    error = DragomanError(Code.UNAVAILABLE, "full", reason=Reason.QUEUE_FULL, retry_after_s=0.2)
    assert answer_error(error).headers == [(b"Retry-After", b"1")]


def test_a_full_queue_is_unavailable_as_in_the_reference() -> None:
    error = DragomanError(Code.RESOURCE_EXHAUSTED, "full", reason=Reason.QUEUE_FULL)
    assert answer_error(error).status == 503


@pytest.mark.parametrize("fail", [fail_predict, fail_examples])
def test_a_model_that_is_not_ready_is_not_found_only_in_the_strict_dialect(fail: object) -> None:
    assert callable(fail)
    error = DragomanError(Code.UNAVAILABLE, "m is loading", reason=Reason.MODEL_NOT_READY, retry_after_s=2)
    draft = Draft(Target("m"))
    strict = fail(False, draft, error)
    assert (strict.status, message(strict)) == (404, "Servable not found for request: Latest(m)")
    union = fail(True, draft, error)
    assert (union.status, message(union), union.headers) == (503, "m is loading", [(b"Retry-After", b"2")])


def test_an_error_before_there_is_a_draft_keeps_its_words() -> None:
    error = DragomanError(Code.NOT_FOUND, "no", reason=Reason.MODEL_UNKNOWN)
    assert message(fail_predict(False, None, error)) == "no"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/models/m/foo"),
        ("GET", "/v1/models/m/metadata/"),
        ("GET", "/v1/models/"),
        ("POST", "/v1/models/m"),
        ("POST", "/v1/models/m:foo"),
        ("POST", "/v1/models/m/versions/-1:predict"),
        ("POST", "/v1/models/m/versions/1/labels/x:predict"),
        ("PUT", "/v1/models/m"),
        ("DELETE", "/v1/models/m"),
        ("BREW", "/v1/models/m"),
    ],
)
@pytest.mark.parametrize("codec", [STRICT, SUPERSET])
def test_what_fits_no_route_of_a_model_is_malformed(codec: Codec, method: str, path: str) -> None:
    response = codec.answer(method, path)
    assert (response.status, message(response)) == (400, f"Malformed request: {method} {path}")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_method_word_takes_post_alone(method: str) -> None:
    path = "/v1/models/m:predict"
    assert message(STRICT.answer(method, path)) == f"Malformed request: {method} {path}"
    response = SUPERSET.answer(method, path)
    assert (response.status, response.headers) == (405, [(b"Allow", b"POST")])


def test_elsewhere_under_v1_the_strict_dialect_knows_no_404() -> None:
    assert message(STRICT.answer("GET", "/v1/foo")) == "Malformed request: GET /v1/foo"
    assert message(STRICT.answer("HEAD", "/v1/foo")) == "Malformed request: HEAD /v1/foo"
    assert SUPERSET.answer("GET", "/v1/foo").status == 404


@pytest.mark.parametrize("path", ["/", "/v1", "/v2/health/ready", "/foo"])
def test_outside_v1_the_strict_dialect_answers_with_a_page(path: str) -> None:
    response = STRICT.answer("GET", path)
    assert (response.status, response.content_type) == (404, b"text/html")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://a.example"}, 200),
        ({"origin": "https://a.example"}, 200),
        ({"Origin": "null"}, 400),
        ({}, 400),
    ],
)
def test_options_is_answered_by_origin_and_without_a_body(headers: dict[str, str], status: int) -> None:
    response = STRICT.answer("OPTIONS", "/v1/anything/at/all", headers=headers)
    assert (response.status, response.body) == (status, b"")


def test_a_request_that_is_refused_early_has_the_protocols_form() -> None:
    _, wire = STRICT.request("POST", "/v1/models/m:predict")
    response = PROTOCOL.refuse(wire, DragomanError(Code.TOO_LARGE, "too large"))
    assert (response.status, message(response)) == (413, "too large")


def test_every_path_is_answered_in_words_of_any_case() -> None:
    report = StatusReport({"M": ModelStatus("M", (VersionStatus(1, State.READY),))})
    codec = Codec("superset", report)
    assert codec.answer("GET", "/V1/MODELS/M/VERSIONS/1").status == 200
    assert codec.answer("GET", "/v1/models/m").status == 404
