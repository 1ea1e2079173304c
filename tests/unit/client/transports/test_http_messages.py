"""HTTP/1.1 as the client writes and reads it, however it is cut."""

from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.client.address import parse_address
from dragoman.client.errors import BadAnswer, ClientError, ConnectionFailed
from dragoman.client.exchange import Request
from dragoman.client.transports.http_messages import (
    JOINED_BYTES,
    MAX_OVERHEAD_BYTES,
    Incoming,
    RequestHeads,
)

SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nX-T: t\r\n\r\n"
)
TO_THE_END = b"HTTP/1.1 200 OK\r\n\r\nhello"
OLD = b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello"
GO_ON = b"HTTP/1.1 100 Continue\r\nX-B: c\r\n\r\n"


def read(*parts: bytes, end: bool = False, max_bytes: int = 1000, streamed: bool = False) -> Incoming:
    """What comes of these parts, put into `room` where there is one, as a transport does."""
    incoming = Incoming(max_bytes, streamed=streamed)
    for part in parts:
        rest = memoryview(part)
        while rest:
            room = incoming.room
            if room is None:
                incoming.feed(rest)
                break
            size = min(len(room), len(rest))
            room[:size] = rest[:size]
            incoming.filled(size)
            rest = rest[size:]
    if end:
        incoming.end()
    return incoming


@pytest.mark.parametrize("whole", [SIZED, CHUNKED, GO_ON + SIZED, GO_ON + GO_ON + CHUNKED])
@given(cuts=st.lists(st.integers(0, 200), max_size=8))
def test_an_answer_is_read_whatever_the_parts_it_comes_in(whole: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    incoming = read(*[whole[start:end] for start, end in pairwise(edges)])
    assert (incoming.complete, incoming.reusable, incoming.status) == (True, True, 200)
    assert bytes(incoming.answer.body) == b"hello"
    assert "x-b" not in incoming.headers


def test_headers_have_lower_case_names() -> None:
    assert read(SIZED).answer.headers == {"content-length": "5", "x-a": "b"}


def test_a_body_without_a_size_ends_with_the_connection() -> None:
    assert not read(TO_THE_END).complete
    incoming = read(TO_THE_END, end=True)
    assert (incoming.complete, incoming.reusable, bytes(incoming.body)) == (True, False, b"hello")


def test_a_connection_that_is_to_be_closed_is_not_used_again() -> None:
    assert not read(OLD).reusable
    assert not read(SIZED.replace(b"X-A: b", b"Connection: close")).reusable
    assert not read(SIZED, end=True).reusable


@pytest.mark.parametrize("status", [b"204", b"304"])
def test_an_answer_that_has_no_body_ends_with_its_head(status: bytes) -> None:
    incoming = read(b"HTTP/1.1 " + status + b" X\r\n\r\n")
    assert incoming.complete
    assert incoming.reusable


@pytest.mark.parametrize("more", [b"X", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad", SIZED])
def test_more_than_was_asked_for_ends_the_connection_and_changes_nothing(more: bytes) -> None:
    incoming = read(SIZED + more)
    assert (incoming.complete, incoming.reusable, bytes(incoming.body)) == (True, False, b"hello")


@pytest.mark.parametrize(
    ("whole", "told"),
    [
        (b"", "without an answer"),
        (SIZED[:10], "within its answer"),
        (SIZED[:-1], "within its answer"),
        (CHUNKED[:-1], "within its answer"),
        (GO_ON, "within its answer"),
    ],
)
def test_an_answer_that_breaks_off_is_no_answer(whole: bytes, told: str) -> None:
    with pytest.raises(ConnectionFailed, match=told) as caught:
        read(whole, end=True)
    assert caught.value.sent


@pytest.mark.parametrize(
    "whole",
    [
        b"garbage",
        b"\x00\x00\x0c\x04\x00\x00",  # HTTP/2
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nA b: c\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n",
    ],
)
def test_what_is_no_answer_is_refused(whole: bytes) -> None:
    with pytest.raises(BadAnswer):
        read(whole)


def test_an_answer_that_is_too_large_is_refused_before_it_has_come() -> None:
    with pytest.raises(BadAnswer, match="more than 1000 bytes"):
        read(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
    with pytest.raises(BadAnswer, match="more than 1000 bytes"):
        read(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *[b"64\r\n" + b"x" * 100 + b"\r\n"] * 11
        )
    with pytest.raises(BadAnswer, match="more than 1000 bytes"):
        read(TO_THE_END, b"x" * 1000)


@pytest.mark.parametrize(
    ("start", "repeated"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"b"),
        (b"HTTP/1.1 200 ", b"b"),
        (b"", GO_ON),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X-A: b\r\n"),
    ],
)
def test_an_answer_that_never_comes_to_its_body_is_refused(start: bytes, repeated: bytes) -> None:
    part = repeated * (10_000 // len(repeated))
    with pytest.raises(BadAnswer):
        read(start, *[part] * (2 * MAX_OVERHEAD_BYTES // len(part)))


def test_a_long_stream_takes_no_memory_for_what_was_taken() -> None:
    incoming = read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", streamed=True)
    assert incoming.in_parts
    for _ in range(100):
        incoming.feed(b"64\r\n" + b"x" * 100 + b"\r\n")
        assert incoming.take() == b"x" * 100
    incoming.feed(b"0\r\n\r\n")
    assert incoming.complete
    assert incoming.reusable


def test_a_failure_is_whole_even_where_parts_were_asked_for() -> None:
    incoming = read(SIZED.replace(b"200", b"404"), streamed=True)
    assert not incoming.in_parts
    assert bytes(incoming.answer.body) == b"hello"


@given(st.data())
def test_an_answer_with_any_bytes_changed_is_read_or_refused(data: st.DataObject) -> None:
    whole = bytearray(data.draw(st.sampled_from([SIZED, CHUNKED, GO_ON + SIZED])))
    for _ in range(data.draw(st.integers(1, 5))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    with suppress(ClientError):
        assert len(read(bytes(whole[:cut]), bytes(whole[cut:]), end=True).body) <= len(whole)


def message(request: Request, url: str = "http://host:8000/a/b", headers: Any = ()) -> list[Any]:
    return RequestHeads(parse_address(url), headers).message(request)


def test_a_request_goes_out_in_one_piece() -> None:
    request = Request("/v2/models/m/infer", (b"{}", memoryview(b"xyz")), (("content-type", "a/b"),))
    (whole,) = message(request, headers=(("x-api-key", "k"),))
    head, _, body = whole.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    assert first == "POST /a/b/v2/models/m/infer HTTP/1.1"
    assert lines[0] == "host: host:8000"
    assert {"x-api-key: k", "content-type: a/b", "content-length: 5", "accept: */*"} < set(lines)
    assert any(line.startswith("user-agent: dragoman/") for line in lines)
    assert body == b"{}xyz"


def test_a_request_without_a_body_says_no_size() -> None:
    (whole,) = message(Request("/x", method="GET"), "http://host")
    assert whole.startswith(b"GET /x HTTP/1.1\r\nhost: host:80\r\n")
    assert b"content-length" not in whole


def test_a_header_of_the_caller_goes_before_the_client_s_own() -> None:
    own = (("user-agent", "mine"), ("accept", "application/json"))
    (whole,) = message(Request("/x"), headers=own)
    assert whole.count(b"user-agent: ") == whole.count(b"accept: ") == 1
    assert b"user-agent: mine" in whole


def test_a_large_body_goes_out_as_it_lies() -> None:
    body = bytes(JOINED_BYTES)
    head, first, second = message(Request("/x", (b"{}", body)))
    assert b"content-length: %d\r\n" % (JOINED_BYTES + 2) in head
    assert (first, second) == (b"{}", body)
    assert second is body
