"""Requests to a model in a worker are joined where its settings say so, and everyone gets their own rows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import pytest
import structlog
from msgspec.structs import replace

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import TensorRequest
from dragoman.core.responses import TensorResponse
from dragoman.core.signatures import DEFAULT_SIGNATURE
from dragoman.core.tensors import DType, Tensor
from dragoman.execution.batching import BatchingRunner
from dragoman.execution.choice import make_runner
from dragoman.execution.workers.runner import WorkerRunner
from dragoman.repository.handle import Handle, Runner
from dragoman.settings.model import BatchingSettings
from tests.unit.execution.workers.served import load

# `rows` is how many rows the call had that a row was in; the calls with made-up inputs are not told of.
MODEL = """
import os
import time

import numpy as np


class Model:
    inputs = {"x": ("float32", [None])}
    outputs = {"y": ("float32", [None]), "rows": ("int64", [None])}
    options = {"mixes": False, "hangs": False}
    concurrency = 1

    def load(self, context):
        self.options = context.options

    def predict(self, inputs):
        x = inputs["x"]
        if self.options["hangs"]:
            time.sleep(3600)
        if (x < 0).any():
            raise ValueError("negative")
        if (x == 666).any():
            os._exit(3)
        made = x.max() <= 1
        y = x * 2 + (x.sum() if self.options["mixes"] else 0)
        return {"y": y, "rows": np.full(len(x), 1 if made else len(x), np.int64)}
"""
BATCHING = BatchingSettings(max_size=8)


class Batched:
    """One version whose requests are joined."""

    def __init__(self, runner: Runner, handle: Handle) -> None:
        self.runner = runner
        self.handle = handle

    async def ask(
        self, *x: float, call: CallContext | None = None, told: dict[str, int] | None = None
    ) -> tuple[list[float], int]:
        """The answer, and the rows of the call that gave it."""
        inputs = {"x": Tensor(DType.FP32, np.array(x, np.float32))}
        request = TensorRequest(DEFAULT_SIGNATURE, inputs, parameters=told)
        self.handle.hold()
        try:
            given = self.runner.run(
                self.handle, request, self.handle.signatures[DEFAULT_SIGNATURE], call or CallContext("id")
            )
            response = given if isinstance(given, TensorResponse) else await given
        finally:
            self.handle.release()
        assert isinstance(response, TensorResponse)
        return response.outputs["y"].array.tolist(), int(response.outputs["rows"].array[0])

    async def together(self, *requests: tuple[float, ...]) -> list[Any]:
        """The answers to requests of one turn, behind a first one that keeps the worker busy meanwhile."""
        first = asyncio.ensure_future(self.ask(2.0, 2.0))
        answers = await asyncio.gather(*(self.ask(*x) for x in requests), return_exceptions=True)
        assert (await first)[0] == [4.0, 4.0]
        return list(answers)


@asynccontextmanager
async def batched(
    folder: Path, batching: BatchingSettings | None = BATCHING, **options: Any
) -> AsyncIterator[Batched]:
    (folder / "model.py").write_text(MODEL)
    model = await asyncio.to_thread(load, folder / "model.py", options, batching=batching)
    settings = model.load.artifact.settings
    loop = asyncio.get_running_loop()
    runner = await asyncio.to_thread(make_runner, model, settings, "m", 1, loop=loop)
    try:
        yield Batched(runner, Handle("m", 1, model.signatures, runner))
    finally:
        await asyncio.to_thread(runner.close)


def test_requests_of_one_turn_run_as_one_call_of_the_worker(tmp_path: Path) -> None:
    async def go() -> list[Any]:
        async with batched(tmp_path) as model:
            return await model.together((3.0,), (4.0, 5.0), (6.0,))

    assert asyncio.run(go()) == [([6.0], 4), ([8.0, 10.0], 4), ([12.0], 4)]


def test_a_request_that_comes_alone_does_not_wait_for_others(tmp_path: Path) -> None:
    async def go() -> Any:
        async with batched(tmp_path, replace(BATCHING, delay_ms=0.0)) as model:
            await model.ask(3.0)
            return await model.ask(4.0)

    assert asyncio.run(go()) == ([8.0], 1)


def test_one_callers_bad_input_fails_that_caller_only(tmp_path: Path) -> None:
    async def go() -> list[Any]:
        async with batched(tmp_path) as model:
            return await model.together((3.0,), (-1.0,), (4.0,))

    good, bad, other = asyncio.run(go())
    assert (good, other) == (([6.0], 1), ([8.0], 1))
    assert isinstance(bad, DragomanError)
    assert (bad.code, bad.message) == (Code.INVALID_ARGUMENT, "negative")


def test_a_batch_whose_worker_ends_fails_as_a_whole_and_once(tmp_path: Path) -> None:
    async def go() -> tuple[list[Any], Any]:
        async with batched(tmp_path) as model:
            return await model.together((3.0,), (666.0,)), await model.ask(5.0)

    failed, after = asyncio.run(go())
    assert [error.code for error in failed] == [Code.UNAVAILABLE] * 2
    assert after == ([10.0], 1)


def test_the_last_deadline_of_a_batch_ends_a_worker_that_hangs_over_it(tmp_path: Path) -> None:
    async def go() -> list[Any]:
        (tmp_path / "model.py").write_text(MODEL)
        model = await asyncio.to_thread(load, tmp_path / "model.py", {"hangs": True}, batching=BATCHING)
        workers = WorkerRunner(model, asyncio.get_running_loop())
        runner = BatchingRunner(workers, BATCHING, "m", frozenset(model.signatures))
        served = Batched(runner, Handle("m", 1, model.signatures, runner))
        try:
            calls = [CallContext("id", monotonic() + 0.2) for _ in range(3)]
            asked = (served.ask(2.0, call=call) for call in calls)
            return await asyncio.gather(*asked, return_exceptions=True)
        finally:
            await asyncio.to_thread(runner.close)

    assert [error.code for error in asyncio.run(go())] == [Code.DEADLINE_EXCEEDED] * 3


def test_what_says_something_to_the_model_besides_runs_alone(tmp_path: Path) -> None:
    async def go(*told: dict[str, int]) -> list[Any]:
        async with batched(tmp_path, replace(BATCHING, max_size=len(told), delay_ms=3_600_000.0)) as model:
            return await asyncio.gather(*(model.ask(2.0, told=each) for each in told))

    assert asyncio.run(go({"seed": 1}, {"seed": 2})) == [([4.0], 1)] * 2
    assert asyncio.run(go({}, {})) == [([4.0], 2)] * 2


def test_where_it_is_not_declared_requests_run_one_by_one(tmp_path: Path) -> None:
    async def go() -> tuple[type[Runner], list[Any]]:
        async with batched(tmp_path, None) as model:
            return type(model.runner), await model.together((3.0,), (4.0,))

    assert asyncio.run(go()) == (WorkerRunner, [([6.0], 1), ([8.0], 1)])


def test_a_model_whose_rows_depend_on_each_other_is_left_alone_with_a_warning(tmp_path: Path) -> None:
    async def go() -> type[Runner]:
        async with batched(tmp_path, mixes=True) as model:
            return type(model.runner)

    with structlog.testing.capture_logs() as logs:
        assert asyncio.run(go()) is WorkerRunner
    [warning] = [line for line in logs if line["event"] == "batching is off"]
    assert warning["why"] == 'output "y" of 3 rows together is not that of each row alone'


def test_a_model_whose_worker_ends_while_batching_is_tried_does_not_load(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(
        MODEL.replace('if self.options["hangs"]:', "if True:\n            os._exit(3)")
    )
    model = load(tmp_path / "model.py", {"hangs": True}, batching=BATCHING)
    loop = asyncio.new_event_loop()
    try:
        with pytest.raises(
            DragomanError, match="batching, tried at load: the model's worker ended"
        ) as caught:
            make_runner(model, model.load.artifact.settings, "m", 1, loop=loop)
    finally:
        model.close()
        loop.close()
    assert caught.value.code is Code.UNAVAILABLE
