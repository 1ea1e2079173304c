"""The chunked transfer coding."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.settings.limits import Limits
from dragoman.transports.http.chunks import EXTENSION_BYTES, LINE_BYTES, ChunkedBody
from dragoman.transports.http.refusal import Refusal

LIMITS = Limits(body_bytes=1000, header_count=3, header_bytes=200)


def take(data: bytes, *, piece: int = 1 << 20, limits: Limits = LIMITS) -> tuple[ChunkedBody, int]:
    """A body fed in pieces, and how much of the data belonged to it."""
    body, taken = ChunkedBody(limits), 0
    for start in range(0, len(data), piece):
        buffer = bytearray(data[start : start + piece])
        taken += body.take(buffer, memoryview(buffer), 0, len(buffer))
    return body, taken


GOOD = [
    (b"0\r\n\r\n", b""),
    (b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
    (b"5\r\nhello\r\n1\r\n!\r\n000\r\n\r\n", b"hello!"),
    (b"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", b"0123456789" * 2),
    (b'5;a=b;c="d e"\r\nhello\r\n0;last\r\n\r\n', b"hello"),
    (b"5 ;a\r\nhello\r\n0\r\n\r\n", b"hello"),
    (b"5\r\nhello\r\n0\r\nX-Sum: 1\r\nY:\r\n\r\n", b"hello"),
    (b"6\r\n\r\n0\r\n\r\r\n0\r\n\r\n", b"\r\n0\r\n\r"),
]
BAD = [
    (b"\r\n", 400),
    (b"g\r\n", 400),
    (b"-1\r\n", 400),
    (b"+1\r\n", 400),
    (b"0x5\r\n", 400),
    (b" 5\r\n", 400),
    (b"5 \r\n", 400),
    (b"5\n", 400),
    (b"5\rhello", 400),
    (b"5\r\nhello!", 400),
    (b"5\r\nhello\n0\r\n\r\n", 400),
    (b"5\r\nhello\rx", 400),
    (b"5;a\0b\r\n", 400),
    (b"5;a\x7fb\r\n", 400),
    (b"fffffffffffffffff\r\n", 400),
    (b"ffffffffffffffff\r\n", 413),
    (b"3e9\r\n", 413),
    (b"3e8\r\n" + b"." * 1000 + b"\r\n1\r\n", 413),
    (b"0\r\nnonsense\r\n\r\n", 400),
    (b"0\r\n folded\r\n\r\n", 400),
    (b"0\r\nA: b\n\r\n", 400),
    (b"0\r\nA : b\r\n\r\n", 400),
    (b"0\r\nA: \0\r\n\r\n", 400),
    (b"0\r\n" + b"A: b\r\n" * 4 + b"\r\n", 431),
    (b"0\r\n" + b"A: " + b"b" * 150 + b"\r\nA: " + b"b" * 150 + b"\r\n\r\n", 431),
    (b"0\r\nA: " + b"b" * 500 + b"\r\n\r\n", 400),
    (b"1;" + b"x" * LINE_BYTES + b"\r\n", 400),
    ((b"1;" + b"x" * 1000 + b"\r\n.\r\n") * (EXTENSION_BYTES // 1000 + 1), 400),
    (b"0" * LINE_BYTES, 400),
]


@pytest.mark.parametrize("piece", [1, 2, 3, 1 << 20])
@pytest.mark.parametrize(("data", "content"), GOOD)
def test_a_body_is_read_to_its_end_and_no_further(data, content, piece):
    body, taken = take(data + b"GET / HTTP/1.1\r\n\r\n", piece=piece)
    assert body.done
    assert (bytes(body.data), taken) == (content, len(data))


@pytest.mark.parametrize("piece", [1, 1 << 20])
@pytest.mark.parametrize(("data", "status"), BAD)
def test_a_body_that_is_none_is_refused(data, status, piece):
    with pytest.raises(Refusal) as caught:
        take(data, piece=piece)
    assert caught.value.status == status


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=10), st.integers(1, 50))
def test_what_was_cut_in_chunks_comes_back_whole_however_it_arrives(contents, piece):
    data = b"".join(b"%x\r\n%b\r\n" % (len(content), content) for content in contents) + b"0\r\n\r\n"
    body, taken = take(data, piece=piece)
    assert (body.done, bytes(body.data), taken) == (True, b"".join(contents), len(data))
