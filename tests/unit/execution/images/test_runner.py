"""Requests are prepared on threads, then run as any others."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from time import monotonic
from typing import Any

import numpy as np
import pytest

from dragoman.core.context import CallContext
from dragoman.core.deferred import Deferred
from dragoman.core.errors import Code, DragomanError, Reason, invalid
from dragoman.core.images import Preprocessing
from dragoman.core.requests import CoreRequest, ExampleRequest, TensorRequest
from dragoman.core.responses import Chunk, CoreResponse, TensorResponse
from dragoman.core.signatures import DEFAULT_SIGNATURE, Signature, TensorSpec
from dragoman.core.tensors import DType, Tensor
from dragoman.execution.images.preparation import SHORT_BYTES, Preparation
from dragoman.execution.images.runner import PreparingRunner
from dragoman.execution.runners import LocalRunner
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
        late = CallContext("late", deadline_s=monotonic() + 3600)
        first = asyncio.ensure_future(made.run(handle, IMAGES, SIGNATURE, late))
        await asyncio.to_thread(entered.wait, 30)
        with pytest.raises(DragomanError) as full:
            await made.run(handle, IMAGES, SIGNATURE, CALL)
        for waiting in list(made._alarm._deadlines):
            made._alarm.watch(waiting, monotonic())  # now that a thread has begun, and no sooner
        with pytest.raises(DragomanError) as overdue:
            await first
        assert late.cancelled
        opened.set()
        return [full.value, overdue.value]

    full, overdue = finished(crowd())
    assert (full.code, full.reason) == (Code.RESOURCE_EXHAUSTED, Reason.QUEUE_FULL)
    assert overdue.code is Code.DEADLINE_EXCEEDED


def unbound(prepare: Callable[[], CoreRequest], inner: Any, call: CallContext = CALL) -> Any:
    """What becomes of a request that is bound on a thread."""

    async def ask() -> CoreResponse:
        made, handle = runner(inner)
        return await made.run_unbound(handle, prepare, SIGNATURE, call)

    return finished(ask())


def test_a_request_can_be_bound_on_the_thread_that_prepares_it() -> None:
    seen: list[int] = []

    def bind() -> CoreRequest:
        seen.append(threading.get_ident())
        return IMAGES

    inner = Echo()
    np.testing.assert_array_equal(unbound(bind, inner).outputs["x"].array, ramp()[None, ..., ::-1])
    assert seen != [threading.get_ident()]
    assert inner.threads == [threading.get_ident()]


def test_what_is_bound_on_a_thread_may_be_no_tensors_and_may_be_wrong() -> None:
    assert unbound(lambda: ExampleRequest("s", []), Echo()).outputs == {}

    def refuse() -> CoreRequest:
        raise invalid("it does not fit")

    with pytest.raises(DragomanError, match="it does not fit"):
        unbound(refuse, Echo())


class Failing(Echo):
    """A runner that has no answer, at once or later, as a task or without one."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def run(self, *_: Any) -> Any:
        if self.how == "at once":
            raise invalid("no answer")
        if self.how == "deferred":
            given: Deferred[CoreResponse] = Deferred()
            asyncio.get_running_loop().call_soon(given.reject, invalid("no answer"))
            return given
        return self._fail()

    async def _fail(self) -> CoreResponse:
        raise invalid("no answer")


@pytest.mark.parametrize("how", ["at once", "deferred", "awaited"])
def test_a_model_that_fails_fails_its_caller(how: str) -> None:
    with pytest.raises(DragomanError, match="no answer"):
        unbound(lambda: IMAGES, Failing(how))


class Slow(Echo):
    """A runner whose answer is still to come when its caller goes."""

    def __init__(self, *, deferred: bool) -> None:
        super().__init__()
        self.asked = asyncio.Event()
        self.given_up = asyncio.Event()
        self._deferred = deferred

    def run(self, *_: Any) -> Any:
        self.asked.set()
        return Deferred(self.given_up.set) if self._deferred else self._endless()

    async def _endless(self) -> CoreResponse:
        try:
            return await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            self.given_up.set()
            raise


@pytest.mark.parametrize("deferred", [False, True])
def test_a_caller_that_goes_takes_the_models_call_along(deferred: bool) -> None:
    async def ask() -> None:
        inner = Slow(deferred=deferred)
        made, handle = runner(inner)
        task = asyncio.ensure_future(made.run(handle, IMAGES, SIGNATURE, CALL))
        await inner.asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await inner.given_up.wait()

    finished(ask())


def test_what_nobody_waits_for_any_more_is_not_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    opened, entered = threading.Event(), threading.Event()
    prepared: list[str] = []

    def held(_: Preparation, request: TensorRequest, call: CallContext) -> TensorRequest:
        entered.set()
        assert opened.wait(30)
        prepared.append(call.request_id)
        return request

    monkeypatch.setattr(Preparation, "prepared", held)

    async def crowd() -> None:
        made, handle = runner(Echo())
        gone = CallContext("gone")
        first = asyncio.ensure_future(made.run(handle, IMAGES, SIGNATURE, CallContext("first")))
        await asyncio.to_thread(entered.wait, 30)
        second = asyncio.ensure_future(made.run(handle, IMAGES, SIGNATURE, gone))
        third = asyncio.ensure_future(made.run(handle, IMAGES, SIGNATURE, CallContext("third")))
        await asyncio.sleep(0)  # all of them wait now
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        assert gone.cancelled
        opened.set()
        await first
        await third

    finished(crowd())
    assert prepared == ["first", "third"]


class Watched:
    """A model that notes on which thread it runs, and gives what it takes."""

    def __init__(self, concurrency: int) -> None:
        self.concurrency = concurrency
        taken = {"x": TensorSpec("x", DType.FP32, None, "x")}
        self.signatures = {DEFAULT_SIGNATURE: Signature(DEFAULT_SIGNATURE, taken, {})}
        self.threads: list[str] = []
        self.fails = False

    def infer(self, request: TensorRequest, _: CallContext) -> TensorResponse:
        self.threads.append(threading.current_thread().name)
        if self.fails:
            raise invalid("no answer")
        return TensorResponse(request.inputs)

    def close(self) -> None:
        """Nothing to close."""


def over_local(model: Watched) -> tuple[PreparingRunner, Handle]:
    made = PreparingRunner(LocalRunner(model, "m", 1, 4), "m", 1, 4, Limits())
    return made, Handle("m", 1, {"s": SIGNATURE}, made)


@pytest.mark.parametrize(("concurrency", "place"), [(1024, "images-m"), (1, "model-m")])
def test_a_model_that_takes_any_number_of_calls_runs_where_its_images_are_prepared(
    concurrency: int, place: str
) -> None:
    model = Watched(concurrency)

    async def ask() -> tuple[int, TensorResponse]:
        made, handle = over_local(model)
        answer = made.run(handle, IMAGES, SIGNATURE, CALL)
        pins = handle.pins
        found = await answer
        assert handle.pins == 0
        return pins, found

    pins, found = finished(ask())
    assert pins == 1
    assert found.version == 1
    assert found.run.infer_ns > 0
    assert model.threads[0].startswith(place)


def test_a_model_that_fails_there_fails_its_caller() -> None:
    model = Watched(1024)
    model.fails = True

    async def ask() -> None:
        made, handle = over_local(model)
        with pytest.raises(DragomanError, match="no answer"):
            await made.run(handle, IMAGES, SIGNATURE, CALL)
        assert handle.pins == 0

    finished(ask())


def test_closing_closes_the_model() -> None:
    inner = Echo()
    made, _ = runner(inner)
    made.close()
    assert inner.closed
