"""The binary tensor data extension: JSON first, then the bytes of tensors, back to back.

`Inference-Header-Content-Length` tells how long the JSON is. Tensors stay where they lie in the body.
"""

from typing import Final

import numpy as np

from dragoman.core.errors import DragomanError, invalid
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.tensors import NUMPY, Array, DType, Tensor
from dragoman.wire.base64 import decode_base64
from dragoman.wire.datatypes import shown_shape
from dragoman.wire.raw_tensors import Data, read_raw
from dragoman.wire.v2.binding import bracketed

LENGTH_HEADER: Final = b"Inference-Header-Content-Length"
MAX_DIGITS: Final = 19
BASE64: Final = "base64"  # MLServer's content type of BYTES that hold such text


class BinaryPart:
    """The bytes after the JSON, taken from front to back; `model` = whom they are for."""

    __slots__ = ("_at", "_data", "model")

    def __init__(self, model: str, data: Data) -> None:
        self.model = model
        self._data = data
        self._at = 0

    def take(self, name: str, size: int) -> Data:
        """The next so many bytes, which are those of input `name`.

        Errors: INVALID_ARGUMENT where there are fewer.
        """
        start = self._at
        end = start + size
        if end > len(self._data):
            left = len(self._data) - start
            raise invalid(
                f"input '{name}': binary_data_size is {size}, and {left} bytes of the body are left"
            )
        self._at = end
        return self._data[start:end]

    def tensor(
        self, name: str, dtype: DType, shape: tuple[int, ...], size: int, content_type: str | None
    ) -> Tensor:
        """Input `name`, which the next so many bytes are.

        Errors: INVALID_ARGUMENT where they are not.
        """
        array = read_raw(name, self.take(name, size), dtype, shape, self.model)
        return Tensor(dtype, array) if content_type is None else decoded(name, dtype, array, content_type)

    def finish(self) -> None:
        """All of it has been taken.

        Errors: INVALID_ARGUMENT where bytes are left over.
        """
        left = len(self._data) - self._at
        if left:
            raise invalid(f"{left} bytes of the body are left over after its last tensor")


def decoded(name: str, dtype: DType, array: Array, content_type: str | None) -> Tensor:
    """The tensor, out of base64 where its content type says so.

    Errors: INVALID_ARGUMENT naming the input for what is none.
    """
    if content_type == BASE64 and dtype is DType.BYTES:
        flat = array.reshape(-1)
        try:
            flat[:] = [decode_base64(text.decode("latin-1")) for text in flat]
        except DragomanError:
            raise invalid(f"input '{name}' is not base64, as its content type says") from None
    return Tensor(dtype, array)


def read_length(value: bytes, body: Data) -> int:
    """How long the JSON of a body is, as the header says.

    Errors: INVALID_ARGUMENT for no number, and for one beyond the body.
    """
    digits = value.strip()
    if not digits.isdigit() or len(digits) > MAX_DIGITS:
        shown = digits[:64].decode("ascii", "replace")
        raise invalid(f"{LENGTH_HEADER.decode()} must be a number of bytes, not {shown!r}")
    size = int(digits)
    if size > len(body):
        raise invalid(f"{LENGTH_HEADER.decode()} is {size}, and the body has {len(body)} bytes")
    return size


def read_raw_body(model: str, body: Data, signature: Signature) -> dict[str, Tensor]:
    """The only input of a model, whose bytes are the whole body. Its one open size follows from them.

    Errors: INVALID_ARGUMENT for a model with several inputs, one whose shape leaves more open, and bytes that
    do not fit.
    """
    spec = signature.only_input
    if spec is None:
        raise invalid(
            f"raw binary data is for models with one input, and model '{model}' has {len(signature.inputs)}"
        )
    if spec.dtype is DType.BYTES:
        return {spec.name: _one_text(model, body, spec)}
    shape = _raw_shape(model, body, spec)
    return {spec.name: Tensor(spec.dtype, read_raw(spec.name, body, spec.dtype, shape, model))}


def _one_text(model: str, body: Data, spec: TensorSpec) -> Tensor:
    """The body as one element, without its length before it."""
    sizes = (None,) if spec.shape is None else spec.shape
    if not sizes or any(size not in (1, None) for size in sizes):
        raise _unclear(model, spec)
    array = np.empty((1,) * len(sizes), np.object_)
    array.reshape(-1)[0] = bytes(body)
    return Tensor(DType.BYTES, array)


def _raw_shape(model: str, body: Data, spec: TensorSpec) -> tuple[int, ...]:
    sizes = (None,) if spec.shape is None else spec.shape
    known = NUMPY[spec.dtype].itemsize
    for size in sizes:
        known *= 1 if size is None else size
    if sizes.count(None) > 1 or not known:
        raise _unclear(model, spec)
    rest = len(body) // known  # what does not come out even is told by whoever reads it
    return tuple([rest if size is None else size for size in sizes])


def _unclear(model: str, spec: TensorSpec) -> DragomanError:
    shape = bracketed(shown_shape(spec.shape))
    return invalid(
        f"the shape {shape} of input '{spec.name}' of model '{model}' does not follow from raw binary data"
    )
