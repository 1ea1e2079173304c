"""Calls that fit a model's own signature, for people to paste: of ones, and 1 for every open size."""

import math
from collections.abc import Callable, Mapping

from msgspec import Struct

from dragoman.core.signatures import DEFAULT_SIGNATURE, Method, Signature
from dragoman.core.tensors import DType

Sizes = tuple[int, ...]


class Ones(Struct, frozen=True):
    """Nested lists of these sizes of ones, of `true` or of `"text"`; no size = one element."""

    dtype: DType
    sizes: Sizes

    @property
    def count(self) -> int:
        """How many elements they are."""
        return math.prod(self.sizes)


class ExampleCall(Struct, frozen=True):
    """A POST: the protocol's name for people, the path, and a JSON body in which `Ones` stand for tensors.

    `typed` = the body has to be called JSON, which the other protocols take for granted.
    """

    title: str
    path: str
    body: Mapping[str, object]
    typed: bool = False


# From a model's name, as a path has it, and its signatures; None where there is nothing to show.
ExampleMaker = Callable[[str, Mapping[str, Signature]], ExampleCall | None]


def shown_signature(signatures: Mapping[str, Signature]) -> Signature:
    """The one to show: the default, else the first."""
    return signatures.get(DEFAULT_SIGNATURE) or next(iter(signatures.values()))


def example_tensors(signature: Signature) -> Mapping[str, Ones]:
    """What a caller has to give, by name: the inputs, or for classify and regress the features, flat."""
    if signature.method is Method.PREDICT:
        return {name: Ones(spec.dtype, closed(spec.shape)) for name, spec in signature.inputs.items()}
    return {
        name: Ones(spec.dtype, (math.prod(spec.shape),) if spec.shape else ())
        for name, spec in signature.features.items()
    }


def default_tensors(signatures: Mapping[str, Signature]) -> Mapping[str, Ones] | None:
    """The inputs of a signature that need not be named and takes tensors; None where there is none."""
    signature = signatures.get(DEFAULT_SIGNATURE)
    if signature is None or signature.untyped or signature.method is not Method.PREDICT:
        return None
    return example_tensors(signature)


def closed(shape: tuple[int | None, ...] | None) -> Sizes:
    """A shape with 1 for every open size; an open rank counts as one dimension."""
    return (1,) if shape is None else tuple(1 if size is None else size for size in shape)
