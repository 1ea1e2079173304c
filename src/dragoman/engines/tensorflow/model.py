"""A loaded SavedModel: the calls into its session and what comes before and after them.

Each signature is one callable of the session, made when the model loads: the graph is pruned to what leads
from its inputs to its outputs, and a call hands arrays over and takes arrays back. Operators run one after
the other in the calling thread unless the options say otherwise. A call of `half_plus_two` takes 3.9 µs so;
through `Session.run` it takes 57, as a function of `tf.saved_model.load` 113.

Types and shapes are not checked first: TensorFlow refuses wrong types by itself, and which shapes it takes is
the graph's to say, as in TensorFlow Serving. Why it refused is found out afterwards.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, Final

import numpy as np
import structlog
from msgspec import Struct

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.core.mismatch import find_mismatch, find_unknown_output, show_tensors
from dragoman.core.requests import TensorRequest
from dragoman.core.responses import Chunk, TensorResponse
from dragoman.core.signatures import Signature
from dragoman.core.tensors import Array, DType, Tensor
from dragoman.engines.tensorflow.errors import callers_fault

OVERLAPPING_CALLS: Final = 1024  # a session may be run by any number of threads at once


class Entry(Struct, frozen=True):
    """A signature, and `run`, which takes the arrays of `inputs` and gives the values of `outputs`."""

    signature: Signature
    run: Callable[..., Sequence[Any]]
    inputs: tuple[str, ...]
    outputs: tuple[tuple[str, DType], ...]


class TensorFlowModel:
    """One SavedModel in a session of its own, which lives as long as `entries` refer to it."""

    def __init__(self, runtime: ModuleType, entries: Mapping[str, Entry], title: str) -> None:
        self.signatures: Mapping[str, Signature] = {name: entry.signature for name, entry in entries.items()}
        self.concurrency = OVERLAPPING_CALLS
        self._runtime = runtime
        self._entries = entries
        self._title = title

    def infer(self, request: TensorRequest, call: CallContext) -> TensorResponse:
        """The answer of one signature.

        Errors: INVALID_ARGUMENT for inputs that do not fit, or that the graph refuses; UNAVAILABLE after
        `close`; INTERNAL where the model itself fails.
        """
        entry = self._entry(request.signature)
        given = request.inputs
        if len(given) != len(entry.inputs):
            raise self._refusal(entry, request, None)
        try:
            fed = [given[name].array for name in entry.inputs]
            values = entry.run(*fed)
        except Exception as error:
            raise self._refusal(entry, request, error) from error
        answer = {
            name: Tensor(dtype, owned(value, dtype, fed))
            for (name, dtype), value in zip(entry.outputs, values, strict=True)
        }
        if request.outputs is None:
            return TensorResponse(answer)
        if request.outputs and answer.keys() >= set(request.outputs):
            return TensorResponse({name: answer[name] for name in request.outputs})
        raise self._refusal(entry, request, None)

    def stream(self, request: TensorRequest, call: CallContext) -> Iterator[Chunk]:
        """The answer as one part: a graph gives all at once."""
        yield Chunk(self.infer(request, call).outputs)

    def close(self) -> None:
        """Let go of the session; calls that are still running keep it until they end."""
        self._entries = {}

    def _entry(self, signature: str) -> Entry:
        entry = self._entries.get(signature)
        if entry is not None:
            return entry
        if signature in self.signatures:
            raise DragomanError(Code.UNAVAILABLE, "the model was closed")
        raise invalid(f"there is no signature {signature!r}; the model has {', '.join(self.signatures)}")

    def _refusal(self, entry: Entry, request: TensorRequest, error: Exception | None) -> DragomanError:
        """What the caller did wrong, else that the model failed."""
        signature = entry.signature
        found = find_mismatch(request.inputs, signature.inputs) or find_unknown_output(
            request.outputs or (), signature.outputs
        )
        if found is None and error is not None:
            found = callers_fault(self._runtime, error)
        if found is not None:
            return found
        structlog.get_logger("dragoman.engines.tensorflow").error(
            "the model failed", model=self._title, cause=str(error), inputs=show_tensors(request.inputs)
        )
        return DragomanError(
            Code.INTERNAL, f"{self._title} failed while it ran on {show_tensors(request.inputs)}"
        )


def owned(value: Any, dtype: DType, fed: Sequence[Array]) -> Array:
    """An output as an array that shares no memory with the request; TensorFlow gives scalars as such.

    An aligned input is used where it lies, and an operator that changes nothing passes it on.
    """
    if type(value) is not np.ndarray:
        return np.array(value, dtype.numpy)
    for given in fed:
        if value.nbytes <= given.nbytes and np.may_share_memory(value, given):
            return value.copy()
    return value
