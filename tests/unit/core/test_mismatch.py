"""Why given tensors do not fit a signature."""

import numpy as np
import pytest

from dragoman.core.errors import Code, Reason
from dragoman.core.mismatch import find_mismatch
from dragoman.core.signatures import TensorSpec
from dragoman.core.tensors import DType, Shape, Tensor


def spec(shape: Shape | None, layout: str | None = None) -> TensorSpec:
    return TensorSpec("x", DType.FP32, shape, "x", layout)


def zeros(*shape: int, dtype: DType = DType.FP32) -> Tensor:
    return Tensor(dtype, np.zeros(shape, dtype.numpy))


@pytest.mark.parametrize(
    ("given", "wanted", "reason"),
    [
        ({}, spec((None,)), Reason.INPUT_MISSING),
        ({"x": zeros(1), "z": zeros(1)}, spec((None,)), Reason.INPUT_UNKNOWN),
        ({"x": zeros(1, dtype=DType.FP64)}, spec((None,)), Reason.INPUT_DTYPE),
        ({"x": zeros(1, 1)}, spec((None,)), Reason.INPUT_RANK),
        ({"x": zeros(2, 3)}, spec((1, 3)), Reason.INPUT_BATCH),
        ({"x": zeros(2, 3)}, spec((1, 4)), Reason.INPUT_BATCH),
        ({"x": zeros(1, 3)}, spec((1, 4)), Reason.INPUT_SHAPE),
        ({"x": zeros(3, 2)}, spec((3, 1), "CN"), Reason.INPUT_BATCH),
        ({"x": zeros(2, 3)}, spec((1, 3), "HW"), Reason.INPUT_SHAPE),
    ],
)
def test_a_misfit_has_a_reason(given: dict[str, Tensor], wanted: TensorSpec, reason: Reason) -> None:
    error = find_mismatch(given, {"x": wanted})
    assert error is not None
    assert (error.code, error.reason) == (Code.INVALID_ARGUMENT, reason)


@pytest.mark.parametrize("wanted", [spec((None, 3)), spec((2, 3)), spec(None)])
def test_what_fits_has_none(wanted: TensorSpec) -> None:
    assert find_mismatch({"x": zeros(2, 3)}, {"x": wanted}) is None
