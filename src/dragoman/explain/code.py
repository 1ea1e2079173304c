"""The method of a model's own `explainer.py`, which runs in a worker and asks the model by the server."""

import asyncio
import json
from collections.abc import Mapping
from itertools import count
from typing import Final

import numpy as np

from dragoman.core import explaining_code as words
from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.core.explaining_code import VALUES, as_text, text_of
from dragoman.core.explanation import Wish
from dragoman.core.requests import TensorRequest
from dragoman.core.responses import ExplainResponse, TensorResponse, with_tensors
from dragoman.core.tensors import Tensor, fits
from dragoman.execution.deadlines import within
from dragoman.explain.calls import Model
from dragoman.explain.instances import Instances
from dragoman.explain.task import MOST_BUDGET
from dragoman.repository.handle import Handle

FILE: Final = "explainer.py"
BASELINE: Final = "the explainer's own"
Tensors = Mapping[str, Tensor]


class CodeExplainer:
    """Explanations by an explainer that is loaded: `handle` is its own, and not the model's."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._signature = handle.signature(words.SIGNATURE)
        self._numbers = count()

    async def explain(self, model: Model, instances: Instances, wish: Wish, budget: int) -> ExplainResponse:
        """What the code says, which may ask the model for so many rows.

        Errors: what the code raises; UNAVAILABLE where its worker ends; INVALID_ARGUMENT beyond the budget.
        """
        session = str(next(self._numbers))
        sent = values(instances.sent(0, instances.count))
        said = words.BEGIN, {words.PARAMETERS: as_text(json.dumps(wish.parameters)), **sent}
        try:
            while True:
                reply = await self._step(session, *said, model.call)
                state = text_of(reply[words.STATE])
                if state != words.ROWS:
                    session = ""
                    return response(state, reply)
                rows = of_values(reply)
                number = check_rows(model, rows)
                budget -= number
                if budget < 0:
                    raise invalid(
                        f"{FILE} asks the model for more rows than the budget has: raise parameters.budget, "
                        f"to {MOST_BUDGET} at most"
                    )
                said = words.ANSWER, values(await model.outputs(number, Slices(rows), None))
        finally:
            if session:
                self._let_end(session)

    def close(self) -> None:
        """End the worker."""
        self._handle.close()

    async def _step(self, session: str, step: str, more: Tensors, call: CallContext) -> Tensors:
        said = {words.SESSION: as_text(session), words.STEP: as_text(step)}
        request = TensorRequest(words.SIGNATURE, {**said, **more})
        answer = self._handle.runner.run(self._handle, request, self._signature, call)
        found = answer if isinstance(answer, TensorResponse) else await within(call, answer)
        return with_tensors(found).outputs

    def _let_end(self, session: str) -> None:
        """Tell the code that nobody waits, whatever becomes of that."""
        call = CallContext("explainer")
        task = asyncio.get_running_loop().create_task(self._step(session, words.END, {}, call))
        task.add_done_callback(lambda done: None if done.cancelled() else done.exception())


def values(tensors: Tensors) -> dict[str, Tensor]:
    """Tensors of the model's as a session has them."""
    return {VALUES + name: one for name, one in tensors.items()}


class Slices:
    """Some of the rows that the code asks for."""

    def __init__(self, rows: Tensors) -> None:
        self._rows = rows

    def __call__(self, start: int, stop: int) -> dict[str, Tensor]:
        """Those from one to before another."""
        return {name: Tensor(one.dtype, one.array[start:stop]) for name, one in self._rows.items()}


def of_values(reply: Tensors) -> dict[str, Tensor]:
    """The tensors of a reply, by the names of the model's own."""
    return {
        name.removeprefix(VALUES): Tensor(one.dtype, np.array(one.array))
        for name, one in reply.items()
        if name.startswith(VALUES)
    }


def check_rows(model: Model, rows: Tensors) -> int:
    """How many rows the code asks for.

    Errors: INTERNAL for what the model does not take.
    """
    counts = set()
    for name, one in rows.items():
        spec = model.signature.inputs[name]
        if not one.array.ndim or not fits((*one.array.shape[:1], *one.array.shape[1:]), spec.shape):
            shape = list(one.array.shape)
            raise DragomanError(Code.INTERNAL, f'{FILE} asks predict with shape {shape} for input "{name}"')
        counts.add(len(one.array))
    if len(counts) != 1 or not min(counts):
        raise DragomanError(Code.INTERNAL, f"{FILE} asks predict with no rows, or not as many of each input")
    return counts.pop()


def response(state: str, reply: Tensors) -> ExplainResponse:
    """What the code came to."""
    if state == words.NUMBERS:
        return ExplainResponse(of_values(reply), FILE, BASELINE)
    return ExplainResponse({}, FILE, BASELINE, value=json.loads(text_of(reply[words.JSON])))
