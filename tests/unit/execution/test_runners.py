"""How calls reach a model: inline, on threads, in parts."""

import asyncio
import threading

import pytest

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.requests import TensorRequest
from dragoman.core.responses import TensorResponse
from dragoman.core.statistics import Run
from dragoman.execution.runners import LocalRunner
from dragoman.repository.handle import Handle
from tests.unit.execution.conftest import Stopwatch
from tests.unit.execution.models import NATIVE, Doubler, ask, floats

LONG_NS = 10**9


def pinned(model: Doubler, threads: int = 1, queue_limit: int = 8) -> Handle:
    runner = LocalRunner(model, "m", threads, queue_limit)
    handle = Handle("m", 3, model.signatures, runner)
    handle.hold()
    return handle


def context(deadline_s: float | None = None) -> CallContext:
    return CallContext("id", deadline_s)


def values(response: TensorResponse) -> list[float]:
    return response.outputs["y"].array.tolist()


async def answer(handle: Handle, request: TensorRequest, call: CallContext | None = None) -> TensorResponse:
    given = handle.runner.run(handle, request, NATIVE, call or context())
    return given if isinstance(given, TensorResponse) else await given


class Gate:
    """Holds a model's calls until it is opened; says when one has come."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.entered = threading.Event()
        self.calls: list[CallContext] = []

    def __call__(self, _: TensorRequest, call: CallContext) -> None:
        self.calls.append(call)
        self.entered.set()
        assert self.open.wait(30)

    async def reached(self) -> None:
        await asyncio.to_thread(self.entered.wait, 30)


def test_cold_calls_run_on_a_thread_and_short_ones_then_run_inline() -> None:
    threads: list[int] = []
    model = Doubler(lambda *_: threads.append(threading.get_ident()))

    async def three_calls() -> None:
        handle = pinned(model)
        first = await answer(handle, ask(1.0, 2.0))
        assert (values(first), first.version) == ([2.0, 4.0], 3)
        await answer(handle, ask(3.0))
        second = handle.runner.run(handle, ask(5.0), NATIVE, context())
        assert isinstance(second, TensorResponse)
        assert values(second) == [10.0]

    asyncio.run(three_calls())
    assert threads[0] != threading.get_ident()
    assert threads[2] == threading.get_ident()


def test_a_request_of_no_elements_is_answered() -> None:
    async def empty() -> list[float]:
        handle = pinned(Doubler())
        return values(await answer(handle, ask()))

    assert asyncio.run(empty()) == []


def test_a_full_queue_refuses_with_resource_exhausted() -> None:
    gate = Gate()

    async def crowd() -> DragomanError:
        handle = pinned(Doubler(gate), queue_limit=1)
        running = [asyncio.ensure_future(answer(handle, ask(float(n)))) for n in range(2)]
        await gate.reached()
        with pytest.raises(DragomanError) as caught:
            await answer(handle, ask(9.0))
        gate.open.set()
        assert [values(done) for done in await asyncio.gather(*running)] == [[0.0], [2.0]]
        return caught.value

    error = asyncio.run(crowd())
    assert (error.code, error.reason) == (Code.RESOURCE_EXHAUSTED, Reason.QUEUE_FULL)
    assert error.retry_after_s is not None


def test_a_deadline_ends_the_wait_but_keeps_the_version_pinned_until_the_thread_is_through() -> None:
    gate = Gate()

    async def late() -> None:
        handle = pinned(Doubler(gate))
        call = context(deadline_s=0.0)  # long past
        with pytest.raises(DragomanError) as caught:
            await answer(handle, ask(1.0), call)
        assert caught.value.code is Code.DEADLINE_EXCEEDED
        assert call.cancelled

        waiting = asyncio.ensure_future(answer(handle, ask(1.0)))
        await gate.reached()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert gate.calls[-1].cancelled
        assert handle.pins == 2
        idle = asyncio.Event()
        handle.release()
        handle.quiesce(idle.set)
        gate.open.set()
        await idle.wait()
        assert handle.pins == 0

    asyncio.run(late())


def test_a_wait_in_line_that_is_cancelled_takes_no_slot_with_it() -> None:
    gate = Gate()

    async def give_up() -> list[float]:
        handle = pinned(Doubler(gate), queue_limit=4)
        first = asyncio.ensure_future(answer(handle, ask(1.0)))
        await gate.reached()
        second = asyncio.ensure_future(answer(handle, ask(2.0)))
        third = asyncio.ensure_future(answer(handle, ask(3.0)))
        await asyncio.sleep(0)
        second.cancel()
        gate.open.set()
        await first
        return values(await third)

    assert asyncio.run(give_up()) == [6.0]


def test_a_stream_gives_its_parts_in_order_and_its_slot_back() -> None:
    async def parts() -> list[tuple[list[float], int | None]]:
        handle = pinned(Doubler())
        chunks = handle.runner.stream(handle, ask(1.0, 2.0, 3.0), NATIVE, context())
        got = [(chunk.outputs["y"].array.tolist(), chunk.version) async for chunk in chunks]
        assert values(await answer(handle, ask(4.0))) == [8.0]
        return got

    assert asyncio.run(parts()) == [([2.0], 3), ([4.0], 3), ([6.0], 3)]


def test_a_stream_that_is_closed_early_tells_the_model_and_gives_its_slot_back() -> None:
    seen: list[CallContext] = []

    async def stop_early() -> list[float]:
        handle = pinned(Doubler(lambda _, call: seen.append(call)))
        chunks = handle.runner.stream(handle, ask(1.0, 2.0, 3.0), NATIVE, context())
        await anext(chunks)
        await chunks.aclose()
        return values(await answer(handle, ask(4.0)))

    assert asyncio.run(stop_early()) == [8.0]
    assert seen[0].cancelled


def test_closing_waits_for_the_threads_and_closes_the_model() -> None:
    model = Doubler()

    async def one() -> Handle:
        handle = pinned(model)
        await answer(handle, ask(1.0))
        return handle

    asyncio.run(one()).runner.close()
    assert model.closed == 1


def test_what_a_model_raises_reaches_the_caller() -> None:
    def break_down(*_: object) -> None:
        raise DragomanError(Code.INVALID_ARGUMENT, 'input "x": too long')

    async def call() -> None:
        handle = pinned(Doubler(break_down))
        await answer(handle, TensorRequest("serving_default", {"x": floats(1.0)}))

    with pytest.raises(DragomanError, match="too long"):
        asyncio.run(call())


# What a call took


def measured(response: TensorResponse) -> Run:
    assert response.run is not None
    return response.run


def test_an_answer_tells_what_it_took_and_whether_it_waited(stopwatch: Stopwatch) -> None:
    gate = Gate()

    async def two() -> list[Run]:
        handle = pinned(Doubler(gate))
        running = [asyncio.ensure_future(answer(handle, ask(1.0))) for _ in range(2)]
        await gate.reached()
        stopwatch.ahead_ns += LONG_NS
        gate.open.set()
        return [measured(response) for response in await asyncio.gather(*running)]

    first, second = asyncio.run(two())
    assert first.queue_ns < LONG_NS <= first.infer_ns
    assert 0 < second.infer_ns < LONG_NS <= second.queue_ns  # there is one thread


def test_a_call_on_the_loop_has_waited_for_nothing() -> None:
    async def three() -> Run:
        handle = pinned(Doubler())
        for _ in range(2):
            await answer(handle, ask(1.0))
        given = handle.runner.run(handle, ask(1.0), NATIVE, context())
        assert isinstance(given, TensorResponse)
        return measured(given)

    run = asyncio.run(three())
    assert run.queue_ns == 0
    assert run.infer_ns > 0


@pytest.mark.parametrize(("counts_rows", "rows"), [(True, [3, 1]), (False, [1, 1])])
def test_rows_count_where_the_model_takes_batches(counts_rows: bool, rows: list[int]) -> None:
    async def two() -> list[int]:
        model = Doubler()
        runner = LocalRunner(model, "m", 1, 8, counts_rows=counts_rows)
        handle = Handle("m", 3, model.signatures, runner)
        return [measured(await answer(handle, ask(*values))).rows for values in ((1.0, 2.0, 3.0), ())]

    assert asyncio.run(two()) == rows


def test_each_part_of_a_stream_tells_what_it_took_and_the_first_what_it_waited() -> None:
    async def parts() -> list[Run]:
        handle = pinned(Doubler())
        chunks = handle.runner.stream(handle, ask(1.0, 2.0), NATIVE, context())
        return [chunk.run async for chunk in chunks if chunk.run is not None]

    first, second = asyncio.run(parts())
    assert first.queue_ns > 0
    assert second.queue_ns == 0
    assert min(first.infer_ns, second.infer_ns) > 0
