"""Signatures: what a model takes and gives, as data that codecs may read."""

import enum
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct, field

from dragoman.core.embedding import EmbedTraits
from dragoman.core.explanation import Attribution
from dragoman.core.generation import TextTraits
from dragoman.core.images import ImageSpec, Preprocessing, Range
from dragoman.core.requests import Kind
from dragoman.core.tensors import DType, Shape, Tensor

DEFAULT_SIGNATURE: Final = "serving_default"  # TensorFlow Serving's name for "none given"


class Method(enum.Enum):
    """What a signature is for, in TensorFlow Serving's three words."""

    PREDICT = "predict"
    CLASSIFY = "classify"
    REGRESS = "regress"


class Answers(enum.Enum):
    """How a model answers one request: with one response, in any number of parts, or as the caller likes."""

    WHOLE = "whole"
    PARTS = "parts"
    EITHER = "either"


class TensorSpec(Struct, frozen=True):
    """One input or output: `shape` None = any rank, a None in it = any size; `source` = the engine's name.

    `graph_name` = the tensor inside the model's graph, where it has a name that metadata should show;
    `default` = what an input is that the caller leaves out, where it may be left out. `image` = how encoded
    images become this input, which are then sent as BYTES; None = it takes none. `dtype` and `shape` are
    what callers send; `preprocessing` makes the model's own of that, None = it is the model's own. `ranges` =
    by axis of the model's own shape, the least and the greatest size of one that is open; empty = any.
    """

    name: str
    dtype: DType
    shape: Shape | None
    source: str
    layout: str | None = None
    graph_name: str | None = None
    default: Tensor | None = None
    image: ImageSpec | None = None
    preprocessing: Preprocessing | None = None
    ranges: tuple[Range | None, ...] = ()

    @property
    def tensor_name(self) -> str:
        """What TensorFlow calls the tensor: its operation, and which of the operation's outputs it is."""
        return self.graph_name or f"{self.source}:0"


class FeatureSpec(Struct, frozen=True):
    """One Example feature of fixed length: its values in one example become one row of input `source`."""

    name: str
    dtype: DType
    shape: tuple[int, ...]
    source: str
    default: Sequence[bool | int | float | str] | None = None


class Signature(Struct, frozen=True):
    """A named way to call a model.

    `inputs` and `outputs` are what callers see. A signature that takes Examples shows, as TensorFlow
    Serving's do, one BYTES input called `inputs`; `features` then says how an Example becomes tensors. An
    `untyped` one says nothing of its tensors, which may be any. `text` = what is known of a
    model that writes texts, `embeds` of one that makes vectors of them. `attribution` = how its runtime
    explains what it gives; None = it does not.
    """

    name: str
    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]
    source: str = DEFAULT_SIGNATURE  # the engine's own name of the signature this one calls
    method: Method = Method.PREDICT
    accepts: frozenset[Kind] = frozenset({Kind.TENSORS})
    features: Mapping[str, FeatureSpec] = field(default_factory=dict)
    classes: tuple[str, ...] = ()  # class labels by index, where the model has no output that gives them
    add_trailing_axis: bool = False  # whether [N] may feed an [N, 1] input
    answers: Answers = Answers.WHOLE
    untyped: bool = False
    any_number: bool = False  # whether numbers of any type may feed its inputs, and [N, 1] one of shape [N]
    text: TextTraits | None = None
    embeds: EmbedTraits | None = None
    attribution: Attribution | None = None

    @property
    def streams(self) -> bool:
        """Whether a caller who takes parts gets them one by one."""
        return self.answers is not Answers.WHOLE

    @property
    def only_input(self) -> TensorSpec | None:
        """The input, where there is exactly one."""
        if len(self.inputs) != 1:
            return None
        return next(iter(self.inputs.values()))
