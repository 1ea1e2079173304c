"""TensorProto to and from tensors; what is expected is what the protobuf library makes of the same bytes."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.tensors import Array, DType, Tensor
from dragoman.wire.proto_fields import Data, field, varint
from dragoman.wire.protobuf import message_class
from dragoman.wire.tensor_proto import (
    DATA_TYPES,
    FEW_STRINGS,
    VALUE_FIELDS,
    Written,
    read_tensor,
    write_content,
    write_values,
)

PROTO: Final = message_class("tensorflow.TensorProto")
NUMBERS: Final = [dtype for dtype in DType if dtype is not DType.BYTES]
LIMIT: Final = 1000


def proto(dtype: DType | int, *shape: int, **values: Any) -> bytes:
    number = DATA_TYPES[dtype] if isinstance(dtype, DType) else dtype
    message = PROTO(dtype=number, tensor_shape={"dim": [{"size": size} for size in shape]}, **values)
    written: bytes = message.SerializeToString()
    return written


def read(data: Data, limit: int = LIMIT) -> Array:
    return read_tensor("x", data, limit).array


def fault(data: Data, limit: int = LIMIT) -> str:
    with pytest.raises(DragomanError) as caught:
        read(data, limit)
    assert caught.value.code is Code.INVALID_ARGUMENT
    prefix, _, why = caught.value.message.partition("tensor parsing error: x: ")
    assert not prefix
    return why


def whole(written: Written) -> bytes:
    return b"".join(written)


@st.composite
def tensors(draw: st.DrawFn) -> Tensor:
    dtype = draw(st.sampled_from(list(DType)))
    shape = draw(arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    if dtype is DType.BYTES:
        array = np.empty(shape, np.object_)
        for index in np.ndindex(shape):
            array[index] = draw(st.binary(max_size=200))
        return Tensor(dtype, array)
    bits = draw(arrays.arrays(f"u{dtype.numpy.itemsize}", shape))
    array = bits.astype(np.bool_) if dtype is DType.BOOL else bits.view(dtype.numpy)
    return Tensor(dtype, array)


def same(left: Array, right: Array) -> bool:
    if left.dtype == np.object_:
        return left.shape == right.shape and left.tolist() == right.tolist()
    return left.dtype == right.dtype and left.shape == right.shape and left.tobytes() == right.tobytes()


@pytest.mark.parametrize("write", [write_values, write_content])
@given(tensor=tensors(), shift=st.integers(0, 3))
def test_a_tensor_reads_back_as_it_was_written(
    write: Callable[[Tensor], Written], tensor: Tensor, shift: int
) -> None:
    data = whole(write(tensor))
    apart = memoryview(bytes(shift) + data)[shift:]  # so that values lie on any address
    assert read_tensor("x", apart, LIMIT).dtype is tensor.dtype
    assert same(read(apart), tensor.array)


@pytest.mark.parametrize("write", [write_values, write_content])
@given(tensor=tensors())
def test_what_is_written_is_what_protobuf_reads(write: Callable[[Tensor], Written], tensor: Tensor) -> None:
    message = PROTO.FromString(whole(write(tensor)))
    assert message.dtype == DATA_TYPES[tensor.dtype]
    assert [dim.size for dim in message.tensor_shape.dim] == list(tensor.array.shape)
    assert message.HasField("tensor_shape")
    count = len(getattr(message, VALUE_FIELDS[tensor.dtype]))
    assert count == (tensor.array.size if write is write_values else 0)


@pytest.mark.parametrize("dtype", NUMBERS)
def test_values_unpacked_and_in_pieces_are_read_too(dtype: DType) -> None:
    whole_list = PROTO(dtype=DATA_TYPES[dtype], tensor_shape={"dim": [{"size": 3}]})
    getattr(whole_list, VALUE_FIELDS[dtype]).extend([1, 0, 1])
    pieces = proto(dtype, 3)
    number = PROTO.DESCRIPTOR.fields_by_name[VALUE_FIELDS[dtype]].number
    for value in (1, 0, 1):
        if dtype in (DType.FP32, DType.FP64):
            wire, element = (5, 4) if dtype is DType.FP32 else (1, 8)
            pieces += varint(number << 3 | wire) + np.array(value, f"<f{element}").tobytes()
        else:
            pieces += varint(number << 3) + varint(value)
    assert same(read(pieces), read(whole_list.SerializeToString()))


@pytest.mark.parametrize("start", range(4))
def test_large_packed_and_raw_values_are_views_of_the_request_on_any_boundary(start: int) -> None:
    array = np.arange(100_000, dtype=np.float32)
    for write in (write_values, write_content):
        head, data = write(Tensor(DType.FP32, array))
        body = np.zeros(len(head) + len(data) + 3, np.uint8)
        body[start : start + len(head) + len(data)] = np.frombuffer(head + data, np.uint8)
        values = read(body.data[start : start + len(head) + len(data)])
        assert np.shares_memory(values, body)
        assert same(values, array)


@pytest.mark.parametrize(
    ("values", "expected"),
    [([1, 2, 3, 4, 5], [1, 2, 3]), ([1, 2], [1, 2, 2]), ([7], [7, 7, 7]), ([], [0, 0, 0])],
)
@pytest.mark.parametrize("dtype", NUMBERS)
def test_values_are_cut_or_filled_up_with_the_last(
    dtype: DType, values: list[int], expected: list[int]
) -> None:
    if dtype in (DType.FP16, DType.BF16):
        values = np.array(values, dtype.numpy).view(np.uint16).tolist()
    array = read(proto(dtype, 3, **{VALUE_FIELDS[dtype]: values}))
    assert same(array, np.array(expected, dtype.numpy))


@pytest.mark.parametrize(
    ("values", "expected"),
    [([b"a", b"b", b"c"], [b"a", b"b"]), ([b"a"], [b"a", b"a"]), ([], [b"", b""])],
)
def test_texts_are_cut_or_filled_up_with_the_last(values: list[bytes], expected: list[bytes]) -> None:
    assert read(proto(DType.BYTES, 2, string_val=values)).tolist() == expected


@pytest.mark.parametrize("count", [FEW_STRINGS, FEW_STRINGS + 1])
def test_few_texts_are_read_as_many_are(count: int) -> None:
    values = [b"\x00%d\x00" % at * 100 for at in range(count)]
    array = read(memoryview(proto(DType.BYTES, count, string_val=values)))
    assert array.tolist() == values
    assert {type(value) for value in array} == {bytes}


def test_texts_of_a_tensor_of_numbers_are_no_values_of_it() -> None:
    assert read(proto(DType.INT32, 1, string_val=[b"a"], int_val=[6])).tolist() == [6]
    assert read(proto(DType.FP32, 1, string_val=[b"a"])).tolist() == [0.0]


def test_content_wins_over_values() -> None:
    data = proto(DType.INT32, 1, tensor_content=np.array([5], "<i4").tobytes(), int_val=[6])
    assert read(data).tolist() == [5]
    assert read(proto(DType.FP32, 1, tensor_content=b"", float_val=[6])).tolist() == [6.0]


def test_halves_and_bfloat16_are_read_by_their_bits() -> None:
    assert read(proto(DType.FP16, 1, half_val=[0x3C00])).tolist() == [1.0]
    array = read(proto(DType.BF16, 1, half_val=[0x3F80]))
    assert array.dtype == ml_dtypes.bfloat16
    assert array.tolist() == [1.0]


def test_narrow_integers_take_the_low_bits_of_their_values() -> None:
    assert read(proto(DType.INT8, 2, int_val=[300, -1])).tolist() == [44, -1]
    assert read(proto(DType.UINT8, 2, int_val=[300, -1])).tolist() == [44, 255]


def test_every_byte_but_zero_is_true() -> None:
    assert read(proto(DType.BOOL, 3, tensor_content=b"\x00\x01\x02")).tolist() == [False, True, True]


def test_without_a_shape_a_tensor_is_a_scalar_and_an_unknown_rank_is_ignored() -> None:
    assert read(b"\x08\x01\x2a\x04\x00\x00\x80\x3f").shape == ()
    shaped = PROTO(
        dtype=1, tensor_shape={"unknown_rank": True, "dim": [{"size": 1, "name": "n"}]}, float_val=[2]
    )
    assert read(shaped.SerializeToString()).tolist() == [2.0]


def test_fields_that_are_not_known_are_skipped() -> None:
    more = b"\x18\x07" + field(99 << 3 | 2, b"later")
    assert read(proto(DType.FP32, 1, float_val=[3]) + more).tolist() == [3.0]


def test_no_elements_are_legal() -> None:
    assert read(proto(DType.FP32, 2, 0)).shape == (2, 0)
    assert read(proto(DType.BYTES, 0, tensor_content=b"")).shape == (0,)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (proto(0, 1), "its dtype is not given"),
        (b"", "its dtype is not given"),
        (proto(8, 1), "dtype 8 is not supported"),
        (proto(101, 1), "dtype 101 is not supported"),
        (proto(999, 1), "dtype 999 is not supported"),
        (proto(DType.FP32, -1), r"shape [-1] has a negative size"),
        (proto(DType.FP32, *[1] * 33), "a tensor may have at most 32 dimensions, not 33"),
        (proto(DType.FP32, *[1] * 9000), "a tensor may have at most 32 dimensions"),
        (proto(DType.FP32, 2**40, 2**40), f"shape [{2**40}, {2**40}] overflows"),
        (proto(DType.FP32, 0, 2**62), f"shape [0, {2**62}] overflows"),
        (
            proto(DType.FP32, 2, tensor_content=b"123"),
            "tensor_content holds 3 bytes, float32 of shape [2] takes 8",
        ),
        (proto(DType.FP32, 1) + b"\x2a\x03abc", "3 bytes are no whole number of float32 values"),
        (proto(DType.INT64, 1) + b"\x52\x01\x80", "the message is no valid dragoman.PlainTensor"),
        (proto(DType.FP32, 1) + b"\xff", "the message cannot be parsed: a number is cut off"),
        (proto(DType.BYTES, 3, tensor_content=b"\x01a"), "tensor_content is too short for 3 strings"),
        (proto(DType.BYTES, 1, tensor_content=b"\x80"), "the message cannot be parsed: a number is cut off"),
        (proto(DType.BYTES, 1, tensor_content=b"\x05a"), "tensor_content holds 2 bytes, its strings take 6"),
        (proto(DType.BYTES, 1, tensor_content=b"\x00a"), "tensor_content holds 2 bytes, its strings take 1"),
    ],
)
def test_what_is_no_tensor_is_refused_by_its_name(data: bytes, why: str) -> None:
    assert fault(data) == why


@pytest.mark.parametrize("dtype", list(DType))
def test_one_value_announced_as_a_gigabyte_is_refused_before_memory_is_taken(dtype: DType) -> None:
    data = proto(dtype, 2**30, **{VALUE_FIELDS[dtype]: [b"a" if dtype is DType.BYTES else 1]})
    size = 2**30 * dtype.numpy.itemsize
    assert f"takes {size} bytes, 1 values are given" in fault(data)
    assert read(proto(dtype, 10, **{VALUE_FIELDS[dtype]: []}), 80).shape == (10,)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_tensor_or_refused(data: bytes) -> None:
    try:
        tensor = read_tensor("x", data, LIMIT)
    except DragomanError:
        return
    assert tensor.array.dtype == tensor.dtype.numpy


@given(tensor=tensors(), cut=st.integers(0, 300), noise=st.binary(max_size=8))
def test_a_damaged_tensor_is_a_tensor_or_refused(tensor: Tensor, cut: int, noise: bytes) -> None:
    data = whole(write_values(tensor))
    with suppress(DragomanError):
        read(data[:cut] + noise + data[cut + len(noise) :])


def test_values_that_are_messages_take_no_memory() -> None:
    data = proto(DType.FP32, 1, float_val=[1]) + field(14 << 3 | 2, b"") * 1000
    assert read(data).tolist() == [1.0]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (proto(DType.FP32, 2, float_val=[1.0]), Reason.TENSOR_VALUES),
        (proto(DType.FP32, 1, float_val=[1.0, 2.0]), Reason.TENSOR_VALUES),
        (proto(DType.INT32, 2, int_val=[1]), Reason.TENSOR_VALUES),
        (proto(DType.INT32, 2), Reason.TENSOR_VALUES),
        (proto(DType.BYTES, 1, string_val=[b"a", b"b"]), Reason.TENSOR_VALUES),
        (proto(DType.FP32, 2, tensor_content=b"1234"), Reason.TENSOR_BYTES),
    ],
)
def test_values_are_not_cut_nor_repeated_where_each_element_is_to_have_its_own(
    data: bytes, reason: Reason
) -> None:
    with pytest.raises(DragomanError) as caught:
        read_tensor("x", data, LIMIT, exact=True)
    assert (caught.value.code, caught.value.reason) == (Code.INVALID_ARGUMENT, reason)


@pytest.mark.parametrize(
    "data",
    [
        proto(DType.FP32, 2, float_val=[1.0, 2.0]),
        proto(DType.INT32, 2, int_val=[1, 2]),
        proto(DType.FP32, 0),
        proto(DType.BYTES, 1, string_val=[b"a"]),
    ],
)
def test_whole_values_are_taken_there(data: bytes) -> None:
    assert read_tensor("x", data, LIMIT, exact=True).array.tolist() == read(data).tolist()
