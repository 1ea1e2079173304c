"""Requests are prepared on threads, then run as any others."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Coroutine
from typing import Any

import numpy as np
import pytest

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.images import Preprocessing
from dragoman.core.requests import CoreRequest, ExampleRequest, TensorRequest
from dragoman.core.responses import Chunk, CoreResponse, TensorResponse
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.tensors import DType, Tensor
from dragoman.execution.images.preparation import SHORT_BYTES, Preparation
from dragoman.execution.images.runner import PreparingRunner
from dragoman.repository.handle import Handle
from dragoman.settings.limits import Limits
from tests.unit.execution.images.samples import bytes_array, encoded, image_spec, ramp

SPEC = TensorSpec(
    "x",
    DType.FP32,
    (None, 2, 2, 3),
    "x",
    image=image_spec(),
    preprocessing=Preprocessing(DType.FP32, channel_axis=3, mean=(1.0,)),
)
SIGNATURE = Signature("s", {"x": SPEC}, {})
IMAGES = TensorRequest("s", {"x": Tensor(DType.BYTES, bytes_array(encoded(ramp())))})
CALL = CallContext("id")


class Echo:
    """A runner that answers its inputs, at once or later."""

    def __init__(self, *, later: bool = False) -> None:
        self.threads: list[int] = []
        self.closed = False
        self._later = later

    def run(
        self, _: Handle, request: CoreRequest, __: Signature, ___: CallContext
    ) -> TensorResponse | Awaitable[CoreResponse]:
        self.threads.append(threading.get_ident())
        inputs = request.inputs if isinstance(request, TensorRequest) else {}
        answer = TensorResponse(inputs)
        return self._wait(answer) if self._later else answer

    async def _wait(self, answer: CoreResponse) -> CoreResponse:
        return answer

    async def stream(
        self, _: Handle, request: CoreRequest, __: Signature, ___: CallContext
    ) -> AsyncGenerator[Chunk, None]:
        assert isinstance(request, TensorRequest)
        for _ in range(2):
            yield Chunk(request.inputs)

    def close(self) -> None:
        self.closed = True


def runner(inner: Echo, threads: int = 1, queue_limit: int = 4) -> tuple[PreparingRunner, Handle]:
    made = PreparingRunner(inner, "m", threads, queue_limit, Limits())
    return made, Handle("m", 1, {"s": SIGNATURE}, made)


def finished(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


@pytest.mark.parametrize("later", [False, True])
def test_images_are_decoded_off_the_loop_and_the_model_is_run_as_ever(
    later: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    prepared = Preparation.prepared

    def watched(self: Preparation, request: TensorRequest, call: CallContext) -> TensorRequest:
        seen.append(threading.get_ident())
        return prepared(self, request, call)

    monkeypatch.setattr(Preparation, "prepared", watched)
    inner = Echo(later=later)

    async def ask() -> CoreResponse:
        made, handle = runner(inner)
        answer = made.run(handle, IMAGES, SIGNATURE, CALL)
        assert not isinstance(answer, TensorResponse)
        return await answer

    outputs = finished(ask()).outputs
    np.testing.assert_array_equal(outputs["x"].array, ramp()[None, ..., ::-1])
    assert seen != [threading.get_ident()]
    assert inner.threads == [threading.get_ident()]


def test_few_values_are_prepared_at_once() -> None:
    made, handle = runner(Echo())
    few = TensorRequest("s", {"x": Tensor(DType.FP32, np.ones((1, 2, 2, 3), np.float32))})
    answer = made.run(handle, few, SIGNATURE, CALL)
    assert isinstance(answer, TensorResponse)
    assert answer.outputs["x"].array.max() == 0


def test_many_values_are_prepared_on_a_thread() -> None:
    rows = SHORT_BYTES // 48 + 1
    many = TensorRequest("s", {"x": Tensor(DType.FP32, np.ones((rows, 2, 2, 3), np.float32))})

    async def ask() -> CoreResponse:
        made, handle = runner(Echo())
        answer = made.run(handle, many, SIGNATURE, CALL)
        assert not isinstance(answer, TensorResponse)
        return await answer

    assert finished(ask()).outputs["x"].array.max() == 0


def test_examples_and_untouched_tensors_go_straight_through() -> None:
    inner = Echo()
    made, handle = runner(inner)
    other = Signature("other", {"x": TensorSpec("x", DType.FP32, None, "x", image=image_spec())}, {})
    plain = TensorRequest("other", {"x": Tensor(DType.FP32, np.ones(1, np.float32))})
    assert made.run(handle, plain, other, CALL).outputs["x"] is plain.inputs["x"]
    assert made.run(handle, ExampleRequest("s", []), SIGNATURE, CALL).outputs == {}


def test_a_bad_image_fails_its_caller() -> None:
    bad = TensorRequest("s", {"x": Tensor(DType.BYTES, bytes_array(b"no image"))})

    async def ask() -> None:
        made, handle = runner(Echo())
        await made.run(handle, bad, SIGNATURE, CALL)

    with pytest.raises(DragomanError, match="Image parsing failed"):
        finished(ask())


def test_a_stream_begins_with_the_preparation() -> None:
    async def ask() -> list[Chunk]:
        made, handle = runner(Echo())
        return [chunk async for chunk in made.stream(handle, IMAGES, SIGNATURE, CALL)]

    chunks = finished(ask())
    assert [chunk.outputs["x"].array.shape for chunk in chunks] == [(1, 2, 2, 3)] * 2


def test_a_full_queue_and_a_past_deadline_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    opened, entered = threading.Event(), threading.Event()

    def held(_: Preparation, request: TensorRequest, __: CallContext) -> TensorRequest:
        entered.set()
        assert opened.wait(30)
        return request

    monkeypatch.setattr(Preparation, "prepared", held)

    async def crowd() -> list[DragomanError]:
        made, handle = runner(Echo(), queue_limit=0)
        late = CallContext("late", deadline_s=0.0)
        first = asyncio.ensure_future(made.run(handle, IMAGES, SIGNATURE, late))
        await asyncio.to_thread(entered.wait, 30)
        with pytest.raises(DragomanError) as full:
            await made.run(handle, IMAGES, SIGNATURE, CALL)
        with pytest.raises(DragomanError) as overdue:
            await first
        assert late.cancelled
        opened.set()
        return [full.value, overdue.value]

    full, overdue = finished(crowd())
    assert (full.code, full.reason) == (Code.RESOURCE_EXHAUSTED, Reason.QUEUE_FULL)
    assert overdue.code is Code.DEADLINE_EXCEEDED


def test_closing_closes_the_model() -> None:
    inner = Echo()
    made, _ = runner(inner)
    made.close()
    assert inner.closed
