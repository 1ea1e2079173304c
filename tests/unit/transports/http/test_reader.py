"""Bytes to requests. What is refused, and how, is the table's business: tests/hostile."""

import pytest

from dragoman.settings.limits import Limits
from dragoman.transports.body import Pieces
from dragoman.transports.http.head import CACHED_HEAD_BYTES, CACHED_HEADS, HeadCache
from dragoman.transports.http.reader import RequestReader
from dragoman.transports.http.refusal import Refusal

GET = b"GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"


def reader(**limits: int) -> RequestReader:
    return RequestReader(Limits(**limits), HeadCache(), Pieces())


def read(target: RequestReader, data: bytes, start: int = 0) -> int:
    buffer = bytearray(data)
    return target.read(buffer, memoryview(buffer), start, len(buffer))


def test_one_request_is_read_and_the_rest_is_left():
    target = reader()
    assert read(target, POST + GET) == len(POST)
    assert target.done
    assert (target.head.method, target.head.path, target.body) == ("POST", "/a", b"hello")
    assert read(target, POST + GET, len(POST)) == len(POST + GET)
    assert (target.head.path, target.head.query, target.body) == ("/a", "b", b"")


def test_a_head_that_was_cut_leaves_what_follows_it():
    target = reader()
    assert read(target, GET[:10]) == 10
    assert target.partial
    assert not target.done
    assert read(target, GET[10:] + POST) == len(GET) - 10
    assert target.done
    assert not target.partial


def test_a_body_that_was_cut_is_received_in_place():
    target = reader()
    read(target, POST[:-3])
    assert target.sized is not None
    target.sized.space()[:] = b"llo"
    target.filled(3)
    assert target.done
    assert target.body == b"hello"
    assert target.sized is None


def test_a_repeated_head_is_parsed_once():
    cache = HeadCache()
    heads = []
    for _ in range(2):
        target = RequestReader(Limits(), cache, Pieces())
        read(target, POST)
        heads.append(target.head)
    assert heads[0] is heads[1]


def test_a_head_that_was_cut_is_the_same_as_one_that_came_whole():
    cache = HeadCache()
    whole, cut = RequestReader(Limits(), cache, Pieces()), RequestReader(Limits(), cache, Pieces())
    read(cut, GET[:7])
    read(cut, GET[7:])
    read(whole, GET)
    assert whole.head is cut.head


def test_heads_that_are_kept_are_few_and_small():
    cache = HeadCache()
    for number in range(2 * CACHED_HEADS):
        read(RequestReader(Limits(), cache, Pieces()), GET.replace(b"/a", b"/%d" % number))
    long = GET.replace(b"/a", b"/" + b"a" * CACHED_HEAD_BYTES)
    read(RequestReader(Limits(), cache, Pieces()), long)
    assert 0 < len(cache._heads) <= CACHED_HEADS
    assert cache.find(long) is None


def test_a_refused_head_is_not_kept():
    cache = HeadCache()
    for _ in range(2):
        with pytest.raises(Refusal):
            read(RequestReader(Limits(), cache, Pieces()), GET.replace(b"Host: x\r\n", b""))


@pytest.mark.parametrize(
    ("data", "known"),
    [
        (b"", ("", "", "")),
        (b"POST /a?b HTTP/1.1\r\nHost", ("", "/a", "b")),
        (b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhe", ("POST", "/a", "")),
        (b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe", ("POST", "/a", "")),
    ],
)
def test_what_is_known_of_an_unfinished_request_is_told(data, known):
    target = reader()
    if data:
        read(target, data)
    wire = target.unfinished("192.0.2.7")
    assert (wire.method, wire.path, wire.query) == known
    assert wire.peer == "192.0.2.7"


def test_what_was_dropped_is_gone():
    target = reader()
    read(target, POST[:-3])
    target.drop()
    assert target.sized is None
    read(target, GET)
    assert target.done
