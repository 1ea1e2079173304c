"""The URLs of other servers."""

import pytest

from dragoman.settings.external import origin_of


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://10.1.0.7:8000/deployments/half_plus_two", "http://10.1.0.7:8000"),
        ("HTTPS://Api.Example.com/Tasks/v1", "https://api.example.com"),
        ("https://api.example.com:443/k", "https://api.example.com"),
        ("http://[::1]:80/", "http://[::1]"),
        ("http://host/caf\u00e9", None),
        ("http://host/\u017f", None),
        ("http://host/a b", None),
        ("http://host/a?b", None),
        ("http://host/a\\b", None),
        ("http://user@host/", None),
        ("ftp://host", None),
    ],
)
def test_the_origin_of_a_url_is_that_of_the_server(url: str, origin: str | None) -> None:
    assert origin_of(url) == origin
