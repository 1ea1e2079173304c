"""TFRecord files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.crc32c import crc32c
from dragoman.core.errors import Code, DragomanError
from dragoman.wire.tf_record import records, write_record


@pytest.mark.parametrize(
    ("data", "checksum"),  # RFC 3720, appendix B.4
    [
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(reversed(range(32))), 0x113FDB5C),
        (b"123456789", 0xE3069283),
        (b"", 0),
    ],
)
def test_the_checksum_is_that_of_the_published_examples(data: bytes, checksum: int) -> None:
    assert crc32c(data) == checksum


def test_a_record_is_what_tensorflow_writes() -> None:
    # tf.io.TFRecordWriter(...).write(b"hello")
    assert write_record(b"hello").hex() == "0500000000000000eab2043e68656c6c6fbb1f1c19"


@given(st.lists(st.binary(max_size=100), max_size=5))
def test_what_is_written_is_read(data: list[bytes]) -> None:
    assert list(records(b"".join(map(write_record, data)))) == data
    assert list(records(memoryview(b"".join(map(write_record, data))))) == data


WHOLE = write_record(b"first") + write_record(b"second")


@pytest.mark.parametrize("length", [n for n in range(1, len(WHOLE)) if n != len(write_record(b"first"))])
def test_a_file_that_is_cut_off_is_damaged(length: int) -> None:
    with pytest.raises(DragomanError, match="data loss: truncated record at") as caught:
        list(records(WHOLE[:length]))
    assert caught.value.code is Code.INTERNAL


@pytest.mark.parametrize("at", range(len(WHOLE)))
def test_a_bit_that_is_turned_is_noticed(at: int) -> None:
    damaged = bytearray(WHOLE)
    damaged[at] ^= 1
    with pytest.raises(DragomanError, match="is it in the TFRecord format"):
        list(records(bytes(damaged)))


def test_a_file_of_another_kind_is_told_at_once() -> None:
    with pytest.raises(DragomanError, match="corrupted record at 0"):
        list(records(b"this is a text of some length, and no record"))
