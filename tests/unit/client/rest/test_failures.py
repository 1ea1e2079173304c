"""What an HTTP answer means that is not 200."""

import pytest

from dragoman.client.errors import BadAnswer, Code, ServerError
from dragoman.client.exchange import Answer
from dragoman.client.rest.failures import CODES, code_of, failure, retry_after
from tests.unit.client.driving import answer


def error_of(received: Answer) -> ServerError:
    error = failure(received)
    assert isinstance(error, ServerError)
    return error


@pytest.mark.parametrize(("status", "code"), CODES.items())
def test_a_status_has_its_code(status: int, code: Code) -> None:
    error = error_of(answer({"error": "why"}, status))
    assert (error.code, error.status, error.message) == (code, status, "why")


def test_any_other_status_has_the_code_of_its_family() -> None:
    assert [code_of(status) for status in (418, 502, 599)] == [
        Code.INVALID_ARGUMENT,
        Code.INTERNAL,
        Code.INTERNAL,
    ]


def test_every_code_can_come_from_some_status() -> None:
    assert set(CODES.values()) == set(Code)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"error": "no such model"}', "no such model"),
        (b'{"error": 1}', '{"error": 1}'),
        (b"<html>\n  Bad   Gateway</html>", "<html> Bad Gateway</html>"),
        (b"", "the server does not say why"),
        (b"\xff" * 10_000, "�" * 200),
    ],
)
def test_whatever_the_server_says_is_told_in_short(body: bytes, told: str) -> None:
    assert error_of(Answer(body, 500)).message == told


def test_a_redirection_says_where_to() -> None:
    error = failure(Answer(b"", 307, {"location": "https://there"}))
    assert isinstance(error, BadAnswer)
    assert "307" in str(error)
    assert "https://there" in str(error)


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "-7"}, None),
        ({"retry-after": "soon"}, None),
        (
            {
                "retry-after": "Fri, 31 Dec 1999 23:59:59 GMT",
                "date": "Fri, 31 Dec 1999 23:59:29 GMT",
            },
            30,
        ),
        (
            {
                "retry-after": "Fri, 31 Dec 1999 23:59:29 GMT",
                "date": "Fri, 31 Dec 1999 23:59:59 GMT",
            },
            0,
        ),
        ({"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT"}, None),
        ({"retry-after": "Fri, 31 Dec 1999 23:59:59", "date": "Fri, 31 Dec 1999 23:59:29 GMT"}, None),
    ],
)
def test_retry_after_is_read_in_both_its_forms(headers: dict[str, str], wait_s: float | None) -> None:
    assert retry_after(headers) == wait_s
    assert error_of(Answer(b"", 503, headers)).retry_after_s == wait_s
