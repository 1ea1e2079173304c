"""Where a server is."""

import pytest

from dragoman.client.address import parse_address
from dragoman.client.errors import InvalidInput


@pytest.mark.parametrize(
    ("url", "authority", "prefix", "shown"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1:8000", "", "http://127.0.0.1:8000"),
        ("http://host", "host:80", "", "http://host:80"),
        ("https://host/", "host:443", "", "https://host:443"),
        (
            "https://host:1/model-serving/abc/",
            "host:1",
            "/model-serving/abc",
            "https://host:1/model-serving/abc",
        ),
        ("grpc://host", "host:8001", "", "grpc://host:8001"),
        ("grpcs://[::1]:9", "[::1]:9", "", "grpcs://[::1]:9"),
        ("HTTP://Host:8000", "host:8000", "", "http://host:8000"),
    ],
)
def test_an_address_is_taken_apart(url: str, authority: str, prefix: str, shown: str) -> None:
    address = parse_address(url)
    assert (address.authority, address.prefix, address.shown) == (authority, prefix, shown)
    assert address.is_grpc == url.startswith("grpc")
    assert address.is_secure == url.partition(":")[0].endswith("s")


def test_the_user_and_the_password_are_decoded_and_never_shown() -> None:
    address = parse_address("http://pineapple:fan%40tic@host:8000")
    assert (address.username, address.password) == ("pineapple", "fan@tic")
    assert address.shown == "http://host:8000"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("127.0.0.1:8000", "127.0.0.1:8000"),
        ("ftp://host", "host"),
        ("http://", "http://"),
        ("http://host:port", "port"),
        ("http://host:70000", "range"),
        ("http://host/a?b", "no '?'"),
        ("http://host/a b", "no blanks"),
        ("http://host/a\r\nx: y", "no blanks"),
        ("http://hóst", "ASCII"),
        ("grpc://host/prefix", "'/prefix'"),
        ("", "''"),
    ],
)
def test_what_is_no_address_is_refused_with_the_reason(url: str, told: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_address(url)
    assert told in str(caught.value)
    assert "http(s)://" in str(caught.value)


def test_a_refusal_does_not_repeat_a_password() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_address("ftp://user:secret@host")
    assert "secret" not in str(caught.value)
