"""Parts of pipelines whose answers tests give: at once, later without a task, or as a coroutine."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np

from dragoman.core.context import CallContext
from dragoman.core.requests import TensorRequest
from dragoman.core.responses import CoreResponse, TensorResponse
from dragoman.core.signatures import Signature
from dragoman.core.tensors import Tensor
from dragoman.execution.later import Later
from dragoman.repository.handle import Handle
from tests.unit.execution.pipelines.graphs import tensor, unary

Work = Callable[..., Any]


class Asked:
    """A call that waits for the test to answer it."""

    def __init__(self, request: TensorRequest, call: CallContext) -> None:
        self.request = request
        self.call = call
        self.cancelled = False
        self.answer: Any = None

    @property
    def x(self) -> Any:
        """The input x."""
        return self.request.inputs["x"].array.tolist()


class Part:
    """Answers with `work` of the inputs, which gives y, or all outputs by name."""

    def __init__(self, work: Work = lambda x: 2 * x, signature: Signature | None = None) -> None:
        self.signature = signature or unary()
        self.work = work
        self.requests: list[TensorRequest] = []

    def run(self, handle: Handle, request: TensorRequest, signature: Signature, call: CallContext) -> Any:
        self.requests.append(request)
        return self.made(request)

    def made(self, request: TensorRequest) -> CoreResponse:
        """The answer."""
        given = self.work(**{name: one.array for name, one in request.inputs.items()})
        outputs = given if isinstance(given, dict) else {"y": given}
        return TensorResponse({name: as_tensor(one) for name, one in outputs.items()}, 1)

    def stream(self, handle: Handle, request: TensorRequest, signature: Signature, call: CallContext) -> Any:
        raise NotImplementedError

    def close(self) -> None:
        """Nothing to close."""


class Waiting(Part):
    """Answers each call when the test says so. As a task, or else as a `Deferred`, which needs none."""

    def __init__(self, *args: Any, task: bool = False) -> None:
        super().__init__(*args)
        self.asked: list[Asked] = []
        self.task = task

    def run(
        self, handle: Handle, request: TensorRequest, signature: Signature, call: CallContext
    ) -> Awaitable[CoreResponse]:
        asked = Asked(request, call)
        self.asked.append(asked)

        def gone() -> None:
            asked.cancelled = True

        if self.task:
            asked.answer = asyncio.get_running_loop().create_future()
            return self._waited(asked)
        asked.answer = Later(gone)
        return asked.answer

    def give(self, *numbers: int) -> None:
        """Answer these calls, or all that are open."""
        for number in numbers or range(len(self.asked)):
            asked = self.asked[number]
            if isinstance(asked.answer, Later):
                asked.answer.resolve(self.made(asked.request))
            elif not asked.answer.done():
                asked.answer.set_result(self.made(asked.request))

    def refuse(self, error: Exception, number: int = 0) -> None:
        """Fail one call."""
        answer = self.asked[number].answer
        if isinstance(answer, Later):
            answer.reject(error)
        else:
            answer.set_exception(error)

    async def _waited(self, asked: Asked) -> CoreResponse:
        try:
            response: CoreResponse = await asked.answer
            return response
        except asyncio.CancelledError:
            asked.cancelled = True
            raise


def as_tensor(value: Any) -> Tensor:
    """What a part gave."""
    return tensor(value, np.asarray(value).dtype)


def handle(part: Part, version: int = 1) -> Handle:
    """A part as the repository holds it."""
    return Handle("m", version, {"serving_default": part.signature}, part)
