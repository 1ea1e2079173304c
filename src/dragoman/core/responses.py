"""What a model answers."""

from collections.abc import Mapping

from msgspec import Struct

from dragoman.core.tensors import Tensor


class TensorResponse(Struct):
    """Named tensors, keyed as the signature's outputs are. `version` is the one that answered."""

    outputs: Mapping[str, Tensor]
    version: int | None = None


class Chunk(Struct):
    """One part of a streamed answer: named tensors, in the order the model gave them."""

    outputs: Mapping[str, Tensor]


CoreResponse = TensorResponse
