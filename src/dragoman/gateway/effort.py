"""How much of an answer has to be worked through where its operation cannot tell."""

from math import inf
from typing import Final

from dragoman.core.responses import CoreResponse, PayloadResponse, TensorResponse
from dragoman.core.tensors import DType

NUMBER_BYTES: Final = 8  # of JSON; raw numbers take less


def bytes_to_write(answer: CoreResponse) -> float:
    """As an operation's `writing` has it; without end for values of any form."""
    if isinstance(answer, PayloadResponse):
        return 0
    if not isinstance(answer, TensorResponse):
        return inf
    size = 0
    for tensor in answer.outputs.values():
        texts = tensor.dtype is DType.BYTES
        size += sum(map(len, tensor.array.flat)) if texts else tensor.array.size * NUMBER_BYTES
    return size
