"""Arrays as tensors of PyTorch and back; no copy where the memory can be shared.

NumPy's bfloat16 is ml_dtypes', which PyTorch does not know: such arrays go through 16-bit integers.
"""

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, Final

import numpy as np

from dragoman.core.tensors import Array, DType, Tensor

DTYPES: Final[Mapping[str, DType]] = {
    f"torch.{dtype.value}": dtype for dtype in DType if dtype is not DType.BYTES
}
CARRIER: Final = np.dtype(np.int16)
NUMBERS: Final[Mapping[type, DType]] = {bool: DType.BOOL, int: DType.INT64, float: DType.FP64}


class UnsendableError(Exception):
    """A value that is no tensor of a type there is, and what it is, in words."""


def dtype_of(torch_dtype: Any) -> DType | None:
    """The type; None where there is no such type here."""
    return DTYPES.get(str(torch_dtype))


def to_torch(runtime: ModuleType, tensor: Tensor, device: Any) -> Any:
    """A tensor on the device. On the CPU it shares the array's memory, where that may be written to."""
    array = tensor.array
    if not (array.flags.writeable and array.flags.c_contiguous and array.flags.aligned):
        array = array.copy()
    if tensor.dtype is DType.BF16:
        made = runtime.from_numpy(array.view(CARRIER)).view(runtime.bfloat16)
    else:
        made = runtime.from_numpy(array)
    return made if device is None else made.to(device)


def from_torch(runtime: ModuleType, value: Any, fed: Sequence[Array]) -> Tensor:
    """What a model gave, a tensor or a number, in memory that none of the arrays in `fed` has.

    Errors: UnsendableError.
    """
    if not isinstance(value, runtime.Tensor):
        dtype = NUMBERS.get(type(value))
        if dtype is None:
            raise UnsendableError(f"a {type(value).__name__}")
        return Tensor(dtype, np.array(value, dtype.numpy))
    dtype = dtype_of(value.dtype)
    if dtype is None:
        raise UnsendableError(f"a tensor of {value.dtype}")
    if value.layout is not runtime.strided:
        raise UnsendableError(f"a sparse tensor ({value.layout})")
    plain = value.detach().cpu().resolve_neg().contiguous()
    carried = plain.view(runtime.int16) if dtype is DType.BF16 else plain
    array: Array = carried.numpy().view(dtype.numpy)
    # A model may give an input as it came, or a part of it.
    if any(np.may_share_memory(array, given) for given in fed):
        array = array.copy()
    return Tensor(dtype, array)
