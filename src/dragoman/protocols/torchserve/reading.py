"""Whom a body is for, and how its tensors were written."""

from collections.abc import Iterable

from msgspec import Struct

from dragoman.core.errors import invalid
from dragoman.core.requests import CoreRequest, Target
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.settings.limits import Limits
from dragoman.wire.json_tree import JsonObject
from dragoman.wire.rows import check_typed
from dragoman.wire.v2.request import InferDraft


class Reading(Struct):
    """How a request's tensors were written, which its answer follows.

    `one_row`: without a list around it. `v2`: as the Open Inference Protocol has them. `key`: the answer's
    own, empty = it stands alone. `streams`: the caller wants a text as it comes. `by_row`: as entries of
    `instances` or rows of `inputs`; `named`: by the inputs' names. `parameters`: what the body says besides.
    """

    one_row: bool = False
    v2: InferDraft | None = None
    key: str = ""
    streams: bool = False
    by_row: bool = False
    named: bool = False
    parameters: JsonObject | None = None
    shap: bool = False


class Asking(Struct):
    """Whom a body is for."""

    target: Target
    signature: Signature
    limits: Limits

    @property
    def inputs(self) -> str:
        """The inputs for a message."""
        return listed(self.signature.inputs)

    @property
    def only_input(self) -> TensorSpec:
        """The input that a value without a name is for.

        Errors: INVALID_ARGUMENT where there are several, or it is not known.
        """
        check_typed(self.signature)
        spec = self.signature.only_input
        if spec is None:
            raise invalid(f"the request names no input, and the model has {self.inputs}")
        return spec


Read = tuple[Reading, CoreRequest]


def listed(names: Iterable[str]) -> str:
    """Names for a message."""
    return ", ".join(sorted(names)) or "none"
