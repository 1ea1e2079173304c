"""Small loaded models for tests of what stands above an engine."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from msgspec.structs import replace

from dragoman.core.context import CallContext
from dragoman.core.requests import Kind, TensorRequest
from dragoman.core.responses import Chunk, TensorResponse
from dragoman.core.signatures import Answers, Signature, TensorSpec
from dragoman.core.tensors import DType, Tensor

Work = Callable[[TensorRequest, CallContext], None]


def spec(name: str, source: str | None = None) -> TensorSpec:
    return TensorSpec(name, DType.FP32, (None,), source or name)


NATIVE = Signature("serving_default", {"x": spec("x")}, {"y": spec("y")})


def idle(_: TensorRequest, __: CallContext) -> None:
    """Do nothing before answering."""


class Doubler:
    """y = 2x, after doing `work`; streams y in as many parts as x has elements."""

    def __init__(self, work: Work = idle, concurrency: int = 1, answers: Answers = Answers.WHOLE) -> None:
        signature = replace(NATIVE, answers=answers)
        self.signatures: Mapping[str, Signature] = {"serving_default": signature}
        self.concurrency = concurrency
        self.closed = 0
        self._work = work

    def infer(self, request: TensorRequest, call: CallContext) -> TensorResponse:
        self._work(request, call)
        return TensorResponse({"y": Tensor(DType.FP32, request.inputs["x"].array * 2)})

    def stream(self, request: TensorRequest, call: CallContext) -> Iterator[Chunk]:
        for value in request.inputs["x"].array:
            self._work(request, call)
            yield Chunk({"y": Tensor(DType.FP32, np.array([value * 2], np.float32))})

    def close(self) -> None:
        self.closed += 1


def floats(*values: float) -> Tensor:
    return Tensor(DType.FP32, np.array(values, np.float32))


def ask(*values: float) -> TensorRequest:
    return TensorRequest("serving_default", {"x": floats(*values)})


def examples_signature(**features: object) -> Signature:
    return Signature(
        "regress",
        {"inputs": TensorSpec("inputs", DType.BYTES, (None,), "inputs")},
        {"outputs": spec("outputs", "y")},
        accepts=frozenset({Kind.EXAMPLES}),
        features=features,
    )
