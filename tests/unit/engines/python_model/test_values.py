"""What predict gives, against what the model declares."""

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.core.signatures import TensorSpec
from dragoman.core.tensors import DType
from dragoman.engines.python_model.values import to_part, to_tensor, to_tensors


def spec(dtype: DType, *shape: int | None) -> TensorSpec:
    return TensorSpec("y", dtype, shape or None, "y")


def refused(value: Any, declared: TensorSpec) -> str:
    with pytest.raises(DragomanError) as caught:
        to_tensor(value, declared)
    assert caught.value.code is Code.INTERNAL
    return caught.value.message


def test_an_array_of_the_declared_type_is_not_copied() -> None:
    given = np.ones(3, np.float32)
    assert to_tensor(given, spec(DType.FP32)).array is given


@pytest.mark.parametrize(("given", "dtype"), [
    (np.array([1, 2], np.int32), DType.INT64), (np.array([1.5], np.float32), DType.FP64),
    (np.array([True]), DType.INT8), (np.array([1], np.int16), DType.FP32), (np.float32(2), DType.FP64),
    ([1, 2], DType.FP32), ([0, 255], DType.UINT8),
    ([1.5, 2], DType.FP32), (3, DType.INT8), (2.5, DType.FP16), ([], DType.INT32),
    (np.array([1.5], np.float16), DType.FP32), ([[1.5]], DType.BF16),
])  # fmt: skip
def test_values_that_the_declared_type_holds_are_converted(given: Any, dtype: DType) -> None:
    got = to_tensor(given, spec(dtype)).array
    assert got.dtype == dtype.numpy
    assert got.tolist() == np.asarray(given).tolist()


@pytest.mark.parametrize(("given", "dtype"), [
    (np.array([1.5]), DType.FP32), (np.array([1], np.int64), DType.INT32),
    (np.array([1], np.int64), DType.FP32), (np.array([1.5]), DType.BOOL), (np.array([1j]), DType.FP64),
    ([1.5], DType.INT32), (["a"], DType.FP32), ([300], DType.UINT8), ([300], DType.INT8),
    ([-1], DType.UINT64), ([2**64], DType.UINT64), ([1], DType.BOOL), ([[1], [1, 2]], DType.FP32),
    (None, DType.FP32),
    (object(), DType.INT8), ({"a": 1}, DType.FP32),
])  # fmt: skip
def test_values_that_it_may_not_hold_are_refused_by_name(given: Any, dtype: DType) -> None:
    assert refused(given, spec(dtype)).startswith(f'model.py: output "y" is no {dtype.value} array: ')


@pytest.mark.parametrize("given", [
    ["é", b"b"], np.array(["é", "b"]), np.array(["é".encode(), b"b"]), np.array(["é", b"b"], object),
    ("é", "b"),
])  # fmt: skip
def test_text_becomes_bytes(given: Any) -> None:
    assert to_tensor(given, spec(DType.BYTES, None)).array.tolist() == ["é".encode(), b"b"]


def test_one_text_is_a_scalar() -> None:
    got = to_tensor("word", spec(DType.BYTES)).array
    assert (got.shape, got[()]) == ((), b"word")


def test_no_text_at_all_is_an_empty_array() -> None:
    assert to_tensor([], spec(DType.BYTES, None)).array.shape == (0,)


@pytest.mark.parametrize("given", [[1], [None], np.ones(2), [b"a", 1]])
def test_what_is_no_text_is_refused_by_name(given: Any) -> None:
    assert refused(given, spec(DType.BYTES)).startswith('model.py: output "y" is no bytes array: ')


def test_another_shape_is_refused_with_both() -> None:
    message = refused(np.ones((2, 2), np.float32), spec(DType.FP32, None, 3))
    assert message == 'model.py: output "y": shape (2, 2) does not fit (?, 3)'


DECLARED = {"y": spec(DType.FP32), "z": spec(DType.INT64)}


@pytest.mark.parametrize(("given", "message"), [
    ({"y": [1.0]}, 'predict gave no output "z"'),
    ({"y": [1.0], "z": [1], "w": [1]}, "predict gave 'w', which outputs does not declare"),
    ([1.0], "predict gave list, and has to give a dict"),
    (None, "predict gave NoneType, and has to give a dict"),
])  # fmt: skip
def test_outputs_that_are_missing_or_too_many_are_named(given: Any, message: str) -> None:
    with pytest.raises(DragomanError, match=message):
        to_tensors(given, DECLARED, None)


def test_only_wanted_outputs_are_given() -> None:
    assert list(to_tensors({"y": [1.0], "z": [1]}, DECLARED, ["z"])) == ["z"]


def test_a_part_of_a_stream_may_leave_outputs_out_but_adds_none() -> None:
    assert list(to_part({"z": [1]}, DECLARED, None)) == ["z"]
    with pytest.raises(DragomanError, match="'w'"):
        to_part({"z": [1], "w": 1}, DECLARED, None)


def test_bfloat16_arrays_are_taken() -> None:
    given = np.array([1.5], ml_dtypes.bfloat16)
    assert to_tensor(given, spec(DType.BF16)).array is given
