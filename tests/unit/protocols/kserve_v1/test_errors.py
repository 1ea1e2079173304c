import json

import pytest

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.requests import Target
from dragoman.protocols.kserve_v1.errors import HTTP_STATUS, fail
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
    ("reason", "target", "status", "message"),
    [
        (Reason.MODEL_UNKNOWN, Target("m"), 404, "Model with name m does not exist."),
        (Reason.VERSION_UNKNOWN, Target("m", 3), 404, "Model with name m has no version 3."),
        (Reason.LABEL_UNKNOWN, Target("m", None, "l"), 404, "Model with name m has no version label l."),
        (Reason.MODEL_NOT_READY, Target("m"), 503, "Model with name m is not ready."),
        (Reason.SIGNATURE_UNKNOWN, Target("m"), 400, "as the core says"),
        (Reason.QUEUE_FULL, Target("m"), 503, "as the core says"),
    ],
)
def test_what_kserve_has_words_for_is_told_in_them(
    reason: Reason, target: Target, status: int, message: str
) -> None:
    error = DragomanError(Code.UNAVAILABLE, "as the core says", reason=reason)
    assert failed(error, target) == (status, message)


def test_before_the_request_is_read_there_is_no_model_to_name() -> None:
    assert failed(DragomanError(Code.NOT_FOUND, "no", reason=Reason.MODEL_UNKNOWN)) == (404, "no")


def test_when_to_come_back_is_told() -> None:
    error = DragomanError(Code.UNAVAILABLE, "", reason=Reason.MODEL_NOT_READY, retry_after_s=1.5)
    assert fail(Draft(Target("m")), error).headers == [(b"Retry-After", b"2")]
