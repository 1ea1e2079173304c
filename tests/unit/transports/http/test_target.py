"""Request targets."""

import pytest

from dragoman.transports.http.target import split_target

TARGETS = [
    (b"/", ("/", "")),
    (b"/a%2Fb/../c", ("/a%2Fb/../c", "")),
    (b"/a?b=c?d", ("/a", "b=c?d")),
    (b"//host/a", ("//host/a", "")),
    (b"*", ("*", "")),
    (b"", ("", "")),
    (b"http://host:80/a?b", ("/a", "b")),
    (b"http://host", ("/", "")),
    (b"http://host?b=/c", ("/", "b=/c")),
    (b"/a?u=http://h/p", ("/a", "u=http://h/p")),
]


@pytest.mark.parametrize(("target", "parts"), TARGETS)
def test_a_target_is_split_raw(target, parts):
    assert split_target(target) == parts
