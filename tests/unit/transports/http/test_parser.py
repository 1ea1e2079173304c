"""llhttp must end a head where this package says that it ends, or requests could be smuggled."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.settings.limits import Limits
from dragoman.transports.http.parser import HeadParser
from dragoman.transports.http.refusal import Refusal

START = b"GET / HTTP/1.1\r\nHost: x\r\n"
PIECES = [
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b"\t",
    b"A",
    b":",
    b"b",
    b"\0",
    b"Connection: upgrade\r\n",
    b"Upgrade: h2c\r\n",
]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join))
def test_a_head_is_complete_at_the_first_empty_line_and_nowhere_else(data):
    parser, fed = HeadParser(Limits()), START
    parser.feed(START)
    try:
        for byte in data:
            if parser.complete:
                break
            parser.feed(bytes([byte]))
            fed += bytes([byte])
    except Refusal:
        return
    assert parser.complete == (b"\r\n\r\n" in fed)


def test_white_space_around_a_value_is_none_of_it():
    parser = HeadParser(Limits())
    parser.feed(b"GET / HTTP/1.1\r\nA: \t b c \t\r\nD:\r\n\r\n")
    assert parser.headers == [(b"A", b"b c"), (b"D", b"")]


@pytest.mark.parametrize(
    ("data", "keep_alive"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nConnection: x, Close\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nConnection: close, upgrade\r\nUpgrade: h2c\r\n\r\n", False),
    ],
)
def test_whether_the_connection_stays_is_read_from_version_and_header(data, keep_alive):
    parser = HeadParser(Limits())
    parser.feed(data)
    assert parser.keep_alive is keep_alive


def test_the_reason_that_is_told_is_the_parser_s_and_holds_nothing_of_the_request():
    with pytest.raises(Refusal, match=r"^malformed request: Invalid header value char$"):
        HeadParser(Limits()).feed(START + b"Secret: a\0b\r\n\r\n")
