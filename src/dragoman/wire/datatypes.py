"""The names that the Open Inference Protocol has for element types, and how it shows shapes."""

from collections.abc import Mapping
from typing import Final

from dragoman.core.tensors import DType, Shape

DATATYPES: Final[Mapping[DType, str]] = {  # the protocol's table of tensor data types; BF16 is Triton's
    DType.BOOL: "BOOL",
    DType.UINT8: "UINT8",
    DType.UINT16: "UINT16",
    DType.UINT32: "UINT32",
    DType.UINT64: "UINT64",
    DType.INT8: "INT8",
    DType.INT16: "INT16",
    DType.INT32: "INT32",
    DType.INT64: "INT64",
    DType.FP16: "FP16",
    DType.BF16: "BF16",
    DType.FP32: "FP32",
    DType.FP64: "FP64",
    DType.BYTES: "BYTES",
}
DTYPES: Final[Mapping[str, DType]] = {name: dtype for dtype, name in DATATYPES.items()}


def shown_shape(shape: Shape | None) -> list[int]:
    """A shape on the wire: -1 = any size; where even the rank is open, one such size stands for all."""
    return [-1] if shape is None else [-1 if size is None else size for size in shape]
