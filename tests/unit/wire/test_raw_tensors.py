"""Raw tensor bytes: what is written is read again, and what does not fit its shape is refused by name."""

import struct
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from dragoman.core.errors import Code, DragomanError
from dragoman.core.tensors import NUMPY, Array, DType, Tensor
from dragoman.wire.datatypes import DATATYPES, DTYPES
from dragoman.wire.raw_tensors import check_shape, read_raw, write_raw

NUMBERS: Final = [dtype for dtype in DType if dtype is not DType.BYTES]


def texts(*elements: bytes) -> Array:
    array = np.empty(len(elements), np.object_)
    array[:] = elements
    return array


def refused(call: Any, *arguments: Any) -> str:
    with pytest.raises(DragomanError) as caught:
        call(*arguments)
    assert caught.value.code is Code.INVALID_ARGUMENT
    return caught.value.message


def test_every_element_type_has_one_name_of_its_own() -> None:
    assert set(DATATYPES) == set(DType)
    assert len(DTYPES) == len(DType)


@given(data=st.data(), dtype=st.sampled_from(NUMBERS))
def test_numbers_that_are_written_are_read_bit_for_bit(data: st.DataObject, dtype: DType) -> None:
    shape = data.draw(arrays.array_shapes(min_dims=0, min_side=0, max_side=3))
    size = int(np.prod(shape)) * NUMPY[dtype].itemsize
    raw = data.draw(st.binary(min_size=size, max_size=size))
    if dtype is DType.BOOL:
        raw = bytes(byte & 1 for byte in raw)
    array = read_raw("x", raw, dtype, shape)
    assert array.shape == shape
    assert array.dtype == NUMPY[dtype]
    assert bytes(write_raw(Tensor(dtype, array))) == raw


@given(st.lists(st.binary(max_size=5), max_size=5))
def test_texts_that_are_written_are_read_again(elements: list[bytes]) -> None:
    raw = bytes(write_raw(Tensor(DType.BYTES, texts(*elements))))
    assert list(read_raw("x", raw, DType.BYTES, (len(elements),))) == elements


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_long_texts_are_bytes_of_their_own_whatever_they_lie_in(kind: type) -> None:
    elements = np.array([b"a" * 5000, b""], np.object_)
    read = read_raw("x", kind(write_raw(Tensor(DType.BYTES, elements))), DType.BYTES, (2,))
    assert [(type(element), element) for element in read] == [(bytes, element) for element in elements]


def test_numbers_are_a_view_of_the_request_wherever_they_lie_in_it() -> None:
    body = bytearray(b"?" + struct.pack("<2f", 1.0, 2.0))
    array = read_raw("x", memoryview(body)[1:], DType.FP32, (2,))
    assert array.tolist() == [1.0, 2.0]
    body[1:5] = struct.pack("<f", 3.0)
    assert array.tolist() == [3.0, 2.0]


def test_an_array_in_another_order_is_written_row_by_row() -> None:
    columns = np.array([[1, 2], [3, 4]], np.int8, order="F")
    assert bytes(write_raw(Tensor(DType.INT8, columns))) == b"\1\2\3\4"


def test_numbers_in_order_are_written_without_a_copy() -> None:
    array = np.ones(5000, np.int16)
    written = write_raw(Tensor(DType.INT16, array))
    array[0] = 3
    assert bytes(written) == array.tobytes()


def test_any_byte_but_zero_is_true() -> None:
    array = read_raw("x", b"\0\1\2\xff", DType.BOOL, (4,))
    assert array.tolist() == [False, True, True, True]
    assert (array == np.array([False, True, True, True])).all()


def test_bytes_that_are_no_whole_tensor_are_refused() -> None:
    message = refused(read_raw, "x", b"1234567", DType.FP32, (2,))
    assert message == "input byte size mismatch for input 'x'. Expected 8, got 7"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "which 0 bytes cannot hold"),
        (b"\2\0\0\0ab", "which 6 bytes cannot hold"),
        (b"\6\0\0\0abcdef", "the length of BYTES element 1 is cut off"),
        (b"\0\0\0\0\5\0\0\0abcd", "BYTES element 1 has 5 bytes, and 4 are left"),
        (b"\xff\xff\xff\xff" * 2, "BYTES element 0 has 4294967295 bytes, and 4 are left"),
        (b"\0\0\0\0\1\0\0\0ab", "1 bytes are left over after 2 BYTES elements"),
    ],
)
def test_texts_that_do_not_fit_their_bytes_are_refused(data: bytes, said: str) -> None:
    message = refused(read_raw, "words", data, DType.BYTES, (2,))
    assert message.startswith("input 'words'")
    assert said in message


def test_a_shape_is_counted_before_anything_is_made_of_it() -> None:
    assert check_shape("x", (), DType.FP32) == 1
    assert check_shape("x", (0, 16), DType.FP32) == 0
    assert check_shape("x", (2, 3), DType.FP32) == 6
    assert "negative" in refused(check_shape, "x", (2, -1), DType.FP32)
    assert "overflows" in refused(check_shape, "x", (2**31, 2**31), DType.FP32)
    assert "overflows" in refused(check_shape, "x", (0, 2**62, 4), DType.INT8)
    assert "dimensions" in refused(check_shape, "x", (1,) * 33, DType.INT8)
