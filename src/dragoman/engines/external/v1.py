"""A model of another server that speaks V1: rows of JSON in, rows of JSON out.

1. Where the entry declares no tensors, JSON goes there and back as it is.
2. Where it does, tensors become rows: the value itself for one input, an object of values for several. Rows
   become tensors the same way.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import quote

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.core.requests import CoreRequest, Kind, TensorRequest, TreeRequest
from dragoman.core.responses import CoreResponse, TensorResponse, TreeResponse
from dragoman.core.signatures import DEFAULT_SIGNATURE, Signature, TensorSpec
from dragoman.core.tensors import Tensor, fits, show_shape
from dragoman.engines.external.model import ExternalModel
from dragoman.engines.external.pieces import ShapeError
from dragoman.engines.external.values import NAMES, array_of, plain
from dragoman.engines.upstream import Answer, Request, Upstream, nonsense, read_object
from dragoman.settings.external import ExternalTensor

JSON_TYPE: Final = ("content-type", "application/json")
T = TypeVar("T")


class ExternalV1(ExternalModel):
    """Predictions."""

    @property
    def path(self) -> str:
        """Where the model is."""
        version = f"/versions/{quote(self.settings.version, safe='')}" if self.settings.version else ""
        return f"/v1/models/{quote(self.their_name, safe='')}{version}"

    async def introduce(self, upstream: Upstream) -> None:
        """See that the server is there, and take up what the entry says of tensors.

        Errors: DragomanError.
        """
        settings = self.settings
        await self.looked(upstream, self.path)
        if settings.inputs:
            signature = Signature(DEFAULT_SIGNATURE, specs(settings.inputs), specs(settings.outputs))
        else:
            signature = Signature(DEFAULT_SIGNATURE, {}, {}, accepts=frozenset({Kind.TREE}), untyped=True)
        self.signatures = {signature.name: signature}

    async def looked(self, upstream: Upstream, path: str) -> None:
        """Nothing, if something answers where the model is."""
        await super().looked(upstream, path or self.path)

    async def answer(self, request: CoreRequest, call: CallContext) -> CoreResponse:
        """The predictions.

        Errors: DragomanError.
        """
        if isinstance(request, TreeRequest):
            return await self._asked(list(request.rows), tree_response, call)
        if isinstance(request, TensorRequest):
            signature = self.signatures[DEFAULT_SIGNATURE]
            rows = rows_of(request.inputs)
            return await self._asked(rows, partial(tensor_response, signature, len(rows)), call)
        raise DragomanError(Code.UNIMPLEMENTED, f"model {self.name} takes rows, and nothing else")

    async def _asked(self, rows: list[Any], read: Callable[[list[Any]], T], call: CallContext) -> T:
        try:
            body = json.dumps({"instances": rows}, separators=(",", ":")).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise invalid(f"the rows cannot be sent as JSON: {error}") from error
        name = self.upstream.name

        def found(answer: Answer) -> T:
            predictions = read_object(name, answer.body).get("predictions")
            if not isinstance(predictions, list):
                raise nonsense(name, "it has no list of predictions")
            try:
                return read(predictions)
            except (TypeError, ValueError, OverflowError) as error:
                raise nonsense(name, str(error)) from error

        request = Request("POST", f"{self.path}:predict", (body,), (JSON_TYPE,), idempotent=True)
        return await self.upstream.call(request, found, call.deadline_s)


def specs(declared: Mapping[str, ExternalTensor]) -> dict[str, TensorSpec]:
    """The tensors that an entry declares, with any number of rows."""
    return {
        name: TensorSpec(
            name,
            NAMES[tensor.dtype],
            (None, *(None if size < 0 else size for size in tensor.shape[1:])),
            name,
        )
        for name, tensor in declared.items()
    }


def rows_of(inputs: Mapping[str, Tensor]) -> list[Any]:
    """Tensors as rows.

    Errors: INVALID_ARGUMENT where they differ in how many they have.
    """
    columns = {name: plain(tensor) for name, tensor in inputs.items()}
    if len({len(column) for column in columns.values()}) != 1:
        raise invalid("the inputs differ in how many rows they have")
    if len(columns) == 1:
        return list(next(iter(columns.values())))
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def tree_response(predictions: Sequence[Any]) -> TreeResponse:
    """The predictions as they are."""
    return TreeResponse(predictions)


def tensor_response(signature: Signature, count: int, predictions: list[Any]) -> TensorResponse:
    """The predictions as the tensors that are declared.

    Errors: ShapeError where they are others.
    """
    outputs = {}
    for name, spec in signature.outputs.items():
        column = predictions
        if len(signature.outputs) > 1:
            column = [member_of(row, name) for row in predictions]
        array = array_of(column, spec.dtype)
        if not fits(array.shape, spec.shape):
            raise ShapeError(f"output {name!r} is {show_shape(array.shape)}, not {show_shape(spec.shape)}")
        outputs[name] = Tensor(spec.dtype, array)
    return TensorResponse(outputs)


def member_of(row: Any, name: str) -> Any:
    """One output of a row."""
    if not isinstance(row, dict) or name not in row:
        raise ShapeError(f"a prediction has no {name!r}")
    return row[name]
