"""The JSON before binary tensors. Clients repeat theirs: the same inputs and shapes in every request.

What it says follows from its bytes alone, so most requests have theirs read once, as HTTP has its heads.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import numpy as np
from msgspec import Struct

from dragoman.core.errors import DragomanError
from dragoman.core.requests import Target
from dragoman.core.tensors import DType, Tensor
from dragoman.wire.json_tree import load
from dragoman.wire.raw_tensors import Data
from dragoman.wire.v2.binary import BinaryPart
from dragoman.wire.v2.request import InferDraft, Parameters, WantedOutput, read_document

KNOWN: Final = 1024  # texts
KNOWN_BYTES: Final = 1024  # longer ones are read each time, so that the cache stays small
ID: Final = b'"id"'  # each request has another


class KnownInput(Struct, frozen=True):
    """An input whose tensor lies in the bytes after the JSON, `size` of them."""

    dtype: DType
    shape: tuple[int, ...]
    size: int
    content_type: str | None


class Known(Struct, frozen=True):
    """What a text says. All drafts that are made of it share its parts: nobody writes to them."""

    inputs: Mapping[str, KnownInput]
    outputs: list[WantedOutput]
    binary: bool
    parameters: Parameters | None

    def draft(self, target: Target, data: Data, accepted: bytes | None) -> InferDraft:
        """The request with these bytes.

        Errors: INVALID_ARGUMENT naming the input that they do not fit, and for bytes that are left over.
        """
        part = BinaryPart(target.model, data)
        tensors = {
            name: part.tensor(name, given.dtype, given.shape, given.size, given.content_type)
            for name, given in self.inputs.items()
        }
        part.finish()
        return InferDraft(
            target, tensors, self.outputs, None, self.binary, accepted, parameters=self.parameters
        )


class Noting(BinaryPart):
    """In place of bytes: it notes what is asked for."""

    __slots__ = ("noted",)

    def __init__(self) -> None:
        super().__init__("", b"")
        self.noted: dict[str, KnownInput] = {}

    def tensor(
        self, name: str, dtype: DType, shape: tuple[int, ...], size: int, content_type: str | None
    ) -> Tensor:
        """A tensor that nobody looks at."""
        self.noted[name] = KnownInput(dtype, shape, size, content_type)
        return NO_TENSOR


NO_TENSOR: Final = Tensor(DType.UINT8, np.empty(0, np.uint8))


def find_known(text: Data, max_depth: int) -> Known | None:
    """What the JSON before binary tensors says, where it is short and all its tensors are binary."""
    if len(text) > KNOWN_BYTES:
        return None
    text = bytes(text)
    return None if ID in text else known(text, max_depth)


@lru_cache(KNOWN)
def known(text: bytes, max_depth: int) -> Known | None:
    """The same; None as well where there is something wrong, which is said when the request is read."""
    part = Noting()
    try:
        document = load(text, max_depth, whole=True)
        if type(document) is not dict:
            return None
        draft = read_document(Target(""), document, part=part)
    except DragomanError:
        return None
    if draft.id is not None or draft.inputs.keys() != part.noted.keys():
        return None
    return Known(part.noted, draft.outputs, draft.binary, draft.parameters)
