"""A loaded model: infer requests, each of which runs one call at a time.

1. A call takes an infer request that is free, or makes one. The runner lets no more than `concurrency` calls
   overlap, so there are never more requests than that of each pool. They share the compiled model.
2. A small model that takes any number of rows is compiled once more for a single one, as most calls have one:
   OpenVINO is quicker where it knows all sizes.
3. Types are compared before a request sees the inputs, shapes by the request, which knows those of its last
   call. Why inputs do not fit is found out afterwards.
4. A request that fails is thrown away, whatever state it is in.
5. OpenVINO computes integers of 32 bits. Values that need more are refused, as the answer would be wrong.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
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
from dragoman.engines.openvino.requests import Kind, MisfitError, RequestPool
from dragoman.engines.openvino.sizes import Size, fit, show_sizes
from dragoman.engines.openvino.text import to_numbers, to_strings

WIDE: Final = frozenset({DType.INT64, DType.UINT64, DType.UINT32})
REMADE: Final = frozenset({DType.BYTES, DType.BF16})
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
    one_row: tuple[tuple[int, ...], ...] = ()  # the inputs' shapes with one row, where only rows are open


class OpenVinoModel:
    """One compiled model, or two: `one_row` has the requests of the one that takes a single row.

    `streams` of `concurrency` calls compute at once.
    """

    def __init__(
        self,
        requests: RequestPool,
        one_row: RequestPool | None,
        plan: Plan,
        concurrency: int,
        title: str,
        streams: int = 1,
    ) -> None:
        signature = plan.signature
        self.streams = streams
        self.signatures: Mapping[str, Signature] = {signature.name: signature}
        self.concurrency = concurrency
        self._signature = signature
        self._plan = plan
        self._title = title
        self._requests = requests
        self._one_row = one_row
        dtypes = [(name, spec.dtype) for name, spec in signature.inputs.items()]
        self._input_count = len(dtypes)
        self._numbers = tuple((name, dtype) for name, dtype in dtypes if dtype is not DType.BYTES)
        self._texts = tuple(name for name, dtype in dtypes if dtype is DType.BYTES)
        self._wide = tuple(name for name, dtype in dtypes if dtype in WIDE)
        self._plain = tuple(
            (output.name, output.dtype, output.places[0])
            for output in plan.outputs
            if output.dtype not in REMADE
        )
        self._remade = tuple(output for output in plan.outputs if output.dtype in REMADE)

    def infer(self, request: TensorRequest, call: CallContext) -> TensorResponse:
        """The answer to one request.

        Errors: INVALID_ARGUMENT naming the input that does not fit; UNAVAILABLE after `close`; INTERNAL where
        the model itself fails.
        """
        arrays = self._arrays(request)
        pool = self._one_row
        if pool is None or [array.shape for array in arrays] != pool.shapes:
            pool = self._requests
        bound = pool.take()
        try:
            values = bound.infer(arrays)
        except MisfitError:
            pool.give_back(bound)
            raise self._refusal(request) from None
        except Exception as error:
            raise self._failure(request, error) from error
        pool.give_back(bound)
        answer = {name: Tensor(dtype, values[place]) for name, dtype, place in self._plain}
        if self._remade:
            answer |= {output.name: Tensor(output.dtype, remade(output, values)) for output in self._remade}
            answer = {output.name: answer[output.name] for output in self._plan.outputs}
        if request.outputs is not None:
            answer = {name: answer[name] for name in request.outputs}
        return TensorResponse(answer)

    def stream(self, request: TensorRequest, call: CallContext) -> Iterator[Chunk]:
        """The answer as one part: a model gives all at once."""
        yield Chunk(self.infer(request, call).outputs)

    def close(self) -> None:
        """Let go of the infer requests; one that is running goes when its call ends."""
        for pool in (self._requests, self._one_row):
            if pool is not None:
                pool.close()

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


def remade(output: Output, values: Sequence[Array]) -> Array:
    """An output that the compiled model gives in another form."""
    if output.dtype is DType.BYTES:
        return to_strings(*(values[place] for place in output.places))
    return values[output.places[0]].view(DType.BF16.numpy)
