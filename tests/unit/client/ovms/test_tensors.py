"""TensorProtos that are made, and those that are read."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.client.errors import BadAnswer
from dragoman.client.ovms.tensors import make_tensor_proto, read_output, written
from dragoman.core.tensors import DType, Tensor
from dragoman.wire.protobuf import message_class
from dragoman.wire.tensor_proto import write_content, write_values
from tests.unit.client.driving import arrays, bits

TYPED = st.sampled_from([dtype for dtype in DType if dtype is not DType.BYTES]).flatmap(
    lambda dtype: st.tuples(st.just(dtype), arrays(dtype))
)


@given(TYPED)
def test_numbers_come_back_bit_for_bit(typed: tuple[DType, Any]) -> None:
    dtype, array = typed
    for data in (written(array), write_content(Tensor(dtype, array)), write_values(Tensor(dtype, array))):
        assert bits(read_output("y", b"".join(data))) == bits(array)


@given(arrays(DType.BYTES))
def test_bytes_come_back_whole(array: Any) -> None:
    read = read_output("y", b"".join(written(array)))
    assert read.shape == array.shape
    assert read.tolist() == array.tolist()


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_complex_numbers_come_back(dtype: type) -> None:
    array = np.array([[1 + 2j, 3 - 4j]], dtype)
    assert bits(read_output("y", b"".join(written(array)))) == bits(array)


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"dtype": 8, "scomplex_val": [1, 2]}, [1 + 2j] * 3),
        ({"dtype": 18, "dcomplex_val": [1, 2, 3, 4]}, [1 + 2j, 3 + 4j, 3 + 4j]),
        ({"dtype": 8}, [0, 0, 0]),
        ({"dtype": 1, "float_val": [1.5]}, [1.5] * 3),
        ({"dtype": 7, "string_val": [b"one"]}, [b"one"] * 3),
    ],
)
def test_values_that_are_too_few_end_with_the_last(fields: Any, wanted: list[Any]) -> None:
    assert read_output("y", tensor_proto([3], **fields)).tolist() == wanted


@pytest.mark.parametrize(
    "data",
    [
        b"\xff",
        b"",
        b"\x08\x63",
        b"\x08\x01\x12\x04\x12\x02\x08\x03\x22\x01\0",
        b"\x08\x08\x12\x04\x12\x02\x08\x03\x22\x01\0",
        b"\x08\x08\x12\x04\x12\x02\x08\x03\x4a\x04\0\0\0\0",
        b"\x08\x08\x12\x0c\x12\x0a\x08\xff\xff\xff\xff\xff\xff\xff\x7f",
    ],
)
def test_what_is_no_tensor_is_a_bad_answer(data: bytes) -> None:
    with pytest.raises(BadAnswer):
        read_output("y", data)


def tensor_proto(shape: list[int], **fields: Any) -> bytes:
    shaped = {"dim": [{"size": size} for size in shape]}
    made: bytes = message_class("tensorflow.TensorProto")(tensor_shape=shaped, **fields).SerializeToString()
    return made


@pytest.mark.parametrize(
    ("arguments", "number", "shape", "wanted"),
    [
        (([1.0, 2.0],), 1, [2], [1.0, 2.0]),
        (([1, 2], 1), 1, [2], [1.0, 2.0]),
        ((1.5, 2), 2, [1], [1.5]),
        (([1, 2, 3, 4], None, (2, 2)), 3, [2, 2], [[1, 2], [3, 4]]),
        (([1], 9, []), 9, [1], [1]),
        ((b"\1\0\2\0", 5), 5, [2], [1, 2]),
        ((["one"], 7), 7, [1], [b"one"]),
        (([1, 2], 7), 7, [2], [b"1", b"2"]),
        ((np.array(["one"]),), 7, [1], [b"one"]),
    ],
)
def test_a_tensor_is_made_of_values_a_type_and_a_shape(
    arguments: tuple[Any, ...], number: int, shape: list[int], wanted: list[Any]
) -> None:
    made: Any = make_tensor_proto(*arguments)
    assert made.dtype == number
    assert [dim.size for dim in made.tensor_shape.dim] == shape
    assert read_output("y", made.SerializeToString()).tolist() == wanted


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (((1.0,),), TypeError),
        (([1.0], 99), TypeError),
        (([1.0], None, 1), TypeError),
        (([1.0], None, [-1]), TypeError),
        (([1.0], None, [1.0]), TypeError),
        (([1.0], None, [2]), ValueError),
        ((["one"], 1), ValueError),
        ((b"abc", 1), ValueError),
    ],
)
def test_of_nonsense_no_tensor_is_made(arguments: tuple[Any, ...], kind: type[Exception]) -> None:
    with pytest.raises(kind):
        make_tensor_proto(*arguments)
