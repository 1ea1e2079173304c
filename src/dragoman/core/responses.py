"""What a model answers."""

from collections.abc import Mapping

from msgspec import Struct

from dragoman.core.statistics import Run
from dragoman.core.tensors import Tensor


class TensorResponse(Struct):
    """Named tensors, keyed as the signature's outputs are. `version` is the one that answered.

    `run` = what running it took, once the runner has measured that.
    """

    outputs: Mapping[str, Tensor]
    version: int | None = None
    run: Run | None = None


class Chunk(Struct):
    """One part of a streamed answer: named tensors as the model gave them, what it took, and who answered."""

    outputs: Mapping[str, Tensor]
    run: Run | None = None
    version: int | None = None


CoreResponse = TensorResponse
