import json
from typing import Final

import pytest

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.requests import Target
from dragoman.protocols.kserve_v2.errors import HTTP_STATUS, answer_error, fail, grpc_error
from dragoman.wire.grpc_errors import GRPC_STATUS
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import Draft
from tests.unit.protocols.kserve_v2.protocol import PROTOCOL
from tests.unit.protocols.tfs.reference import REPORT, Codec

CODEC: Final = Codec("superset", REPORT, PROTOCOL)


def message(response: WireResponse) -> str:
    document = json.loads(bytes(response.body))
    assert list(document) == ["error"]
    text: str = document["error"]
    return text


@pytest.mark.parametrize("code", Code)
def test_an_error_is_an_object_with_one_text(code: Code) -> None:
    response = answer_error(DragomanError(code, 'what "happened"'))
    assert (response.status, message(response)) == (HTTP_STATUS[code], 'what "happened"')
    assert response.content_type == b"application/json"


@pytest.mark.parametrize("code", Code)
def test_an_error_over_grpc_is_a_status_with_the_same_text(code: Code) -> None:
    response = grpc_error(DragomanError(code, "what happened"))
    assert (response.status, response.message) == (GRPC_STATUS[code], "what happened")


def test_a_message_may_hold_what_is_no_text() -> None:
    assert message(answer_error(DragomanError(Code.NOT_FOUND, "\udcff\0"))) == "?\0"


@pytest.mark.parametrize(("wait_s", "told"), [(None, b"1"), (0.2, b"1"), (3.1, b"4")])
def test_what_is_unavailable_says_when_to_come_back(wait_s: float | None, told: bytes) -> None:
    error = DragomanError(Code.UNAVAILABLE, "loading", retry_after_s=wait_s)
    assert answer_error(error).headers == [(b"Retry-After", told)]


def test_a_full_queue_is_unavailable() -> None:
    error = DragomanError(Code.RESOURCE_EXHAUSTED, "full", reason=Reason.QUEUE_FULL)
    response = answer_error(error)
    assert (response.status, response.headers) == (503, [(b"Retry-After", b"1")])
    assert grpc_error(error).status == GRPC_STATUS[Code.UNAVAILABLE]


def test_a_full_queue_is_told_in_the_words_that_clients_look_for() -> None:
    error = DragomanError(Code.RESOURCE_EXHAUSTED, "9 wait", reason=Reason.QUEUE_FULL, retry_after_s=2.0)
    told = fail(Draft(Target("m")), error)
    assert (told.status, message(told)) == (503, "Exceeds maximum queue size: 9 wait")
    assert told.headers == [(b"Retry-After", b"2")]


def test_an_unknown_encoding_is_told_those_that_are_known() -> None:
    error = DragomanError(Code.UNIMPLEMENTED, "br is not known", reason=Reason.ENCODING_UNKNOWN)
    response = answer_error(error)
    assert (response.status, response.headers) == (415, [(b"Accept-Encoding", b"gzip, deflate")])


def test_an_unknown_model_and_an_unknown_version_are_worded_as_clients_look_for_them() -> None:
    model = DragomanError(Code.NOT_FOUND, "?", reason=Reason.MODEL_UNKNOWN)
    version = DragomanError(Code.NOT_FOUND, "?", reason=Reason.VERSION_UNKNOWN)
    assert message(fail(Draft(Target("m")), model)) == "Request for unknown model: 'm' is not found"
    told = fail(Draft(Target("m", 9)), version)
    assert (told.status, message(told)) == (404, "Request for unknown model: 'm' version 9 is not found")
    assert message(fail(None, model)) == "?"


@pytest.mark.parametrize("path", ["/v2/nothing", "/v2/models/m/versions/1/2", "/v2/models/"])
def test_an_unknown_path_is_not_found(path: str) -> None:
    response = CODEC.answer("GET", path)
    assert (response.status, message(response)) == (404, "Not Found")


@pytest.mark.parametrize("path", ["", "/ready", "/config", "/stats", "/docs"])
@pytest.mark.parametrize("word", ["abc", "-1", "1.0", "%31"])
def test_a_word_for_a_version_is_an_unknown_version(path: str, word: str) -> None:
    response = CODEC.answer("GET", f"/v2/models/half_plus_two/versions/{word}{path}")
    told = f"Request for unknown model: 'half_plus_two' version {word} is not found"
    assert (response.status, message(response)) == (404, told)


def test_a_wrong_verb_is_told_the_right_one() -> None:
    response = CODEC.answer("POST", "/v2/health/live")
    assert (response.status, response.headers) == (405, [(b"Allow", b"GET, HEAD")])
    assert "POST is not allowed here" in message(response)


def test_a_body_that_is_too_large_is_told_so() -> None:
    error = DragomanError(Code.TOO_LARGE, "too large")
    response = PROTOCOL.refuse(WireRequest("POST", "/v2/models/m/infer", "", [], b""), error)
    assert (response.status, message(response)) == (413, "too large")
