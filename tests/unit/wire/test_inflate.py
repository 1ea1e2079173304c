import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import Code, DragomanError
from dragoman.wire.inflate import inflate, inflate_whole


@given(
    st.lists(st.binary(max_size=200_000), min_size=1, max_size=3),
    st.sampled_from([b"", b"trailing", b"\x1f"]),
)
def test_members_are_joined_and_the_rest_is_ignored(parts: list[bytes], tail: bytes) -> None:
    body = b"".join(gzip.compress(part) for part in parts) + tail
    assert inflate(body, 10**6) == b"".join(parts)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"instances":[1.0]}',
        gzip.compress(b"abc")[:-1],
        gzip.compress(b"abc")[:5],
        gzip.compress(b"abc")[:-8] + b"\0" * 8,
        gzip.compress(b"abc") + b"\x1f\x8bnonsense",
        zlib.compress(b"abc"),
    ],
)
def test_what_is_no_whole_gzip_counts_as_empty(body: bytes) -> None:
    assert inflate(body, 100) == b""


def test_the_limit_is_the_last_size_that_passes() -> None:
    assert inflate(gzip.compress(b"x" * 100), 100) == b"x" * 100
    with pytest.raises(DragomanError, match="inflates to more than 99 bytes") as caught:
        inflate(gzip.compress(b"x" * 100), 99)
    assert caught.value.code is Code.TOO_LARGE


def test_a_bomb_is_refused_without_being_inflated() -> None:
    layer = gzip.compress(b"\0" * 10_000_000)
    with pytest.raises(DragomanError, match="inflates to more than 1000 bytes"):
        inflate(layer * 50, 1000)


def test_the_limit_holds_for_all_members_together() -> None:
    with pytest.raises(DragomanError, match="inflates to more than 150 bytes"):
        inflate(gzip.compress(b"x" * 100) * 2, 150)


def test_members_beyond_a_thousand_are_not_looked_at() -> None:
    assert inflate(gzip.compress(b"x") * 2000, 10_000) == b"x" * 1024


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_a_body_may_be_any_kind_of_bytes(kind: type) -> None:
    assert inflate(kind(gzip.compress(b"abc")), 100) == b"abc"


@given(st.binary(max_size=200_000))
def test_the_whole_of_a_body_is_inflated_in_either_form(data: bytes) -> None:
    assert inflate_whole(gzip.compress(data), b"gzip", 10**6) == data
    assert inflate_whole(gzip.compress(data) * 2, b"x-gzip", 10**6) == data * 2
    assert inflate_whole(zlib.compress(data), b"deflate", 10**6) == data


@pytest.mark.parametrize(
    ("body", "coding", "told"),
    [
        (b"", b"gzip", "not complete gzip data"),
        (b"", b"deflate", "not complete deflate data"),
        (zlib.compress(b"abc")[:-1], b"deflate", "not complete deflate data"),
        (gzip.compress(b"abc"), b"deflate", "not complete deflate data"),
        (gzip.compress(b"abc") + b"xy", b"gzip", "2 bytes follow the end of the body's gzip data"),
        (zlib.compress(b"abc") * 2, b"deflate", "11 bytes follow the end of the body's deflate data"),
    ],
)
def test_what_is_not_the_whole_of_a_body_is_refused(body: bytes, coding: bytes, told: str) -> None:
    with pytest.raises(DragomanError, match=told) as caught:
        inflate_whole(body, coding, 100)
    assert caught.value.code is Code.INVALID_ARGUMENT


def test_a_bomb_ends_at_the_limit() -> None:
    with pytest.raises(DragomanError, match="inflates to more than 99 bytes") as caught:
        inflate_whole(zlib.compress(b"x" * 10**7), b"deflate", 99)
    assert caught.value.code is Code.TOO_LARGE
