"""Protobuf's wire format, field by field."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import DragomanError
from dragoman.wire.proto_fields import as_data, field, fields, read_varint, signed, text, varint
from dragoman.wire.protobuf import message_class

SPEC = message_class("tensorflow.serving.ModelSpec")
EMPTY = message_class("tensorflow.serving.FileSystemStoragePathSourceConfig.ServableVersionPolicy.All")
STATUS = message_class("tensorflow.serving.ModelVersionStatus")


def test_fields_come_with_their_keys_in_the_messages_order() -> None:
    message = STATUS(version=300, state="AVAILABLE", status={"error_message": "gone"})
    read = list(fields(message.SerializeToString()))
    assert read == [(0x08, 300), (0x10, 30), (0x1A, b"\x12\x04gone")]


def test_a_slice_of_a_view_is_a_view_of_the_same_bytes() -> None:
    body = bytearray(field(0x0A, b"abc"))
    ((_, value),) = fields(memoryview(body))
    body[-1] = ord("z")
    assert bytes(value) == b"abz"


def test_numbers_of_fixed_size_are_handed_on_as_bytes() -> None:
    assert list(fields(b"\x0d\x01\x00\x00\x00\x11" + bytes(8))) == [(0x0D, b"\x01\0\0\0"), (0x11, bytes(8))]


@given(st.integers(0, 2**64 - 1))
def test_a_varint_reads_back_as_it_was_written(number: int) -> None:
    assert read_varint(varint(number), 0) == (number, len(varint(number)))


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_signed_number_is_the_one_protobuf_writes(number: int) -> None:
    written = STATUS(version=number).SerializeToString()
    assert [signed(value) for _, value in fields(written)] == ([number] if number else [])


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x0a", "a number is cut off"),
        (b"\x08\x80", "a number is cut off"),
        (b"\x0a\x05ab", "a field is cut off"),
        (b"\x0d\x00", "a field is cut off"),
        (b"\x0b", "wire type 3 is not supported"),
        (b"\x07\x00", "a field has the number 0"),
        (b"\x08" + b"\xff" * 10, "a number has more than 64 bits"),
    ],
)
def test_what_is_no_message_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(DragomanError, match=why):
        list(fields(data))


def test_a_text_that_is_no_utf8_is_refused() -> None:
    assert text(b"\xc3\xa4") == "ä"
    with pytest.raises(DragomanError, match="no UTF-8"):
        text(b"\xff")


@given(st.binary(max_size=40))
def test_what_is_read_is_a_message_to_protobuf_too(data: bytes) -> None:
    try:
        keys = [key for key, _ in fields(data)]
    except DragomanError:
        return
    if all(key < 1 << 32 for key in keys):  # larger numbers than a field may have are skipped here
        EMPTY.FromString(data)


def test_only_large_bodies_are_sliced_as_views() -> None:
    assert type(as_data(bytearray(10))) is bytes
    assert type(as_data(bytes(10_000))) is memoryview


def test_a_long_field_is_read_whole() -> None:
    assert SPEC.FromString(field(0x0A, b"n" * 70_000)).name == "n" * 70_000
