"""Answers as bytes."""

import pytest

from dragoman.transports.http.answer import CACHED_BEGINNINGS, AnswerHeads, chunk
from dragoman.wire.messages import WireResponse


def heads() -> AnswerHeads:
    return AnswerHeads(lambda: 784111777.0)


def test_a_head_is_as_rfc_9110_writes_it():
    assert heads().whole(WireResponse(200, b"12345", b"text/plain", [(b"X-A", b"b")]), b"") == (
        b"HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain\r\n"
        b"Content-Length: 5\r\nX-A: b\r\n\r\n"
    )


def test_the_length_of_a_memoryview_is_in_bytes():
    body = memoryview(bytes(24)).cast("d")
    assert b"Content-Length: 24\r\n" in heads().whole(WireResponse(200, body), b"")


def test_a_status_without_a_phrase_of_its_own_is_written_without_one():
    assert heads().whole(WireResponse(599), b"").startswith(b"HTTP/1.1 599 \r\n")


@pytest.mark.parametrize("value", [b"a\r\nb: c", b"a\nb", b"a\0b"])
def test_a_header_cannot_become_two(value):
    with pytest.raises(ValueError, match="line break"):
        heads().whole(WireResponse(200, headers=[(b"X", value)]), b"")
    with pytest.raises(ValueError, match="line break"):
        heads().whole(WireResponse(200, content_type=value), b"")
    with pytest.raises(ValueError, match="line break"):
        heads().streamed(WireResponse(200, headers=[(b"X", value)]), b"", chunked=True)


def test_what_is_kept_of_heads_is_bounded():
    kept = heads()
    for number in range(3 * CACHED_BEGINNINGS):
        kept.whole(WireResponse(200, content_type=b"x/%d" % number), b"")
    assert len(kept._beginnings) <= CACHED_BEGINNINGS


def test_an_empty_part_is_no_chunk_for_that_would_end_the_answer():
    assert chunk(b"") == b""
    assert chunk(b"x" * 26) == b"1a\r\n" + b"x" * 26 + b"\r\n"


def test_a_reason_takes_the_place_of_the_usual_phrase_and_may_be_empty():
    kept = heads()
    assert kept.whole(WireResponse(418, reason=b"Tea only"), b"").startswith(b"HTTP/1.1 418 Tea only\r\n")
    assert kept.whole(WireResponse(200, reason=b""), b"").startswith(b"HTTP/1.1 200 \r\n")
    assert kept.whole(WireResponse(200), b"").startswith(b"HTTP/1.1 200 OK\r\n")
    with pytest.raises(ValueError, match="line break"):
        kept.whole(WireResponse(200, reason=b"a\r\nb: c"), b"")


def test_an_answer_of_no_type_says_none():
    assert b"Content-Type" not in heads().whole(WireResponse(200, b"x", b""), b"")
