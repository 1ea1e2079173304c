"""Calls to handlers in workers: bodies, batches, parts, and every way to fail."""

import asyncio
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.measures import Measure, MeasureKind, Measurement
from dragoman.core.requests import ExampleRequest, TensorRequest, TreeRequest
from dragoman.core.responses import TensorResponse, TreeResponse
from dragoman.core.signatures import DEFAULT_SIGNATURE
from dragoman.core.status import WorkerState
from dragoman.core.tensors import DType, Tensor
from dragoman.execution.workers.frames import MOST_BYTES
from dragoman.execution.workers.memory import KEPT_BYTES
from tests.unit.execution.workers.handlers.staffed import SIGNATURE, Pauses, Staffed, quiet, said, staffed

pytest.fixture(autouse=True)(quiet)


async def refusal(handler: Staffed, body: str, call: CallContext | None = None) -> DragomanError:
    with pytest.raises(DragomanError) as caught:
        await handler.whole(body, call)
    return caught.value


def manifest(folder: Path, handler: str) -> None:
    (folder / "MAR-INF").mkdir()
    text = json.dumps({"model": {"modelName": "m", "handler": handler}})
    (folder / "MAR-INF" / "MANIFEST.json").write_text(text)


def test_a_body_is_answered_with_a_body() -> None:
    async def one() -> str:
        async with staffed() as handler:
            return await handler.text("hello")

    assert re.fullmatch(r"hello of 1 in \d+", asyncio.run(one()))


def test_a_handler_chooses_status_type_and_headers() -> None:
    async def one() -> None:
        async with staffed() as handler:
            given = await handler.whole("choose")
            assert (given.status, given.reason, given.media_type) == (418, "short and stout", "text/tea")
            assert (dict(given.headers), given.body, given.version) == ({"X-Pot": "yes"}, b"tea", 1)

    asyncio.run(one())


def test_a_handler_sees_the_callers_headers() -> None:
    async def one() -> None:
        async with staffed() as handler:
            given = await handler.whole("headers", **{"X-Who": "me"})
            assert b'"X-Who": "me"' in given.body

    asyncio.run(one())


def test_requests_that_come_within_the_delay_share_a_batch() -> None:
    async def five() -> list[str]:
        async with staffed(batch_size=3, max_batch_delay_ms=50) as handler:
            return await asyncio.gather(*(handler.text(str(number)) for number in range(5)))

    answers = [answer.partition(" in ")[0] for answer in asyncio.run(five())]
    assert answers == ["0 of 3", "1 of 3", "2 of 3", "3 of 2", "4 of 2"]


def test_one_that_asks_for_a_description_is_alone() -> None:
    async def three() -> list[bytes]:
        async with staffed(batch_size=3, max_batch_delay_ms=50) as handler:
            asked = (handler.whole("a"), handler.whole("b", describe="True"), handler.whole("c"))
            return [given.body for given in await asyncio.gather(*asked)]

    answers = [answer.partition(b" in ")[0] for answer in asyncio.run(three())]
    assert answers == [b"a of 2", b"b of 1", b"c of 2"]


def test_parts_come_one_by_one_and_the_last_is_known() -> None:
    async def one() -> list[tuple[bytes, bool]]:
        async with staffed() as handler:
            chunks = await handler.parts("stream")
            return [(chunk.payload.body, chunk.last) for chunk in chunks if chunk.payload is not None]

    assert asyncio.run(one()) == [(b"a", False), (b"b", False), (b"c", False), (b"d", True)]


def test_whoever_takes_no_parts_gets_them_joined() -> None:
    async def one() -> str:
        async with staffed() as handler:
            return await handler.text("stream")

    assert asyncio.run(one()) == "abcd"


def test_a_reader_who_leaves_ends_neither_the_worker_nor_the_next_call() -> None:
    async def two() -> str:
        async with staffed() as handler:
            chunks = handler.runner.stream(handler.handle, said("stream"), SIGNATURE, CallContext("r"))
            await anext(chunks)
            await chunks.aclose()
            return await handler.text("next")

    assert asyncio.run(two()).startswith("next of 1")


def test_a_handler_that_goes_on_without_a_reader_ends_its_call_all_the_same() -> None:
    async def two() -> str:
        async with staffed() as handler:
            chunks = handler.runner.stream(handler.handle, said("stream on"), SIGNATURE, CallContext("r"))
            await anext(chunks)
            await chunks.aclose()
            return await handler.text("next")

    assert asyncio.run(two()).startswith("next of 1")


def test_large_bodies_pass_both_ways_and_take_no_memory_for_long() -> None:
    async def one() -> None:
        async with staffed() as handler:
            given = await handler.whole("x" * 50_000_000)
            assert given.body == b"x" * 100_000_000
            fd = handler.runner._staff.posts[0]._process.memory.fd
            assert os.fstat(fd).st_blocks * 512 <= KEPT_BYTES

    asyncio.run(one())


def test_a_request_whose_headers_fit_no_frame_is_refused_and_the_next_is_answered() -> None:
    async def two() -> DragomanError:
        async with staffed() as handler:
            with pytest.raises(DragomanError) as caught:
                await handler.whole("hello", **{"x": "y" * MOST_BYTES})
            assert (await handler.text("next")).startswith("next of 1")
            return caught.value

    assert asyncio.run(two()).code is Code.TOO_LARGE


def test_a_shared_handler_has_several_calls_at_once_in_one_worker() -> None:
    async def two() -> list[str]:
        async with staffed(shared=True) as handler:
            return await asyncio.gather(handler.text("meet"), handler.text("meet"))

    assert asyncio.run(two()) == ["met", "met"]


def test_what_a_shared_worker_has_at_hand_fails_with_it_and_memory_is_not_blamed() -> None:
    async def two() -> list[DragomanError]:
        async with staffed(shared=True, response_timeout_s=1) as handler:
            return await asyncio.gather(refusal(handler, "hang"), refusal(handler, "hang"))

    assert [error.status for error in asyncio.run(two())] == [500, 500]


def test_what_a_handler_measures_is_counted_by_the_server() -> None:
    async def two() -> dict[str, Measure]:
        async with staffed() as handler:
            await handler.text("measure")
            await handler.text("measure")
            return {measure.name: measure for measure in handler.runner.measures()}

    found = asyncio.run(two())
    assert (found["Cups"].value, found["Cups"].unit, found["Cups"].kind) == (4, "Count", MeasureKind.COUNTER)
    assert found["Cups"].labels == (("ModelName", "m"), ("Level", "Model"))
    assert found["PredictionTime"].kind is MeasureKind.GAUGE
    assert "Odd" not in found


def test_what_it_measures_between_calls_comes_at_once() -> None:
    async def one() -> None:
        async with staffed() as handler:
            seen = asyncio.Event()
            measures = handler.runner._staff.measures
            add = measures.add

            def note(measurements: Sequence[Measurement]) -> None:
                add(measurements)
                if any(measurement.name == "Late" for measurement in measurements):
                    seen.set()

            await handler.text("hello")
            handler.runner._staff.posts[0].worker._measured = note
            await handler.text("measure later")
            async with asyncio.timeout(30):
                await seen.wait()
            assert {measure.name: measure.value for measure in measures.current()}["Late"] == 3

    asyncio.run(one())


def test_a_batch_counts_once() -> None:
    async def two() -> None:
        async with staffed(batch_size=2, max_batch_delay_ms=50) as handler:
            first, second = await asyncio.gather(handler.whole("a"), handler.whole("b"))
            assert first.run is not None
            assert second.run is not None
            assert first.run.batch is second.run.batch is handler.handle.statistics.batches[2]
            assert handler.handle.statistics.runs == 1

    asyncio.run(two())


@pytest.mark.parametrize(
    ("order", "code", "status", "message"),
    [
        ("refuse", Code.NOT_FOUND, 404, "there is no tea"),
        ("fail", Code.INTERNAL, 503, "Prediction failed"),
        ("too few", Code.INTERNAL, 503, "number of batch response mismatched"),
        ("no list", Code.INTERNAL, 503, "Invalid model predict output"),
        ("no json", Code.INTERNAL, 503, "Unsupported model output data type."),
        ("leave", Code.UNAVAILABLE, 500, "Worker died."),
        ("depart", Code.UNAVAILABLE, 500, "Worker died."),
        ("be killed", Code.UNAVAILABLE, 507, "Worker died."),
        ("leave midway", Code.UNAVAILABLE, 500, "Worker died."),
    ],
)
def test_every_failure_has_torchserves_status_and_words_and_the_next_call_is_answered(
    order: str, code: Code, status: int, message: str
) -> None:
    async def two() -> DragomanError:
        async with staffed() as handler:
            error = await refusal(handler, order)
            assert (await handler.text("next")).startswith("next of 1")
            return error

    error = asyncio.run(two())
    assert (error.code, error.status, error.message) == (code, status, message)


def be_patient(handler: Staffed) -> None:
    """Give all calls from now on as long as a busy machine may take."""
    handler.runner._delivery._response_timeout_s = 60


def test_a_handler_that_does_not_answer_in_time_is_killed() -> None:
    async def two() -> DragomanError:
        async with staffed(response_timeout_s=1) as handler:
            error = await refusal(handler, "hang")
            be_patient(handler)
            assert (await handler.text("next")).startswith("next of 1")
            return error

    assert asyncio.run(two()).status == 500


def test_a_handler_that_prints_without_end_is_answered() -> None:
    async def one() -> str:
        async with staffed() as handler:
            return await handler.text("print")

    assert asyncio.run(one()) == "printed"


def test_a_call_whose_time_is_over_is_told_so_and_not_run() -> None:
    async def one() -> DragomanError:
        async with staffed(client_timeout_ms=50, response_timeout_s=1) as handler:
            hanging = asyncio.create_task(refusal(handler, "hang"))
            await asyncio.sleep(0)
            error = await refusal(handler, "late")
            await hanging
            return error

    assert asyncio.run(one()).code is Code.DEADLINE_EXCEEDED


def test_a_full_queue_refuses_at_once() -> None:
    async def one() -> DragomanError:
        async with staffed(job_queue_size=1, response_timeout_s=1) as handler:
            waiting = [asyncio.create_task(refusal(handler, "hang")), asyncio.create_task(handler.text("b"))]
            await asyncio.sleep(0)
            error = await refusal(handler, "c")
            be_patient(handler)
            await asyncio.gather(*waiting)
            return error

    error = asyncio.run(one())
    assert (error.code, error.reason) == (Code.RESOURCE_EXHAUSTED, Reason.QUEUE_FULL)


def test_without_a_worker_nobody_waits() -> None:
    async def one() -> DragomanError:
        async with staffed(min_workers=0) as handler:
            return await refusal(handler, "hello")

    error = asyncio.run(one())
    assert (error.code, error.reason) == (Code.UNAVAILABLE, Reason.NO_WORKER)


def test_a_worker_that_ends_is_started_again_and_its_pauses_begin_anew() -> None:
    pauses = Pauses()

    async def two() -> None:
        async with staffed(clock=pauses.clock) as handler:
            for _ in range(2):
                await refusal(handler, "leave")
                await handler.text("next")

    asyncio.run(two())
    assert pauses.slept == [0, 0]


def test_one_that_does_not_load_again_is_given_up_in_time_and_those_that_wait_are_told(
    tmp_path: Path,
) -> None:
    pauses = Pauses()
    manifest(tmp_path, "once.py")
    (tmp_path / "once.py").write_text(
        "import os\n"
        "def handle(data, context):\n"
        "    if data is None:\n"
        "        os.rename('first', 'second')\n"
        "    else:\n"
        "        os._exit(1)\n"
    )
    (tmp_path / "first").touch()

    async def two() -> None:
        async with staffed(tmp_path, clock=pauses.clock, max_retry_timeout_s=4) as handler:
            await refusal(handler, "leave")
            error = await refusal(handler, "waits")
            assert error.reason is Reason.NO_WORKER
            workers = handler.runner.workers()
            assert (workers.healthy, workers.workers[0].state) == (0, WorkerState.GIVEN_UP)

    asyncio.run(two())
    assert pauses.slept == [0, 1, 1, 2]


def test_workers_come_and_go_at_run_time() -> None:
    async def several() -> None:
        async with staffed(min_workers=0) as handler:
            handler.runner.scale(2, 2)
            await handler.runner.settled()
            assert [worker.state for worker in handler.runner.workers().workers] == [WorkerState.READY] * 2
            assert (await handler.text("hello")).startswith("hello of 1")
            handler.runner.scale(0, 0)
            await handler.runner.settled()
            assert handler.runner.workers().workers == ()
            assert (await refusal(handler, "hello")).reason is Reason.NO_WORKER

    asyncio.run(several())


def test_rows_and_tensors_reach_the_handler_through_envelopes(tmp_path: Path) -> None:
    (tmp_path / "MAR-INF").mkdir()
    (tmp_path / "MAR-INF" / "MANIFEST.json").write_text(
        '{"model": {"modelName": "m", "handler": "twice.py"}}'
    )
    (tmp_path / "twice.py").write_text(
        "def handle(data, context):\n"
        "    return data and [2 * (row['data'] if isinstance(row, dict) else row) for row in data]\n"
    )

    async def three() -> None:
        async with staffed(tmp_path) as handler:
            run = handler.runner.run
            call = CallContext("r")
            rows = await run(handler.handle, TreeRequest(DEFAULT_SIGNATURE, [1, "a"]), SIGNATURE, call)
            assert isinstance(rows, TreeResponse)
            assert rows.rows == [2, "aa"]
            x = Tensor(DType.FP32, np.array([1.5, 2.5], np.float32))
            request = TensorRequest(DEFAULT_SIGNATURE, {"x": x})
            tensors = await run(handler.handle, request, SIGNATURE, call)
            assert isinstance(tensors, TensorResponse)
            assert tensors.outputs["x"].array.tolist() == [1.5, 2.5, 1.5, 2.5]
            with pytest.raises(DragomanError, match="takes no examples"):
                await run(handler.handle, ExampleRequest(DEFAULT_SIGNATURE, []), SIGNATURE, call)

    asyncio.run(three())


def test_nothing_is_left_of_a_runner_that_is_closed() -> None:
    async def one() -> str:
        async with staffed() as handler:
            return (await handler.text("hello")).rpartition(" ")[2]

    assert not Path(f"/proc/{asyncio.run(one())}").exists()
