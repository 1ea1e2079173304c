"""Texts for an input of bytes with two axes: a row for each text, with zeros behind the shorter ones."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from msgspec.structs import replace

from dragoman.core.errors import Reason, invalid
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.tensors import DType, Tensor
from dragoman.protocols.ovms.retyped import read_retyped
from dragoman.wire.rows import Tensors

AXES: Final = 2  # texts, and their bytes
MOST_BYTES: Final = 1 << 28  # of all rows together: one long text makes every row as long


def takes_strings(spec: TensorSpec) -> bool:
    """Whether the input takes texts, too."""
    return spec.dtype is DType.UINT8 and spec.shape is not None and len(spec.shape) == AXES


def as_texts(spec: TensorSpec) -> TensorSpec:
    """The same input for texts, if it takes them."""
    return replace(spec, dtype=DType.BYTES, shape=(None,)) if takes_strings(spec) else spec


def rows_of_bytes(name: str, texts: Sequence[bytes]) -> Tensor:
    """The bytes of each text in a row, which has room for the longest one and a zero behind it.

    Errors: INVALID_ARGUMENT for rows that together are too large.
    """
    width = max(map(len, texts), default=0) + 1
    if len(texts) * width > MOST_BYTES:
        message = f'input "{name}": {len(texts)} texts of up to {width - 1} bytes are more than {MOST_BYTES}'
        raise invalid(message, Reason.INPUT_SHAPE)
    joined = b"".join(text.ljust(width, b"\0") for text in texts)
    return Tensor(DType.UINT8, np.frombuffer(joined, np.uint8).reshape(len(texts), width))


def read_strings(read: Callable[[Signature], Tensors], signature: Signature) -> Tensors | None:
    """What `read` gives for the signature where inputs of bytes are sent as texts; None = they are not."""
    tensors = read_retyped(read, signature, as_texts)
    if tensors is None:
        return None
    return {
        name: rows_of_bytes(name, tensor.array.tolist()) if takes_strings(signature.inputs[name]) else tensor
        for name, tensor in tensors.items()
    }
