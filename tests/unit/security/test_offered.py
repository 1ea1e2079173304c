"""What callers send to prove who they are."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import Code, DragomanError
from dragoman.security.offered import Password, Token, find_offered, read_offered, token_digest


def offer(*headers: tuple[bytes, bytes]) -> Password | Token:
    return read_offered(find_offered(headers))


def basic(text: bytes) -> tuple[bytes, bytes]:
    return b"Authorization", b"Basic " + base64.b64encode(text)


def test_the_founding_documents_header_is_read() -> None:
    found = offer((b"Authorization", b"Basic cGluZWFwcGxlOmZhbmF0aWM="))
    assert found == Password("pineapple", b"fanatic")


@pytest.mark.parametrize("value", [b"basic ", b"BASIC   ", b"  Basic "])
def test_scheme_and_blanks_are_taken_as_they_come(value: bytes) -> None:
    assert offer((b"authorization", value + base64.b64encode(b"u:p"))) == Password("u", b"p")


def test_a_password_may_have_colons_and_be_empty() -> None:
    assert offer(basic(b"u:a:b")) == Password("u", b"a:b")
    assert offer(basic(b"u:")) == Password("u", b"")


def test_text_is_utf_8_and_latin_1_where_it_is_not() -> None:
    assert (
        offer(basic("ü:ß".encode())) == offer(basic("ü:ß".encode("latin-1"))) == Password("ü", "ß".encode())
    )


def test_tokens_come_as_bearer_or_api_key() -> None:
    token = Token(token_digest(b"t"))
    assert offer((b"AUTHORIZATION", b"Bearer t")) == token
    assert offer((b"X-API-Key", b" t ")) == token
    assert offer((b"x-api-key", b"other"), (b"authorization", b"bearer t")) == token


def test_other_headers_are_passed_over() -> None:
    assert find_offered([(b"Host", b"a"), (b"X-Api-Kez", b"b"), (b"Authorisation", b"c")]) == []


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b"Basic", "not user:password"),
        (b"Basic !!!", "not base64"),
        (b"Basic cGluZWFwcGxlOmZhbmF0aWM", "not base64"),
        (b"Basic \xff\xfe", "not base64"),
        (b"Basic " + base64.b64encode(b"nocolon"), "not user:password"),
        (b"Digest username=x", "not Basic or Bearer"),
        (b"", "not Basic or Bearer"),
    ],
)
def test_a_header_that_cannot_be_read_is_refused_without_being_repeated(value: bytes, said: str) -> None:
    with pytest.raises(DragomanError, match=said) as caught:
        offer((b"Authorization", value))
    assert caught.value.code is Code.UNAUTHENTICATED
    assert "nocolon" not in caught.value.message


def test_two_authorization_headers_are_refused() -> None:
    with pytest.raises(DragomanError, match="more than one"):
        offer(basic(b"a:b"), basic(b"c:d"))


@given(st.lists(st.tuples(st.sampled_from([b"Authorization", b"x-api-key"]), st.binary()), min_size=1))
def test_whatever_is_sent_is_read_or_refused(headers: list[tuple[bytes, bytes]]) -> None:
    try:
        found = offer(*headers)
    except DragomanError as error:
        assert error.code is Code.UNAUTHENTICATED  # noqa: PT017 (either will do)
    else:
        assert isinstance(found, Password | Token)


def test_a_password_is_not_printed() -> None:
    assert "fanatic" not in repr(offer(basic(b"pineapple:fanatic")))
