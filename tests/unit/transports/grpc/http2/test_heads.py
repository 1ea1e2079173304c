"""Heads that are read once for equal blocks."""

from dragoman.transports.grpc.http2.heads import KEPT, KEPT_BYTES, HeadReader
from dragoman.transports.grpc.http2.hpack import encoded
from dragoman.transports.grpc.http2.static_table import Field


def made(fields: list[Field] | None) -> list[Field] | None:
    """A new object for each block that is read."""
    return None if fields is None else list(fields)


def test_equal_blocks_have_one_head_until_the_table_changes() -> None:
    heads = HeadReader(made, 1000)
    keeping = b"\x40\x01a\x01b"
    newest = b"\xbe"
    assert heads.read(keeping) == [(b"a", b"b")]
    first = heads.read(newest)
    assert heads.read(newest) is first
    assert heads.read(b"\x40\x01c\x01d") == [(b"c", b"d")]
    assert heads.read(newest) == [(b"c", b"d")]


def test_a_block_that_changes_the_table_is_read_every_time() -> None:
    heads = HeadReader(made, 1000)
    for _ in range(2):
        heads.read(b"\x40\x01a\x01b")
    assert heads._decoder._bytes == 2 * 34
    heads.read(b"\x20\x82")
    assert heads._decoder._bytes == 0


def test_as_many_heads_are_kept_as_any_client_needs_and_no_long_ones() -> None:
    heads = HeadReader(made, 1 << 20)
    for number in range(10 * KEPT):
        heads.read(encoded([(b"n", b"%d" % number)]))
        assert len(heads._kept) <= KEPT
    long = encoded([(b"n", b"x" * KEPT_BYTES)])
    assert heads.read(long) is not heads.read(long)
