"""A protocol of one line: the body is numbers, the answer is numbers; and the few models it speaks to."""

from collections.abc import Iterable, Sequence

import numpy as np

from dragoman.core.control import ControlRequest, ControlResult, Reload
from dragoman.core.errors import Code, DragomanError, Reason, invalid
from dragoman.core.requests import CoreRequest, Target, TensorRequest, Verb
from dragoman.core.responses import Chunk, CoreResponse
from dragoman.core.signatures import Answers, Signature
from dragoman.core.status import StatusReport
from dragoman.core.tensors import DType, Tensor
from dragoman.execution.runners import LocalRunner
from dragoman.gateway.gateway import Gateway
from dragoman.gateway.guard import Guard
from dragoman.gateway.recorder import Recorder
from dragoman.repository.handle import Handle
from dragoman.settings.limits import Limits
from dragoman.telemetry.logs import AccessLog
from dragoman.telemetry.metrics import Metrics
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import (
    ControlOperation,
    Draft,
    InferOperation,
    MultiDraft,
    MultiInferOperation,
    StatusOperation,
)
from tests.unit.execution.models import Doubler, Work, idle


class NumbersDraft(Draft):
    values: list[float]
    streamed: str


class Numbers:
    """The stream's form: one number a line. A `quiet` one has neither an end nor words for an error."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet

    def head(self, _: Chunk | None) -> WireResponse:
        return WireResponse(200, headers=[(b"X-Form", b"lines")])

    def chunk(self, item: Chunk) -> bytes:
        return f"{item.outputs['y'].array[0]}\n".encode()

    def end(self) -> bytes | None:
        return None if self.quiet else b"end\n"

    def fail(self, error: DragomanError) -> bytes | WireResponse:
        return fail(None, error) if self.quiet else f"error: {error.message}\n".encode()


def parse(wire: WireRequest, _: Limits) -> NumbersDraft:
    try:
        values = [float(word) for word in bytes(wire.body).split()]
    except ValueError:
        raise invalid("the body is not numbers") from None
    return NumbersDraft(Target(wire.path.strip("/")), values, wire.query)


def bind(draft: NumbersDraft, _: Signature) -> CoreRequest:
    return TensorRequest("serving_default", {"x": Tensor(DType.FP32, np.array(draft.values, np.float32))})


def encode(_: NumbersDraft, response: CoreResponse) -> WireResponse:
    return WireResponse(200, repr(response.outputs["y"].array.tolist()).encode())


def fail(_: NumbersDraft | None, error: DragomanError) -> WireResponse:
    return WireResponse(500 if error.code is Code.INTERNAL else 400, error.message.encode())


def stream(draft: NumbersDraft) -> Numbers | None:
    return Numbers(draft.streamed == "quiet") if draft.streamed else None


def names(_: WireRequest, report: StatusReport) -> WireResponse:
    return WireResponse(200, repr(sorted(report.models)).encode())


def reload(_: WireRequest, __: Limits) -> ControlRequest:
    return Reload()


def reloaded(result: ControlResult) -> WireResponse:
    return WireResponse(200, repr(result.changed).encode())


class LinesDraft(MultiDraft):
    parts: list[NumbersDraft]


def parse_lines(wire: WireRequest, limits: Limits) -> LinesDraft:
    lines = [
        parse(WireRequest(wire.method, wire.path, "", [], line), limits)
        for line in bytes(wire.body).splitlines()
    ]
    return LinesDraft(lines[0].target, lines)


def encode_lines(_: LinesDraft, responses: Sequence[CoreResponse]) -> WireResponse:
    return WireResponse(200, repr([response.outputs["y"].array.tolist() for response in responses]).encode())


INFER = InferOperation("test.infer", Verb.INFER, parse, bind, encode, fail, stream)
MULTI = MultiInferOperation("test.multi", Verb.INFER, parse_lines, bind, encode_lines, fail)
STATUS = StatusOperation("test.status", names, fail)
CONTROL = ControlOperation("test.reload", reload, reloaded, fail)


class Models:
    """One model called `double`."""

    def __init__(self, work: Work, answers: Answers) -> None:
        model = Doubler(work, answers=answers)
        self.handle = Handle("double", 1, model.signatures, LocalRunner(model, "double", 1, 8))
        self.report = StatusReport()

    def pin(self, target: Target) -> Handle:
        if target.model != "double":
            raise DragomanError(Code.NOT_FOUND, f"no model {target.model}", reason=Reason.MODEL_UNKNOWN)
        self.handle.hold()
        return self.handle

    async def control(self, _: ControlRequest) -> ControlResult:
        return ControlResult(self.report, changed=True)


class Bench:
    """A gateway with its counters in reach."""

    def __init__(
        self,
        work: Work = idle,
        limits: Limits | None = None,
        answers: Answers = Answers.WHOLE,
        guard: Guard | None = None,
    ) -> None:
        self.models = Models(work, answers)
        self.metrics = Metrics()
        recorder = Recorder(self.metrics, AccessLog("off", 1.0))
        self.gateway = Gateway(self.models, limits or Limits(), recorder, guard)

    def counted(self, operation: str = "test.infer", model: str = "double") -> dict[str, int]:
        return self.metrics.stats(operation, model).codes


def request(
    body: bytes = b"1 2",
    path: str = "/double",
    *,
    query: str = "",
    headers: Iterable[tuple[bytes, bytes]] = (),
    peer: str = "127.0.0.1",
) -> WireRequest:
    return WireRequest("POST", path, query, list(headers), body, peer=peer)
