"""Calls of the model for an explanation: in slices, each by itself, with a rest behind it.

A slice is as long whatever else goes on, and joined with nobody's rows: some runtimes round a row's values
otherwise in another company, and equal requests shall have equal answers.
"""

from collections.abc import Callable, Mapping
from copy import copy
from time import monotonic, perf_counter
from typing import Final

import numpy as np
from msgspec.structs import replace

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.core.requests import Scalar, TensorRequest
from dragoman.core.responses import TensorResponse, with_tensors
from dragoman.core.signatures import Signature
from dragoman.core.tensors import Array, DType, Tensor
from dragoman.execution.deadlines import overdue, within
from dragoman.execution.images.runner import PreparingRunner
from dragoman.explain.pace import Pace
from dragoman.repository.handle import Handle

SLICE_BYTES: Final = 64 * 1024
MOST_ROWS: Final = 32  # in a slice
LONG_S: Final = 0.001  # of work between two rests
Rows = Callable[[int, int], dict[str, Tensor]]  # those from one to before another


class Model:
    """A model as an explanation calls it: by its runner, as everyone does, at low priority."""

    def __init__(
        self, handle: Handle, signature: Signature, call: CallContext, pace: Pace, most_rows: int
    ) -> None:
        self.handle = handle
        self.signature = signature
        self.infer_ns = 0
        self.own_values = False  # whether rows are as the model has them, and not as callers send them
        self._runner = handle.runner
        self._since_s = perf_counter()  # the last rest
        self.call = call
        self._call = replace(call, background=True, parameters=None)
        self._pace = pace
        self._most_rows = most_rows
        sizes = [spec.shape[0] for spec in signature.inputs.values() if spec.shape]
        self._fixed = next((size for size in sizes if size is not None), None)

    async def decoded(self, request: TensorRequest) -> TensorRequest:
        """The request with its images as the values that the model makes of them, which are then its rows.

        Errors: INVALID_ARGUMENT for what is no image.
        """
        runner, specs = self._runner, self.signature.inputs
        images = [
            name for name, one in request.inputs.items() if one.dtype is DType.BYTES and specs[name].image
        ]
        if not images or not isinstance(runner, PreparingRunner):
            return request
        self._runner, self.own_values = runner.inner, True
        return await within(self.call, runner.prepare(self.handle, request, self.signature, self._call))

    def as_signature(self, signature: Signature) -> "Model":
        """The same model, called by another signature."""
        other = copy(self)
        other.signature = signature
        return other

    async def values(self, count: int, rows: Rows, output: str) -> Array:
        """One output for each row. Shapes: (rows, *value), of doubles.

        Errors: INVALID_ARGUMENT where it is not finite; UNIMPLEMENTED where it has no rows.
        """
        return finite(self.rows_of(await self.outputs(count, rows, [output]), count, output), output)

    async def outputs(
        self,
        count: int,
        rows: Rows,
        outputs: list[str] | None,
        parameters: Mapping[str, Scalar] | None = None,
    ) -> dict[str, Tensor]:
        """The outputs for so many rows, put together; None = all of them."""
        size = self._slice_rows(rows(0, 1))
        parts: list[Mapping[str, Tensor]] = []
        for start in range(0, count, size):
            stop = min(count, start + size)
            parts.append(await self._slice(rows(start, stop), stop - start, outputs, parameters))
            await self._rest(stop - start)
        return joined(parts)

    async def turn(self) -> None:
        """Let others have theirs, where something was worked out for long without asking the model."""
        if perf_counter() - self._since_s > LONG_S:
            await self._rest(1)

    async def _rest(self, rows: int) -> None:
        await self._pace.rest(perf_counter() - self._since_s, rows)
        self._since_s = perf_counter()

    def rows_of(self, outputs: Mapping[str, Tensor], count: int, output: str) -> Array:
        """One output's value for each row."""
        array = outputs[output].array
        if array.shape[:1] != (count,):
            message = (
                f"model {self.handle.model} cannot be explained: its output {output!r} has the shape "
                f"{list(array.shape)} for {count} rows, and not one value for each"
            )
            raise DragomanError(Code.UNIMPLEMENTED, message)
        return array

    def _slice_rows(self, first: Mapping[str, Tensor]) -> int:
        if self._fixed is not None:
            return max(1, self._fixed)
        row_bytes = sum(tensor.array.nbytes for tensor in first.values())
        return max(1, min(self._most_rows, SLICE_BYTES // max(1, row_bytes)))

    async def _slice(
        self,
        inputs: dict[str, Tensor],
        count: int,
        outputs: list[str] | None,
        parameters: Mapping[str, Scalar] | None,
    ) -> Mapping[str, Tensor]:
        call = self._call
        if call.deadline_s is not None and call.deadline_s <= monotonic():
            raise overdue()
        fixed = self._fixed
        if fixed is not None and count < fixed:
            inputs = {name: filled(tensor, fixed) for name, tensor in inputs.items()}
        request = TensorRequest(self.signature.name, inputs, outputs, parameters)
        answer = self._runner.run(self.handle, request, self.signature, call)
        response = answer if isinstance(answer, TensorResponse) else await within(call, answer)
        given = with_tensors(response)
        self.infer_ns += given.run.infer_ns if given.run is not None else 0
        if fixed is None or count == fixed:
            return given.outputs
        return {
            name: Tensor(one.dtype, one.array[:count]) if one.array.shape[:1] == (fixed,) else one
            for name, one in given.outputs.items()
        }


def filled(tensor: Tensor, size: int) -> Tensor:
    """A tensor of so many rows, of which the last stands for those that are missing."""
    array = tensor.array
    return Tensor(tensor.dtype, np.concatenate([array, np.repeat(array[-1:], size - len(array), axis=0)]))


def joined(parts: list[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The outputs of slices, one behind the other."""
    if len(parts) == 1:
        return dict(parts[0])
    made = {}
    for name, first in parts[0].items():
        arrays = [part[name].array for part in parts]
        if not first.array.ndim or len({array.shape[1:] for array in arrays}) != 1:
            raise DragomanError(
                Code.UNIMPLEMENTED, f"the values of output {name!r} are not of one shape for all rows"
            )
        made[name] = Tensor(first.dtype, np.concatenate(arrays))
    return made


def finite(array: Array, output: str) -> Array:
    """The values as doubles.

    Errors: INVALID_ARGUMENT for NaN and infinities, which explain nothing.
    """
    values = array.astype(np.float64)
    if not np.isfinite(values).all():
        raise invalid(
            f"output {output!r} is not finite for a row of the request, or one between it and the baseline; "
            "another parameters.baseline may do"
        )
    return values
