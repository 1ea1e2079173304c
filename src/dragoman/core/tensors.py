"""Tensors: the values that models take and give."""

import enum
from typing import Any, Final

import ml_dtypes
import numpy as np
from msgspec import Struct

Array = np.ndarray[Any, Any]


class DType(enum.Enum):
    """Element types. BYTES elements are Python `bytes` in an object array; text is UTF-8 at the edge."""

    BOOL = "bool"
    UINT8 = "uint8"
    UINT16 = "uint16"
    UINT32 = "uint32"
    UINT64 = "uint64"
    INT8 = "int8"
    INT16 = "int16"
    INT32 = "int32"
    INT64 = "int64"
    FP16 = "float16"
    BF16 = "bfloat16"
    FP32 = "float32"
    FP64 = "float64"
    BYTES = "bytes"

    # Members are compared by identity; enum's own hash is Python code, paid at each look-up in a table.
    __hash__ = object.__hash__

    @property
    def numpy(self) -> np.dtype[Any]:
        """The NumPy type of an array that holds these elements; `object` for BYTES."""
        return NUMPY[self]

    @property
    def is_float(self) -> bool:
        """Whether NaN and infinities are values of this type."""
        return self in FLOATS

    @property
    def is_integer(self) -> bool:
        """Whether this is one of the eight integer types."""
        return self in INTEGERS


NUMPY: Final[dict[DType, np.dtype[Any]]] = {
    member: np.dtype({"bytes": np.object_, "bfloat16": ml_dtypes.bfloat16}.get(member.value, member.value))
    for member in DType
}
FLOATS: Final = frozenset({DType.FP16, DType.BF16, DType.FP32, DType.FP64})
INTEGERS: Final = frozenset(
    {DType.UINT8, DType.UINT16, DType.UINT32, DType.UINT64, DType.INT8, DType.INT16, DType.INT32, DType.INT64}
)
BY_NUMPY: Final[dict[np.dtype[Any], DType]] = {dtype: member for member, dtype in NUMPY.items()}


class Tensor(Struct, frozen=True):
    """A typed array in C order. It may borrow the request's body: nobody writes to it."""

    dtype: DType
    array: Array


Shape = tuple[int | None, ...]


def show_shape(shape: Shape | None) -> str:
    """A shape for messages: `(?, 224, 224, 3)`; `any shape` where even the rank is open."""
    if shape is None:
        return "any shape"
    sizes = ["?" if size is None else str(size) for size in shape]
    return f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(sizes)})"


def fits(given: tuple[int, ...], expected: Shape | None) -> bool:
    """Whether a shape agrees with one that may be open."""
    if expected is None:
        return True
    if len(given) != len(expected):
        return False
    for size, wanted in zip(given, expected, strict=True):  # `all` costs four times as much
        if wanted is not None and size != wanted:
            return False
    return True
