"""Calls to models in workers: answers, failures of every kind, and what is left of them."""

import asyncio
import gc
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
import structlog

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.requests import TensorRequest
from dragoman.core.signatures import DEFAULT_SIGNATURE
from dragoman.core.statistics import Run
from dragoman.core.status import Cause
from dragoman.core.tensors import DType, Tensor
from dragoman.execution.workers.pool import FAILURES_ALLOWED, Restarts
from dragoman.settings.model import BatchingSettings, WorkerSettings
from tests.unit.execution.workers.served import Served, ask, context, copied, served

OVER = "the model's worker ended while it ran this request"


async def refusal(model: Served, order: str, call: CallContext | None = None) -> DragomanError:
    with pytest.raises(DragomanError) as caught:
        await model.run(ask(order, 1.0), call)
    return caught.value


def test_a_call_is_answered_in_another_process() -> None:
    async def two() -> tuple[list[float], int]:
        async with served() as model:
            return (await model.run(ask("echo", 1.0, 2.0))).tolist(), await model.pid()

    answer, pid = asyncio.run(two())
    assert answer == [1.0, 2.0]
    assert pid != os.getpid()


def test_a_value_error_is_the_callers_and_anything_else_is_told_to_the_log_alone() -> None:
    async def errors() -> list[DragomanError]:
        async with served() as model:
            pid = await model.pid()
            found = [await refusal(model, order) for order in ("refuse", "fail", "leave")]
            assert await model.pid() == pid
            return found

    with structlog.testing.capture_logs() as logs:
        refused, failed, left = asyncio.run(errors())
    assert (refused.code, refused.message) == (Code.INVALID_ARGUMENT, "x is no good")
    assert (failed.code, left.code) == (Code.INTERNAL, Code.INTERNAL)
    assert "secret" not in failed.message
    told = [line for line in logs if line["event"] == "the model failed"]
    assert "KeyError: 'secret'" in told[0]["exception"]
    assert (told[0]["model"], told[0]["log_level"]) == ("m", "error")


@pytest.mark.parametrize("order", ["end", "crash", "garble", "spawn"])
def test_a_worker_that_ends_fails_its_call_and_is_replaced(order: str) -> None:
    async def replaced() -> tuple[DragomanError, bool]:
        async with served() as model:
            before = await model.pid()
            error = await refusal(model, order)
            return error, await model.pid() != before

    with structlog.testing.capture_logs() as logs:
        error, other = asyncio.run(replaced())
    assert (error.code, error.message) == (Code.UNAVAILABLE, OVER)
    assert error.retry_after_s is not None
    assert other
    assert next(line["how"] for line in logs if line["event"] == "worker ended").startswith(
        {"crash": "signal SIG", "garble": "signal SIGKILL"}.get(order, "exit code 3")
    )


def test_a_crash_leaves_its_traceback_in_the_log() -> None:
    async def crash() -> None:
        async with served() as model:
            await refusal(model, "crash")
            await model.pid()

    with structlog.testing.capture_logs() as logs:
        asyncio.run(crash())
    assert any("Segmentation fault" in line.get("line", "") for line in logs)


def test_a_worker_that_ends_leaves_calls_in_other_workers_alone(tmp_path: Path) -> None:
    path = copied(tmp_path)

    async def beside() -> tuple[DragomanError, list[float]]:
        async with served(path, instances=2) as model:
            waiting = model.start("wait", 7.0)
            await asyncio.sleep(0)
            error = await refusal(model, "end")
            (await asyncio.to_thread((tmp_path / "gate").open, "w")).close()
            return error, (await waiting).tolist()

    error, answer = asyncio.run(beside())
    assert error.code is Code.UNAVAILABLE
    assert answer == [7.0]


@pytest.mark.parametrize("order", ["hang", "hold"])
def test_a_call_past_its_deadline_has_its_worker_killed(order: str) -> None:
    async def late() -> tuple[DragomanError, bool]:
        async with served() as model:
            before = await model.pid()
            call = context(deadline_s=0.0)
            error = await refusal(model, order, call)
            assert call.cancelled
            return error, await model.pid() != before

    error, other = asyncio.run(late())
    assert error.code is Code.DEADLINE_EXCEEDED
    assert other


def test_a_model_that_notices_its_deadline_keeps_its_worker() -> None:
    async def late() -> bool:
        async with served(worker=WorkerSettings(grace_s=60.0)) as model:
            before = await model.pid()
            error = await refusal(model, "obey", context(deadline_s=0.0))
            assert error.code is Code.DEADLINE_EXCEEDED
            return await model.pid() == before

    assert asyncio.run(late())


def test_a_caller_that_leaves_has_the_model_told_and_the_worker_goes_on() -> None:
    async def left() -> bool:
        async with served() as model:
            before = await model.pid()
            running = model.start("obey", 1.0)
            await asyncio.sleep(0)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            return await model.pid() == before

    assert asyncio.run(left())


def test_a_stream_gives_its_parts_in_order_and_its_slot_back() -> None:
    async def parts() -> list[list[float]]:
        async with served() as model:
            got = [chunk.outputs["y"].array.tolist() async for chunk in model.stream("echo", 1.0, 2.0, 3.0)]
            await model.pid()
            return got

    assert asyncio.run(parts()) == [[1.0], [2.0], [3.0]]


def test_a_stream_that_is_left_ends_in_the_worker_too() -> None:
    async def left() -> bool:
        async with served() as model:
            before = await model.pid()
            chunks = model.stream("echo", 1.0, 2.0, 3.0)
            await anext(chunks)
            await chunks.aclose()
            return await model.pid() == before

    assert asyncio.run(left())


@pytest.mark.parametrize(("order", "code"), [("refuse", Code.INVALID_ARGUMENT), ("end", Code.UNAVAILABLE)])
def test_a_stream_that_breaks_tells_why(order: str, code: Code) -> None:
    async def broken() -> Code:
        async with served() as model:
            with pytest.raises(DragomanError) as caught:
                await anext(model.stream(order, 1.0))
            await model.pid()
            return caught.value.code

    assert asyncio.run(broken()) is code


def test_a_worker_that_prints_without_end_neither_waits_nor_fills_the_log() -> None:
    async def loud() -> list[float]:
        async with served() as model:
            return (await model.run(ask("shout", 1.0))).tolist()

    with structlog.testing.capture_logs() as logs:
        assert asyncio.run(loud()) == [1.0]
    lines = [line["line"] for line in logs if line["event"] == "output"]
    assert "x" * 79 in lines
    assert any(line.startswith("y" * 99) and line.endswith("(cut)") for line in lines)
    assert max(map(len, lines)) < 5000


def test_a_model_that_takes_too_much_memory_fails_its_call_only() -> None:
    limited = WorkerSettings(memory_bytes=768 << 20)

    async def hoarding() -> DragomanError:
        async with served(worker=limited) as model:
            error = await refusal(model, "hoard")
            await model.pid()
            return error

    assert asyncio.run(hoarding()).code is Code.INTERNAL


def test_a_worker_cannot_take_the_shared_memory_away_from_the_server() -> None:
    async def shrunk() -> tuple[DragomanError, float]:
        async with served() as model:
            error = await refusal(model, "shrink")
            answer = await model.run(ask("echo", *range(5000)))
            return error, answer[-1]

    error, last = asyncio.run(shrunk())
    assert error.code is Code.INTERNAL  # the kernel refuses it, in the model
    assert last == 4999.0


def test_calls_are_spread_over_instances() -> None:
    async def pids() -> set[int]:
        async with served(instances=2) as model:
            return {await model.pid() for _ in range(4)}

    assert len(asyncio.run(pids())) == 2


def test_a_model_that_says_so_takes_several_calls_at_once() -> None:
    async def meeting() -> list[float]:
        async with served(options={"concurrency": 2}) as model:
            both = await asyncio.gather(model.run(ask("meet", 1.0)), model.run(ask("meet", 2.0)))
            return [answer[0] for answer in both]

    assert asyncio.run(meeting()) == [1.0, 2.0]


def test_a_full_queue_refuses_with_resource_exhausted(tmp_path: Path) -> None:
    path = copied(tmp_path)

    async def crowd() -> DragomanError:
        async with served(path, max_queue=1) as model:
            running = [model.start("wait", 1.0), model.start("echo", 2.0)]
            await asyncio.sleep(0)
            error = await refusal(model, "echo")
            (await asyncio.to_thread((tmp_path / "gate").open, "w")).close()
            assert [answer.tolist() for answer in await asyncio.gather(*running)] == [[1.0], [2.0]]
            return error

    error = asyncio.run(crowd())
    assert (error.code, error.reason) == (Code.RESOURCE_EXHAUSTED, Reason.QUEUE_FULL)


class Pauses:
    """A sleep that takes no time until it has been asked for so many times; then it waits to be let go."""

    def __init__(self, most: int) -> None:
        self.asked: list[float] = []
        self.go_on = asyncio.Event()
        self._most = most

    async def sleep(self, seconds: float) -> None:
        self.asked.append(seconds)
        if len(self.asked) > self._most:
            await self.go_on.wait()


def test_a_worker_that_does_not_start_is_tried_after_longer_and_longer_pauses_and_the_version_is_down(
    tmp_path: Path,
) -> None:
    path = copied(tmp_path)
    told: list[Cause | None] = []
    up = threading.Event()

    def health(cause: Cause | None) -> None:
        told.append(cause)
        if cause is None:
            up.set()

    async def down_and_up() -> tuple[list[float], DragomanError, DragomanError]:
        pauses = Pauses(FAILURES_ALLOWED)
        async with served(path, health=health, restarts=Restarts(pauses.sleep, lambda: 0.0)) as model:
            (tmp_path / "broken").touch()
            await refusal(model, "end")
            waiting = await refusal(model, "echo")  # stands in line until the version is down
            refused = await refusal(model, "echo")
            (tmp_path / "broken").unlink()
            asked = list(pauses.asked)
            pauses.go_on.set()
            assert await asyncio.to_thread(up.wait, 30)
            await model.pid()
            return asked, waiting, refused

    asked, waiting, refused = asyncio.run(down_and_up())
    assert asked[:FAILURES_ALLOWED] == [0.1, 0.2, 0.4, 0.8, 1.6]
    assert (waiting.code, refused.code) == (Code.UNAVAILABLE, Code.UNAVAILABLE)
    assert refused.message == waiting.message
    assert refused.message.startswith("model m version 1 is down, its worker does not start: ")
    assert told[0] is not None
    assert "model.py raised SystemExit" in told[0].message


def held() -> int:
    """How many pieces of shared memory this process has open or mapped."""
    names = [os.readlink(f"/proc/self/fd/{fd}") for fd in filter(alive, os.listdir("/proc/self/fd"))]
    return sum(
        "memfd:dragoman" in name for name in [*names, *Path("/proc/self/maps").read_text().split("\n")]
    )


def alive(fd: str) -> bool:
    return os.path.islink(f"/proc/self/fd/{fd}")


@pytest.fixture
def _nothing_left() -> Iterator[None]:
    gc.collect()
    files = len(os.listdir("/proc/self/fd"))
    memory = held()
    gc.disable()  # nothing may wait for the next collection
    yield
    gc.enable()
    assert (held(), len(os.listdir("/proc/self/fd"))) == (memory, files)


@pytest.mark.usefixtures("_nothing_left")
def test_ended_workers_leave_no_memory_and_no_open_files() -> None:
    async def several() -> None:
        async with served(instances=2) as model:
            for _ in range(2):
                await asyncio.gather(model.run(ask("end", 1.0)), return_exceptions=True)
            assert len(await model.run(ask("echo", *range(300_000)))) == 300_000

    asyncio.run(several())


ECHO = """
class Model:
    inputs = {"x": ("%(dtype)s", None)}
    outputs = {"y": ("%(dtype)s", None)}
    def predict(self, inputs):
        return {"y": inputs["x"]}
"""
LARGE = {
    DType.FP32: np.arange(1_000_000, dtype=np.float32).reshape(1000, 1000)[:, ::2],
    DType.BF16: np.arange(200_000).astype(ml_dtypes.bfloat16),
    DType.BYTES: np.array([b"\0" * n for n in range(3000)], object).reshape(3, 1000),
}


@pytest.mark.parametrize("dtype", list(LARGE))
def test_a_large_tensor_comes_back_whole(tmp_path: Path, dtype: DType) -> None:
    (tmp_path / "model.py").write_text(ECHO % {"dtype": dtype.value})

    async def echoed() -> list[np.ndarray]:
        async with served(tmp_path / "model.py") as model:
            request = TensorRequest(DEFAULT_SIGNATURE, {"x": Tensor(dtype, LARGE[dtype])})
            return [await model.run(request) for _ in range(2)]

    for answer in asyncio.run(echoed()):
        assert answer.dtype == dtype.numpy
        assert np.array_equal(answer, LARGE[dtype])


def test_a_closed_runner_refuses_calls() -> None:
    async def late() -> DragomanError:
        async with served() as model:
            pass
        return await refusal(model, "echo")

    assert asyncio.run(late()).code is Code.UNAVAILABLE


def test_closing_refuses_those_who_wait(tmp_path: Path) -> None:
    path = copied(tmp_path)

    async def closed() -> list[Code]:
        async with served(path) as model:
            running = [model.start("wait", 1.0), model.start("echo", 2.0)]
            await asyncio.sleep(0)
        outcomes = await asyncio.gather(*running, return_exceptions=True)
        return [outcome.code for outcome in outcomes if isinstance(outcome, DragomanError)]

    assert asyncio.run(closed()) == [Code.UNAVAILABLE, Code.UNAVAILABLE]


@pytest.mark.parametrize(("batching", "rows"), [(None, 1), (BatchingSettings(max_size=8), 2)])
def test_a_call_tells_what_it_took_and_how_many_rows_it_had(
    tmp_path: Path, batching: BatchingSettings | None, rows: int
) -> None:
    (tmp_path / "model.py").write_text(ECHO % {"dtype": "float32"})

    async def asked() -> list[Run | None]:
        async with served(tmp_path / "model.py", batching=batching) as model:
            tensor = Tensor(DType.FP32, np.zeros((2, 3), np.float32))
            request = TensorRequest(DEFAULT_SIGNATURE, {"x": tensor})
            given = [model.runner.run(model.handle, request, model.signature, context()) for _ in range(2)]
            return [response.run for response in await asyncio.gather(*given)]

    first, second = asyncio.run(asked())
    assert first is not None
    assert second is not None
    assert first.rows == second.rows == rows
    assert first.infer_ns > 0
    assert second.queue_ns > first.queue_ns  # there is one worker


def test_each_part_of_a_stream_tells_what_it_took() -> None:
    async def parts() -> list[Run | None]:
        async with served() as model:
            return [chunk.run async for chunk in model.stream("echo", 1.0, 2.0)]

    runs = asyncio.run(parts())
    assert all(run is not None and run.infer_ns > 0 for run in runs)
