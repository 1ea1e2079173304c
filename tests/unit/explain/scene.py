"""A model that is a function of matrices, with its explainer, as a request meets them."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from time import monotonic
from typing import Any

import numpy as np

from dragoman.core.context import CallContext
from dragoman.core.explanation import Wish
from dragoman.core.requests import CoreRequest, ExplainRequest, TensorRequest
from dragoman.core.responses import Chunk, ExplainResponse, TensorResponse
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.tensors import Array, DType, Tensor
from dragoman.execution.runners import LocalRunner
from dragoman.explain.choice import make_explainer
from dragoman.explain.pace import Company, Traffic
from dragoman.repository.handle import Handle
from dragoman.repository.source import Candidate
from dragoman.settings.model import BatchingSettings, ExplainSettings, ModelSettings

Function = Callable[[Array], Array]


class Model:
    """y = f(x), and how many rows it was asked for in each call."""

    concurrency = 4

    def __init__(self, function: Function, inner: tuple[int | None, ...], rows: int | None = None) -> None:
        self.signatures: Mapping[str, Signature] = {
            "serving_default": Signature(
                "serving_default",
                {"x": TensorSpec("x", DType.FP32, (rows, *inner), "x")},
                {"y": TensorSpec("y", DType.FP32, None, "y")},
            )
        }
        self.asked: list[int] = []
        self._function = function

    def infer(self, request: TensorRequest, call: CallContext) -> TensorResponse:
        x = request.inputs["x"].array
        self.asked.append(len(x))
        return TensorResponse({"y": Tensor(DType.FP32, np.asarray(self._function(x), np.float32))})

    def stream(self, request: TensorRequest, call: CallContext) -> Iterator[Chunk]:
        yield Chunk(self.infer(request, call).outputs)

    def close(self) -> None:
        """Nothing is held."""


def no_code(_: Candidate, __: str) -> Handle:
    raise AssertionError("no code was expected")


def alone() -> Traffic:
    return Traffic(0, 0)


class Scene:
    """A version of the model that serves."""

    def __init__(
        self,
        function: Function,
        inner: tuple[int | None, ...] = (None,),
        rows: int | None = None,
        path: str = "",
        batching: BatchingSettings | None = None,
        **settings: Any,
    ) -> None:
        self.model = Model(function, inner, rows)
        candidate = Candidate(
            "m",
            1,
            path,
            "m/1",
            ModelSettings(explain=ExplainSettings(**settings), batching=batching),
        )
        explainer = make_explainer(
            candidate, self.model.signatures, company=Company(alone), load_code=no_code
        )
        self.handle = Handle(
            "m", 1, self.model.signatures, LocalRunner(self.model, "m", 1, 8), explainer=explainer
        )

    async def ask(self, request: CoreRequest, deadline_s: float | None = None) -> ExplainResponse:
        call = CallContext("test", None if deadline_s is None else monotonic() + deadline_s)
        signature = self.handle.signature(None)
        answer = self.handle.explainer().run(self.handle, request, signature, call)
        assert not isinstance(answer, TensorResponse)
        found = await answer
        assert isinstance(found, ExplainResponse)
        return found

    def explain(self, x: object, **wish: Any) -> ExplainResponse:
        return asyncio.run(self.ask(asking(x, **wish)))

    def numbers(self, x: object, **wish: Any) -> Array:
        return self.explain(x, **wish).attributions["x"].array


def asking(x: object, **wish: Any) -> ExplainRequest:
    tensors = {"x": Tensor(DType.FP32, np.asarray(x, np.float32))}
    return ExplainRequest(
        "serving_default",
        TensorRequest("serving_default", tensors),
        Wish(**wish),
    )
