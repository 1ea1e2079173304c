"""What is read of another server's answers, and of its URL."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import DragomanError
from dragoman.engines.upstream.events import EventReader
from dragoman.engines.upstream.failures import MOST_RETRY_S, retry_after_s
from dragoman.engines.upstream.incoming import BadAnswerError, Incoming
from dragoman.engines.upstream.place import Place, parse_place

STREAM = b': hello\n\nevent: x\ndata: {"a":\r\ndata: 1}\r\n\r\ndata:2\n\ndata: [DONE]\n\n'


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_events_are_the_same_whatever_the_pieces_they_come_in(cuts: list[int]) -> None:
    places = sorted({0, *cuts, len(STREAM)})
    reader = EventReader()
    found = []
    for begin, end in pairwise(places):
        found += reader.feed(STREAM[begin:end])
    assert found == [b'{"a":\n1}', b"2", b"[DONE]"]
    assert not reader.within_event


@given(st.binary(max_size=200))
def test_no_bytes_make_an_answer_raise_anything_else_than_that_it_is_bad(data: bytes) -> None:
    incoming = Incoming(100)
    try:
        incoming.feed(b"HTTP/1.1 200 OK\r\n" + data)
    except BadAnswerError:
        return
    assert len(incoming.body) <= 100


def test_an_answer_without_a_length_ends_with_its_connection() -> None:
    incoming = Incoming(100)
    incoming.feed(b"HTTP/1.0 200 OK\r\n\r\nall of it")
    assert not incoming.complete
    assert incoming.end()
    assert (incoming.take(), incoming.reusable) == (b"all of it", False)


def test_a_second_answer_that_nobody_asked_for_ends_the_connections_use() -> None:
    incoming = Incoming(100)
    incoming.feed(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\naHTTP/1.1 200 OK\r\n")
    assert incoming.complete
    assert not incoming.reusable


@pytest.mark.parametrize(
    ("url", "place", "origin"),
    [
        ("https://api.example/v1/", Place("api.example", 443, "/v1", is_secure=True), "https://api.example"),
        ("http://[::1]:8080", Place("::1", 8080), "http://[::1]:8080"),
        ("http://HOST.example:80/a/b", Place("host.example", 80, "/a/b"), "http://host.example"),
    ],
)
def test_a_url_is_a_place(url: str, place: Place, origin: str) -> None:
    assert parse_place(url) == place
    assert place.origin == origin


@pytest.mark.parametrize(
    "url",
    ["", "host:80", "ftp://host/", "http://", "http://user:hunter2@host/", "http://host/?a=1", "http://host/#a",
     "http://host:x/", "http://host:0/", "http://ho st/", "http://host\\evil/", "http://hóst/",
     "http://host/\r\nx: y"],
)  # fmt: skip
def test_what_is_no_servers_url_is_refused(url: str) -> None:
    with pytest.raises(DragomanError) as caught:
        parse_place(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("5", 5), ("", None), ("-1", None), ("Wed, 21 Oct", None), ("999999999", MOST_RETRY_S)],
)
def test_the_time_to_come_again_after_is_a_number_of_seconds(given: str, seconds: float | None) -> None:
    assert retry_after_s({"retry-after": given}) == seconds
