"""A loaded Python model: its `predict` called, and what it raises and gives turned into ours.

`predict` is a plain method or a generator of parts; a model may also have both `predict` and a generator
`stream`. A `ValueError` is the caller's fault, anything else the model's.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np
import structlog

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.core.mismatch import find_mismatch, find_unknown_output
from dragoman.core.requests import TensorRequest
from dragoman.core.responses import Chunk, TensorResponse
from dragoman.core.signatures import Answers, Signature
from dragoman.core.tensors import Array, Tensor
from dragoman.engines.python_model.values import MODEL, Origin, to_part, to_tensors

MOST_MESSAGE: Final = 1000  # characters of a ValueError that a caller is told
Predict = Callable[[Mapping[str, Array], CallContext], Any]


class PythonModel:
    """One object of a model's class."""

    def __init__(
        self, model: Any, signature: Signature, concurrency: int, title: str, origin: Origin = MODEL
    ) -> None:
        self.signatures: Mapping[str, Signature] = {signature.name: signature}
        self.concurrency = concurrency
        self._model = model
        self._signature = signature
        self._title = title
        self._origin = origin
        self._in_parts = signature.answers is Answers.PARTS
        self._predict = with_call(model.predict, "predict")
        own_stream = getattr(model, "stream", None)
        self._stream = self._predict if own_stream is None else with_call(own_stream, "stream")

    def infer(self, request: TensorRequest, call: CallContext) -> TensorResponse:
        """The answer to one request; the parts of a generator are joined along their first axis.

        Errors: INVALID_ARGUMENT for inputs that do not fit, or that the model refuses with a ValueError;
        INTERNAL where the model fails.
        """
        feed = self._feed(request, call)
        declared, wanted, origin = self._signature.outputs, request.outputs, self._origin
        try:
            if not self._in_parts:
                return TensorResponse(to_tensors(self._predict(feed, call), declared, wanted, origin))
            parts = [to_part(part, declared, wanted, origin) for part in self._predict(feed, call)]
            return TensorResponse(joined(parts))
        except Exception as error:
            raise self._refusal(error) from error

    def stream(self, request: TensorRequest, call: CallContext) -> Iterator[Chunk]:
        """The answer in parts; as one part where the model has no generator."""
        feed = self._feed(request, call)
        if not self._signature.streams:
            yield Chunk(self.infer(request, call).outputs)
            return
        try:
            for part in self._stream(feed, call):
                yield Chunk(to_part(part, self._signature.outputs, request.outputs, self._origin))
                if call.cancelled:
                    return
        except Exception as error:
            raise self._refusal(error) from error

    def close(self) -> None:
        """Call the model's own `close`, if it has one, once."""
        close = getattr(self._model, "close", None)
        self._model = None
        self._predict = self._stream = refuse_closed
        if close is not None:
            close()

    def _feed(self, request: TensorRequest, call: CallContext) -> dict[str, Array]:
        if call.parameters is None:
            call.parameters = {}
        found = find_mismatch(request.inputs, self._signature.inputs)
        if found is None and request.outputs is not None:
            found = find_unknown_output(list(request.outputs), self._signature.outputs)
        if found is not None:
            raise found
        return {name: tensor.array for name, tensor in request.inputs.items()}

    def _refusal(self, error: Exception) -> DragomanError:
        if isinstance(error, ValueError):
            return invalid(str(error)[:MOST_MESSAGE] or f"{self._title} refuses these inputs")
        if isinstance(error, DragomanError) and error.code is not Code.INTERNAL:
            return error
        structlog.get_logger("dragoman.engines.python").error("the model failed", exc_info=error)
        if isinstance(error, DragomanError):
            return error
        return DragomanError(
            Code.INTERNAL, f"{self._title} failed while it ran this request; the server's log tells more"
        )


def refuse_closed(inputs: Mapping[str, Array], call: CallContext) -> Any:
    """What a closed model answers."""
    raise DragomanError(Code.UNAVAILABLE, "the model was closed")


def with_call(method: Callable[..., Any], name: str) -> Predict:
    """The method as one of two arguments, the inputs and the call, whether or not it takes the second."""
    try:
        taken = len(inspect.signature(method).parameters)
    except (TypeError, ValueError):
        taken = 1
    if taken not in (1, 2):
        raise invalid(f"model.py: {name} takes {taken} arguments; it has to take inputs, or inputs and call")
    return method if taken == 2 else lambda inputs, _: method(inputs)


def joined(parts: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The parts of a stream as one answer."""
    made = {}
    for name in dict.fromkeys(name for part in parts for name in part):
        pieces = [part[name] for part in parts if name in part]
        try:
            arrays = [piece.array for piece in pieces]
            array = arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
        except ValueError as error:
            message = f'model.py: the parts of output "{name}" cannot be joined to one answer: {error}'
            raise DragomanError(Code.INTERNAL, message) from error
        made[name] = Tensor(pieces[0].dtype, array)
    return made
