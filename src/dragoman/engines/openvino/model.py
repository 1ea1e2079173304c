"""A loaded model: infer requests, each of which runs one call at a time.

1. A call takes an infer request that is free, or makes one. The runner lets no more than `concurrency` calls
   overlap, so there are never more requests than that. They share the compiled model.
2. Types are compared before a request sees the inputs, shapes by the request, which knows those of its last
   call. Why inputs do not fit is found out afterwards.
3. A request that fails is thrown away, whatever state it is in.
4. OpenVINO computes integers of 32 bits. Values that need more are refused, as the answer would be wrong.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np
import structlog
from msgspec import Struct

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError, Reason, invalid
from dragoman.core.layouts import batch_axis
from dragoman.core.mismatch import find_mismatch, find_unknown_output, show_tensors
from dragoman.core.requests import TensorRequest
from dragoman.core.responses import Chunk, TensorResponse
from dragoman.core.signatures import Signature
from dragoman.core.tensors import Array, DType, Tensor, show_shape
from dragoman.engines.openvino.requests import BoundRequest, Kind, MisfitError
from dragoman.engines.openvino.sizes import Size, fit, show_sizes
from dragoman.engines.openvino.text import to_numbers, to_strings

WIDE: Final = frozenset({DType.INT64, DType.UINT64, DType.UINT32})
INT32: Final = np.iinfo(np.int32)
ABOUT_SHAPES: Final = re.compile(r"shape|dim", re.IGNORECASE)


class Output(Struct, frozen=True):
    """One output: the numbers of the compiled model's outputs that make it up, several where it is text."""

    name: str
    dtype: DType
    places: tuple[int, ...]


class Plan(Struct, frozen=True):
    """A signature, what the compiled model takes for its inputs, and where its outputs are found.

    A compiled model's inputs are those of the signature in their order, then three for each that is text.
    """

    signature: Signature
    kinds: tuple[Kind, ...]
    sizes: Mapping[str, Sequence[Size]]
    outputs: tuple[Output, ...]


class OpenVinoModel:
    """One compiled model. `make` makes a further infer request."""

    def __init__(self, make: Callable[[], BoundRequest], plan: Plan, concurrency: int, title: str) -> None:
        signature = plan.signature
        self.signatures: Mapping[str, Signature] = {signature.name: signature}
        self.concurrency = concurrency
        self._signature = signature
        self._plan = plan
        self._title = title
        self._make: Callable[[], BoundRequest] | None = make
        self._free = [make()]
        dtypes = [(name, spec.dtype) for name, spec in signature.inputs.items()]
        self._input_count = len(dtypes)
        self._numbers = tuple((name, dtype) for name, dtype in dtypes if dtype is not DType.BYTES)
        self._texts = tuple(name for name, dtype in dtypes if dtype is DType.BYTES)
        self._wide = tuple(name for name, dtype in dtypes if dtype in WIDE)

    def infer(self, request: TensorRequest, call: CallContext) -> TensorResponse:
        """The answer to one request.

        Errors: INVALID_ARGUMENT naming the input that does not fit; UNAVAILABLE after `close`; INTERNAL where
        the model itself fails.
        """
        arrays = self._arrays(request)
        bound = self._take()
        try:
            values = bound.infer(arrays)
        except MisfitError:
            self._give_back(bound)
            raise self._refusal(request) from None
        except Exception as error:
            raise self._failure(request, error) from error
        self._give_back(bound)
        answer = {output.name: Tensor(output.dtype, joined(output, values)) for output in self._plan.outputs}
        if request.outputs is not None:
            answer = {name: answer[name] for name in request.outputs}
        return TensorResponse(answer)

    def stream(self, request: TensorRequest, call: CallContext) -> Iterator[Chunk]:
        """The answer as one part: a model gives all at once."""
        yield Chunk(self.infer(request, call).outputs)

    def close(self) -> None:
        """Let go of the infer requests; one that is running goes when its call ends."""
        self._make = None
        self._free.clear()

    def _take(self) -> BoundRequest:
        make = self._make
        if make is None:
            raise DragomanError(Code.UNAVAILABLE, "the model was closed")
        try:
            return self._free.pop()
        except IndexError:
            return make()

    def _give_back(self, bound: BoundRequest) -> None:
        self._free.append(bound)
        if self._make is None:  # closed meanwhile
            self._free.clear()

    def _arrays(self, request: TensorRequest) -> list[Array]:
        """The compiled model's inputs: numbers as they are, then what stands for texts."""
        given = request.inputs
        if len(given) != self._input_count:
            raise self._refusal(request)
        arrays = []
        for name, dtype in self._numbers:
            tensor = given.get(name)
            if tensor is None or tensor.dtype is not dtype:
                raise self._refusal(request)
            arrays.append(tensor.array)
        for name in self._wide:
            if needs_more_than_int32(given[name].array):
                raise invalid(
                    f'input "{name}": a value needs more than 32 bits, which OpenVINO computes with'
                )
        for name in self._texts:
            tensor = given.get(name)
            if tensor is None or tensor.dtype is not DType.BYTES:
                raise self._refusal(request)
            arrays += to_numbers(tensor.array, name)
        if request.outputs is not None and not self._signature.outputs.keys() >= set(request.outputs):
            raise self._refusal(request)
        return arrays

    def _refusal(self, request: TensorRequest) -> DragomanError:
        """What the caller did wrong."""
        return self._mismatch(request) or invalid(
            f"{self._title} does not accept these inputs: {show_tensors(request.inputs)}"
        )

    def _mismatch(self, request: TensorRequest) -> DragomanError | None:
        found = find_mismatch(request.inputs, self._signature.inputs) or find_unknown_output(
            request.outputs or (), self._signature.outputs
        )
        if found is not None:
            return found
        for name, sizes in self._plan.sizes.items():
            shape = request.inputs[name].array.shape
            if not fit(shape, sizes):
                axis = batch_axis(self._signature.inputs[name].layout, len(sizes))
                batch_fits = axis is None or fit((shape[axis],), (sizes[axis],))
                return invalid(
                    f'input "{name}": shape {show_shape(shape)} does not fit {show_sizes(sizes)}',
                    Reason.INPUT_SHAPE if batch_fits else Reason.INPUT_BATCH,
                )
        return None

    def _failure(self, request: TensorRequest, error: Exception) -> DragomanError:
        """Inputs that do not fit the model or each other, else that the model failed."""
        found = self._mismatch(request)
        if found is not None:
            return found
        shown = show_tensors(request.inputs)
        structlog.get_logger("dragoman.engines.openvino").error(
            "the model failed", model=self._title, cause=str(error), inputs=shown
        )
        if ABOUT_SHAPES.search(str(error)):  # operators look at the shapes together, when they run
            return invalid(f"{self._title} does not accept these shapes: {shown}")
        return DragomanError(Code.INTERNAL, f"{self._title} failed while it ran on {shown}")


def needs_more_than_int32(array: Array) -> bool:
    """Whether a value is beyond what 32 bits with a sign hold."""
    return array.size > 0 and bool(array.max() > INT32.max or array.min() < INT32.min)


def joined(output: Output, values: Sequence[Array]) -> Array:
    """An output, of what the compiled model gives for it."""
    if output.dtype is DType.BYTES:
        return to_strings(*(values[place] for place in output.places))
    value = values[output.places[0]]
    return value.view(DType.BF16.numpy) if output.dtype is DType.BF16 else value
