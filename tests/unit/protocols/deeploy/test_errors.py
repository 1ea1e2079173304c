"""How failures are worded."""

import json

import pytest

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.requests import Target
from dragoman.protocols.deeploy.errors import HTTP_STATUS, fail, refuse
from dragoman.wire.messages import WireRequest
from dragoman.wire.operation import Draft


def failed(error: DragomanError, target: Target | None = None) -> tuple[int, str]:
    response = fail(None if target is None else Draft(target), error)
    return response.status, json.loads(bytes(response.body))["error"]


@pytest.mark.parametrize("code", Code)
def test_an_error_is_an_object_with_one_text(code: Code) -> None:
    assert failed(DragomanError(code, 'what "happened"'), Target("m")) == (
        HTTP_STATUS[code],
        'what "happened"',
    )


@pytest.mark.parametrize(
    ("code", "reason", "target", "status", "said"),
    [
        (Code.NOT_FOUND, Reason.MODEL_UNKNOWN, Target("m"), 404, "There is no deployment 'm', and no model"),
        (Code.INVALID_ARGUMENT, Reason.MODEL_UNKNOWN, Target(""), 400, "as the core says; a path such as"),
        (Code.NOT_FOUND, Reason.VERSION_UNKNOWN, Target("m", 3), 404, "Model with name m has no version 3."),
        (Code.UNAVAILABLE, Reason.MODEL_NOT_READY, Target("m"), 503, "Model with name m is not ready."),
        (Code.RESOURCE_EXHAUSTED, Reason.QUEUE_FULL, Target("m"), 503, "as the core says"),
    ],
)
def test_what_is_missing_is_named(code: Code, reason: Reason, target: Target, status: int, said: str) -> None:
    found, message = failed(DragomanError(code, "as the core says", reason=reason), target)
    assert found == status
    assert message.startswith(said)


def test_before_the_request_is_read_the_error_stands_as_it_is() -> None:
    assert failed(DragomanError(Code.NOT_FOUND, "no", reason=Reason.MODEL_UNKNOWN)) == (404, "no")


def test_a_path_that_is_not_there_is_answered_by_those_that_are() -> None:
    wire = WireRequest("GET", "", "", [], b"")
    answer = refuse(wire, DragomanError(Code.NOT_FOUND, "no such route", reason=Reason.ROUTE_UNKNOWN))
    assert answer.status == 404
    assert b"predict, explain, completions" in bytes(answer.body)
    answer = refuse(wire, DragomanError(Code.UNIMPLEMENTED, "x", reason=Reason.METHOD_NOT_ALLOWED))
    assert (answer.status, answer.body) == (405, b'{"error":"x"}')
