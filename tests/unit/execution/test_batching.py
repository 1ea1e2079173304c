"""Requests that wait together run together, and everyone gets exactly their own rows."""

import asyncio
import random
import threading
from collections.abc import Callable

import numpy as np
import pytest

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.requests import TensorRequest
from dragoman.core.responses import TensorResponse
from dragoman.core.statistics import Run, VersionStatistics
from dragoman.execution.batching import BatchingRunner
from dragoman.execution.runners import LocalRunner
from dragoman.repository.handle import Handle
from dragoman.settings.model import BatchingSettings
from tests.unit.execution.models import NATIVE, Doubler, ask


class Batches:
    """Notes the rows of each run of the model; fails where a row is negative."""

    def __init__(self) -> None:
        self.rows: list[int] = []

    def __call__(self, request: TensorRequest, _: CallContext) -> None:
        array = request.inputs["x"].array
        self.rows.append(len(array))
        if (array < 0).any():
            raise DragomanError(Code.INVALID_ARGUMENT, "negative")


def handle_of(work: Callable[..., None], **settings: object) -> Handle:
    model = Doubler(work)
    batching = BatchingSettings(**{"max_size": 8, **settings})
    runner = BatchingRunner(LocalRunner(model, "m", 1, 8), batching, "m", frozenset(model.signatures))
    handle = Handle("m", 1, model.signatures, runner)
    handle.hold()
    return handle


async def answer(handle: Handle, *values: float, call: CallContext | None = None) -> list[float]:
    given = handle.runner.run(handle, ask(*values), NATIVE, call or CallContext("id"))
    response = given if isinstance(given, TensorResponse) else await given
    return response.outputs["y"].array.tolist()


async def warm(handle: Handle) -> None:
    for _ in range(3):
        await answer(handle, 1.0)
        await asyncio.sleep(0)


async def together(handle: Handle, *requests: tuple[float, ...]) -> list[object]:
    return await asyncio.gather(*(answer(handle, *values) for values in requests), return_exceptions=True)


def test_requests_of_one_turn_run_as_one_batch() -> None:
    batches = Batches()

    async def go() -> list[object]:
        handle = handle_of(batches)
        await warm(handle)
        await together(handle, (1.0,), (1.0,))
        batches.rows.clear()
        return await together(handle, (1.0,), (2.0, 3.0), (4.0,))

    assert asyncio.run(go()) == [[2.0], [4.0, 6.0], [8.0]]
    assert batches.rows == [4]


def test_a_request_that_comes_alone_is_answered_at_once() -> None:
    async def go() -> TensorResponse:
        handle = handle_of(Batches())
        await warm(handle)
        given = handle.runner.run(handle, ask(5.0), NATIVE, CallContext("id"))
        assert isinstance(given, TensorResponse)
        return given

    assert asyncio.run(go()).outputs["y"].array.tolist() == [10.0]


def test_work_in_the_background_joins_nobody() -> None:
    batches = Batches()

    async def go() -> list[object]:
        handle = handle_of(batches)
        await warm(handle)
        await together(handle, (1.0,), (1.0,))
        batches.rows.clear()
        apart = CallContext("id", background=True)
        return await asyncio.gather(answer(handle, 1.0), answer(handle, 2.0, call=apart), answer(handle, 3.0))

    assert asyncio.run(go()) == [[2.0], [4.0], [6.0]]
    assert sorted(batches.rows) == [1, 2]


def test_a_batch_holds_no_more_than_max_size_rows() -> None:
    batches = Batches()

    async def go() -> list[object]:
        handle = handle_of(batches, max_size=3)
        await warm(handle)
        await together(handle, (0.0,), (0.0,))
        batches.rows.clear()
        return await together(handle, *[(float(n),) for n in range(7)], (1.0, 2.0, 3.0, 4.0))

    assert asyncio.run(go())[-2:] == [[12.0], [2.0, 4.0, 6.0, 8.0]]
    assert sorted(batches.rows) == [1, 3, 3, 4]


def test_a_batch_is_filled_up_to_an_allowed_size_and_cut_again() -> None:
    batches = Batches()

    async def go() -> list[object]:
        handle = handle_of(batches, allowed_sizes=(4, 8))
        await warm(handle)
        await together(handle, (0.0,), (0.0,))
        batches.rows.clear()
        return await together(handle, (1.0,), (2.0,), (3.0,), (4.0,), (5.0,))

    assert asyncio.run(go()) == [[2.0], [4.0], [6.0], [8.0], [10.0]]
    assert batches.rows == [8]


def test_a_full_batch_does_not_wait_for_its_delay() -> None:
    async def go() -> list[object]:
        handle = handle_of(Batches(), max_size=2, delay_ms=3_600_000.0)
        return await together(handle, (1.0,), (2.0,))

    assert asyncio.run(go()) == [[2.0], [4.0]]


def test_a_batch_that_is_not_full_runs_after_its_delay() -> None:
    async def go() -> list[object]:
        handle = handle_of(Batches(), delay_ms=1.0)
        return await together(handle, (1.0,), (2.0,))

    assert asyncio.run(go()) == [[2.0], [4.0]]


def test_one_bad_request_fails_alone() -> None:
    async def go() -> list[object]:
        handle = handle_of(Batches())
        await warm(handle)
        await together(handle, (0.0,), (0.0,))
        return await together(handle, (1.0,), (-1.0,), (2.0,))

    first, second, third = asyncio.run(go())
    assert (first, third) == ([2.0], [4.0])
    assert isinstance(second, DragomanError)
    assert second.message == "negative"


def test_cancelled_work_is_dropped_before_it_runs() -> None:
    batches = Batches()

    async def go() -> object:
        handle = handle_of(batches, max_size=3, delay_ms=3_600_000.0)
        first = asyncio.ensure_future(answer(handle, 1.0))
        second = asyncio.ensure_future(answer(handle, 2.0))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
        await answer(handle, 3.0)  # the third row, which fills the batch
        return await second

    assert asyncio.run(go()) == [4.0]
    assert batches.rows == [2]


def test_a_full_queue_refuses() -> None:
    async def go() -> list[object]:
        handle = handle_of(Batches(), delay_ms=1.0, max_queue=2)
        return await together(handle, (1.0,), (2.0,), (3.0,))

    *served, refused = asyncio.run(go())
    assert served == [[2.0], [4.0]]
    assert isinstance(refused, DragomanError)
    assert (refused.code, refused.reason) == (Code.RESOURCE_EXHAUSTED, Reason.QUEUE_FULL)


def test_a_deadline_ends_the_wait_for_a_batch_that_hangs_and_for_one_behind_it() -> None:
    gate = threading.Event()

    async def go() -> list[object]:
        handle = handle_of(lambda *_: gate.wait(30))
        loop = asyncio.get_running_loop()
        waits = [answer(handle, 1.0, call=CallContext("id", loop.time() + 0.02)) for _ in range(2)]
        running = asyncio.ensure_future(asyncio.gather(*waits, return_exceptions=True))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        behind = answer(handle, 1.0, 2.0, call=CallContext("id", loop.time() + 0.02))
        results = [*await running, *await asyncio.gather(behind, return_exceptions=True)]
        gate.set()
        return results

    for error in asyncio.run(go()):
        assert isinstance(error, DragomanError)
        assert error.code is Code.DEADLINE_EXCEEDED


# Statistics


async def runs(handle: Handle, *requests: tuple[float, ...]) -> list[Run]:
    """What each of these requests, which come together, took."""

    async def one(values: tuple[float, ...]) -> Run:
        given = handle.runner.run(handle, ask(*values), NATIVE, CallContext("id"))
        response = given if isinstance(given, TensorResponse) else await given
        assert response.run is not None
        return response.run

    return await asyncio.gather(*(one(values) for values in requests))


async def fresh(**settings: object) -> Handle:
    """A warm model that has counted nothing yet, and lets every request wait for others."""
    handle = handle_of(Batches(), delay_ms=0.5, **settings)
    await warm(handle)
    handle.statistics = VersionStatistics()
    return handle


def sizes(handle: Handle) -> dict[int, int]:
    """How many batches there were of each size."""
    return {size: batch.runs for size, batch in handle.statistics.batches.items()}


def test_requests_that_run_as_one_share_a_run_and_have_rows_of_their_own() -> None:
    async def three() -> tuple[list[Run], dict[int, int]]:
        handle = await fresh()
        return await runs(handle, (1.0,), (2.0, 3.0), (4.0,)), sizes(handle)

    (first, second, third), counted = asyncio.run(three())
    assert counted == {4: 1}
    assert (first.rows, second.rows, third.rows) == (1, 2, 1)
    assert first.batch is second.batch is third.batch is not None
    assert first.infer_ns == first.batch.infer_ns > 0
    assert first.queue_ns > third.queue_ns > 0


def test_a_batch_that_is_filled_up_counts_the_rows_that_were_asked_for() -> None:
    async def three() -> dict[int, int]:
        handle = await fresh(allowed_sizes=(4, 8))
        await runs(handle, (1.0,), (2.0,), (3.0,))
        return sizes(handle)

    assert asyncio.run(three()) == {3: 1}


def test_a_batch_that_fails_counts_the_runs_that_then_succeed() -> None:
    async def three() -> dict[int, int]:
        handle = await fresh()
        await together(handle, (1.0,), (-2.0,), (3.0, 4.0))
        return sizes(handle)

    assert asyncio.run(three()) == {1: 1, 2: 1}


@pytest.mark.parametrize("joinable", [True, False])
def test_a_request_that_runs_by_itself_counts_its_rows(joinable: bool) -> None:
    async def one() -> Run:
        model = Doubler(Batches())
        joined = frozenset(model.signatures) if joinable else frozenset()
        runner = BatchingRunner(LocalRunner(model, "m", 1, 8), BatchingSettings(max_size=4), "m", joined)
        handle = Handle("m", 1, model.signatures, runner)
        return (await runs(handle, (1.0, 2.0, 3.0, 4.0, 5.0)))[0]

    run = asyncio.run(one())
    assert (run.rows, run.batch) == (5, None)


class Crowd:
    """Callers whose requests are batched, cancelled, failing and retried, in random order and size."""

    def __init__(self, delay_ms: float) -> None:
        self.requests = 0
        self._dice = random.Random(7)
        self._delay_ms = delay_ms

    async def come(self, waves: int, most: int) -> None:
        """Waves of up to so many callers, each of whom must get its own rows."""
        batches = Batches()
        handle = handle_of(batches, max_size=16, delay_ms=self._delay_ms, max_queue=10_000)
        for wave in range(waves):
            numbers = range(wave * most, wave * most + self._dice.randint(1, most))
            await asyncio.gather(*(self._caller(handle, number) for number in numbers))
        assert handle.pins == 1
        assert max(batches.rows) == 16

    async def _caller(self, handle: Handle, number: int) -> None:
        values = [float(number * 10 + row) for row in range(self._dice.randint(1, 4))]
        kind = self._dice.random()
        if kind < 0.1:
            waiting = asyncio.ensure_future(self._answer(handle, *values))
            for _ in range(self._dice.randint(0, 2)):
                await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait([waiting])
        elif kind < 0.2:
            with pytest.raises(DragomanError, match="negative"):
                await self._answer(handle, -1.0, *values)
        assert await self._answer(handle, *values) == np.multiply(values, 2).tolist()

    async def _answer(self, handle: Handle, *values: float) -> list[float]:
        self.requests += 1
        return await answer(handle, *values)


@pytest.mark.parametrize("delay_ms", [0.0, 0.5])
def test_every_row_of_many_mixed_requests_comes_back_to_its_caller(delay_ms: float) -> None:
    crowd = Crowd(delay_ms)
    asyncio.run(crowd.come(waves=20, most=100))
    assert crowd.requests > 1000


@pytest.mark.faults
@pytest.mark.parametrize("delay_ms", [0.0, 0.5])
def test_every_row_of_100_000_mixed_requests_comes_back_to_its_caller(delay_ms: float) -> None:
    crowd = Crowd(delay_ms)
    asyncio.run(crowd.come(waves=200, most=1000))
    assert crowd.requests > 100_000
