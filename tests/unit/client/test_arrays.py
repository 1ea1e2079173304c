"""Values to tensors."""

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.client.arrays import is_typed, plain_tensor, typed_tensor
from dragoman.client.errors import InvalidInput
from dragoman.client.results import TensorMetadata
from dragoman.core.tensors import NUMPY, DType
from tests.unit.client.driving import arrays, bits

NUMBERS = [dtype for dtype in DType if dtype is not DType.BYTES]


def plain(value: Any, dtype: DType) -> Any:
    tensor = plain_tensor(value, TensorMetadata("x", dtype, (None,)))
    assert tensor.dtype is dtype
    assert tensor.array.dtype == NUMPY[dtype]
    return tensor.array


@given(data=st.data(), dtype=st.sampled_from(DType))
def test_an_array_is_the_tensor_bit_for_bit(data: st.DataObject, dtype: DType) -> None:
    array = data.draw(arrays(dtype))
    tensor = typed_tensor("x", array)
    assert tensor.dtype is dtype
    assert bits(tensor.array) == bits(array)


def test_numbers_are_not_copied() -> None:
    array = np.arange(6.0)
    assert np.shares_memory(typed_tensor("x", array).array, array)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array(["é", "b"]), ["é".encode(), b"b"]),
        (np.array([b"a", b"\x00b"]), [b"a", b"\x00b"]),
        (np.array(["é", b"\xff"], object), ["é".encode(), b"\xff"]),
        (np.array([["a"]], np.dtypes.StringDType()), [[b"a"]]),
        (np.array("scalar"), b"scalar"),
        (np.array([], object), []),
    ],
)
def test_arrays_of_text_become_bytes(array: Any, expected: Any) -> None:
    tensor = typed_tensor("x", array)
    assert tensor.dtype is DType.BYTES
    assert tensor.array.tolist() == expected


def test_a_foreign_byte_order_is_turned() -> None:
    tensor = typed_tensor("x", np.array([1.5, -2], ">f4"))
    assert tensor.dtype is DType.FP32
    assert tensor.array.dtype.isnative
    assert tensor.array.tolist() == [1.5, -2]


def test_whatever_makes_itself_an_array_is_one() -> None:
    class Frame:
        def __array__(self, dtype: object = None, copy: object = None) -> Any:
            return np.array([1, 2], np.int16)

    assert typed_tensor("x", Frame()).dtype is DType.INT16
    assert typed_tensor("x", np.float64(2)).dtype is DType.FP64


def test_what_fails_to_make_itself_an_array_is_told() -> None:
    class Frame:
        def __array__(self, dtype: object = None, copy: object = None) -> Any:
            raise RuntimeError("it lies on the GPU")

    with pytest.raises(InvalidInput, match=r"input 'x'.*it lies on the GPU"):
        typed_tensor("x", Frame())


@pytest.mark.parametrize(
    "array",
    [np.array([1j]), np.array(["2020-01-01"], "M8[D]"), np.zeros(2, "i4,f4"), np.array([1], np.longdouble)],
)
def test_a_type_that_no_tensor_has_is_refused(array: Any) -> None:
    with pytest.raises(InvalidInput, match="input 'x': no tensor holds"):
        typed_tensor("x", array)


@pytest.mark.parametrize("element", [1, None, {"a": 1}])
def test_other_objects_are_no_text(element: Any) -> None:
    with pytest.raises(InvalidInput, match="is neither bytes nor text"):
        typed_tensor("x", np.array([b"a", element], object))


def test_only_plain_values_have_no_type() -> None:
    assert not any(map(is_typed, [1, 1.0, True, "a", b"a", [1], (1,)]))
    assert all(map(is_typed, [np.float64(1), np.str_("a"), np.array(1), np.bool_(True)]))


@pytest.mark.parametrize("dtype", NUMBERS)
def test_plain_numbers_become_what_the_model_takes(dtype: DType) -> None:
    value: Any = [[True, False]] if dtype is DType.BOOL else [[1, 2]]
    assert plain(value, dtype).tolist() == value
    assert plain(value[0][0], dtype).shape == ()


def test_tuples_and_numpy_numbers_may_stand_in_lists() -> None:
    assert plain([(1, 2), [np.int8(3), 4]], DType.FP32).tolist() == [[1, 2], [3, 4]]
    assert plain([np.array([1.5, 2]), (3, ml_dtypes.bfloat16(4))], DType.FP16).tolist() == [[1.5, 2], [3, 4]]


def test_large_numbers_survive() -> None:
    assert plain([2**64 - 1], DType.UINT64).tolist() == [2**64 - 1]
    assert plain([-(2**63)], DType.INT64).tolist() == [-(2**63)]


def test_plain_texts_become_utf8() -> None:
    assert plain(["é", b"\xff", ""], DType.BYTES).tolist() == ["é".encode(), b"\xff", b""]
    assert plain("é", DType.BYTES).tolist() == "é".encode()


def test_empty_lists_keep_their_shape() -> None:
    assert plain([], DType.FP32).shape == (0,)
    assert plain([[], []], DType.BYTES).shape == (2, 0)


@pytest.mark.parametrize(
    ("value", "dtype", "told"),
    [
        ([1, 300], DType.UINT8, "300 is no UINT8"),
        ([-1], DType.UINT64, "-1 is no UINT64"),
        ([1.5], DType.INT32, "1.5 is no INT32"),
        ([70000.0], DType.FP16, "70000.0 is no FP16"),
        (["1"], DType.FP32, "'1' is no FP32"),
        ([True], DType.FP32, "True is no FP32"),
        ([1], DType.BOOL, "1 is no BOOL"),
        ([1], DType.BYTES, "1 is neither bytes nor text"),
        ([None], DType.FP32, "None is no FP32"),
        ([[1, 2], [3]], DType.FP32, "uneven"),
        ([1, [2]], DType.FP32, "uneven"),
        (["\ud800"], DType.BYTES, "is no text"),
        (["x" * 1000], DType.FP32, "'xxx"),
    ],
)
def test_what_the_type_cannot_hold_is_refused_by_name(value: Any, dtype: DType, told: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        plain(value, dtype)
    assert str(caught.value).startswith("input 'x': ")
    assert told in str(caught.value)
    assert len(str(caught.value)) < 200


def test_lists_deeper_than_any_tensor_are_refused() -> None:
    value: Any = 1
    for _ in range(40):
        value = [value]
    with pytest.raises(InvalidInput, match="too deep"):
        plain(value, DType.FP32)
