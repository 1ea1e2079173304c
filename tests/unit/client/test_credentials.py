"""Who the client says it is."""

from base64 import b64encode

import pytest

from dragoman.client.address import Address, parse_address
from dragoman.client.credentials import checked_headers, credential_headers
from dragoman.client.errors import InvalidInput

PLAIN = parse_address("http://host")
WITH_USER = parse_address("http://me:pass%3Aword@host")


def header(
    address: Address = PLAIN,
    *,
    token: str | None = None,
    username: str | None = None,
    password: str | None = None,
    api_key: str | None = None,
) -> dict[str, str]:
    return dict(
        credential_headers(address, token=token, username=username, password=password, api_key=api_key)
    )


def basic(pair: str) -> dict[str, str]:
    return {"authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def test_a_stranger_says_nothing() -> None:
    assert header() == {}


def test_each_kind_of_proof_has_its_header() -> None:
    assert header(token="abc") == {"authorization": "Bearer abc"}
    assert header(api_key="abc") == {"x-api-key": "abc"}
    assert header(username="me", password="pä:ss") == basic("me:pä:ss")
    assert header(username="me") == basic("me:")


def test_the_address_s_user_counts_where_nothing_else_is_given() -> None:
    assert header(WITH_USER) == basic("me:pass:word")
    assert header(WITH_USER, token="abc") == {"authorization": "Bearer abc"}
    assert header(WITH_USER, username="you", password="x") == basic("you:x")


def test_two_proofs_are_one_too_many() -> None:
    with pytest.raises(InvalidInput, match="token and api_key"):
        header(token="a", api_key="b")
    with pytest.raises(InvalidInput, match="token and username"):
        header(token="a", username="b")


def test_what_cannot_be_said_is_refused() -> None:
    with pytest.raises(InvalidInput, match="needs a username"):
        header(password="x")
    with pytest.raises(InvalidInput, match="no colon"):
        header(username="a:b", password="x")


def test_a_refused_token_is_not_repeated() -> None:
    with pytest.raises(InvalidInput) as caught:
        header(token="secret\r\nx: y")
    assert "secret" not in str(caught.value)


def test_headers_are_lower_case_and_trimmed() -> None:
    assert checked_headers({"X-Team": " red "}) == (("x-team", "red"),)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("x y", "1", "'x y' is no header's name"),
        ("", "1", "'' is no header's name"),
        ("x:", "1", "is no header's name"),
        ("x", "1\r\ny: 2", "the value of the header 'x'"),
        ("x", "€", "the value of the header 'x'"),
        ("Content-Length", "1", "for the client to set"),
        ("HOST", "1", "for the client to set"),
        ("Inference-Header-Content-Length", "1", "for the client to set"),
    ],
)
def test_a_header_that_would_make_another_request_is_refused(name: str, value: str, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        checked_headers({name: value})
