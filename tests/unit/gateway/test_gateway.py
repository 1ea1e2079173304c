"""The one way through the server."""

import asyncio
import gc
import json
import threading
from collections.abc import AsyncGenerator
from typing import Any

import numpy as np
import pytest
import structlog
from msgspec.structs import replace

from dragoman.core.context import CallContext
from dragoman.core.control import ControlResult, LogKinds, Reload, SetLogs
from dragoman.core.deferred import Deferred
from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.core.requests import CoreRequest, Kind, Target, TensorRequest, Verb
from dragoman.core.responses import Chunk, PayloadResponse, TensorResponse
from dragoman.core.signatures import Answers, Signature
from dragoman.core.status import ModelStatus, State, StatusReport, VersionStatus
from dragoman.core.tensors import DType, Tensor
from dragoman.execution import runners
from dragoman.execution.images.runner import PreparingRunner
from dragoman.gateway.effort import NUMBER_BYTES
from dragoman.gateway.guard import Guard
from dragoman.repository.handle import Handle
from dragoman.settings.limits import Limits
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import Draft, InferOperation, Operation, Order, StreamOperation
from tests.unit.execution.conftest import Stopwatch
from tests.unit.gateway.operations import CONTROL, INFER, MULTI, STATUS, Bench, request
from tests.unit.security.hashes import deployed, policy, user
from tests.unit.transports.http.memory import Client, until


async def ask(bench: Bench, wire: WireRequest, operation: Operation = INFER) -> WireResponse:
    answer = bench.gateway.call(operation, wire)
    return answer if isinstance(answer, WireResponse) else await answer


def answered(bench: Bench, wire: WireRequest, operation: Operation = INFER) -> WireResponse:
    return asyncio.run(ask(bench, wire, operation))


async def read(answer: WireResponse) -> bytes:
    assert answer.stream is not None
    return b"".join([part async for part in answer.stream])


def test_a_request_is_answered_counted_and_gives_its_pin_back() -> None:
    bench = Bench()
    assert answered(bench, request(b"1 2.5")).body == b"[2.0, 5.0]"
    assert bench.counted() == {"OK": 1}
    assert bench.models.handle.pins == 0


def test_a_warm_short_call_is_answered_without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runners, "perf_counter_ns", Stopwatch())  # short it is on a busy machine, too
    bench = Bench()

    async def three() -> WireResponse:
        await ask(bench, request())
        await ask(bench, request())
        answer = bench.gateway.call(INFER, request(b"3"))
        assert isinstance(answer, WireResponse)
        return answer

    assert asyncio.run(three()).body == b"[6.0]"


@pytest.mark.parametrize(("timeout_s", "asked_s"), [(0.0, 5.0), (3600.0, 5.0), (1e-9, 1e12), (1e-9, None)])
def test_the_sooner_of_the_clients_deadline_and_ours_ends_the_call(
    timeout_s: float, asked_s: float | None
) -> None:
    bench = Bench(limits=Limits(request_timeout_s=timeout_s))
    wire = request()
    wire.deadline_s = asked_s  # of a clock that began long ago
    answered(bench, wire)
    assert bench.counted() == {"OK": 0, "DEADLINE_EXCEEDED": 1}


def test_a_timeout_of_zero_is_none() -> None:
    seen: list[CallContext] = []
    bench = Bench(lambda _, call: seen.append(call), Limits(request_timeout_s=0.0))
    answered(bench, request())
    assert seen[0].deadline_s is None


def test_a_large_body_takes_the_same_way_on_the_codecs_threads() -> None:
    bench = Bench(limits=Limits(offload_bytes=3))
    assert answered(bench, request(b"1 2 3")).body == b"[2.0, 4.0, 6.0]"
    assert answered(bench, request(b"not numbers")).status == 400
    assert answered(bench, request(b"1 2 3", "/nope")).status == 400
    assert bench.counted() == {"OK": 1}
    assert bench.counted(model="") == {"OK": 0, "INVALID_ARGUMENT": 1, "NOT_FOUND": 1}
    assert bench.models.handle.pins == 0


def where(operation: InferOperation, step: str, threads: list[str]) -> InferOperation:
    """The same operation, which notes on which thread it takes that step."""
    taken = getattr(operation, step)

    def noted(*arguments: object) -> object:
        threads.append(threading.current_thread().name)
        return taken(*arguments)

    return replace(operation, **{step: noted})


@pytest.mark.parametrize(("to_read", "elsewhere"), [(3, False), (4, True)])
def test_a_large_body_that_is_mostly_taken_as_it_is_is_read_here(to_read: int, elsewhere: bool) -> None:
    bench = Bench(limits=Limits(offload_bytes=3))
    threads: list[str] = []
    operation = replace(where(INFER, "parse", threads), reading=lambda _: to_read)
    assert answered(bench, request(b"1 2 3"), operation).body == b"[2.0, 4.0, 6.0]"
    assert threads[0].startswith("codec") is elsewhere


def test_no_garbage_is_collected_while_a_large_body_is_read() -> None:
    bench = Bench(limits=Limits(offload_bytes=3))
    collects = []

    def noted(*arguments: Any) -> Any:
        collects.append(gc.isenabled())
        return INFER.parse(*arguments)

    for body in (b"1 2 3", b"1", b"not numbers"):
        answered(bench, request(body), replace(INFER, parse=noted))
        collects.append(gc.isenabled())
    assert collects == [False, True, True, True, False, True]


def test_a_small_body_is_read_here_without_asking() -> None:
    bench = Bench(limits=Limits(offload_bytes=3))
    threads: list[str] = []
    operation = replace(where(INFER, "parse", threads), reading=lambda _: 1 // 0)
    assert answered(bench, request(b"1"), operation).body == b"[2.0]"
    assert not threads[0].startswith("codec")


@pytest.mark.parametrize(("to_write", "elsewhere"), [(3, False), (4, True)])
@pytest.mark.parametrize("warm", [False, True])
def test_an_answer_that_takes_long_to_write_is_written_on_a_thread(
    to_write: int, elsewhere: bool, warm: bool
) -> None:
    bench = Bench(limits=Limits(offload_bytes=3))
    threads: list[str] = []
    operation = replace(where(INFER, "encode", threads), writing=lambda *_: to_write)

    async def last() -> WireResponse:
        for _ in range(3 if warm else 0):
            await ask(bench, request(b"1"))
        return await ask(bench, request(b"1"), operation)

    assert asyncio.run(last()).body == b"[2.0]"
    assert threads[0].startswith("codec") is elsewhere
    assert bench.models.handle.pins == 0


@pytest.mark.parametrize(("values", "elsewhere"), [(b"1 2 3 4", False), (b"1 2 3 4 5", True)])
@pytest.mark.parametrize("to_read", [0, 99])
def test_where_nobody_can_tell_a_long_answer_to_a_long_request_is_written_on_a_thread(
    values: bytes, elsewhere: bool, to_read: int
) -> None:
    bench = Bench(limits=Limits(offload_bytes=4 * NUMBER_BYTES))
    threads: list[str] = []
    operation = replace(where(INFER, "encode", threads), reading=lambda _: to_read)
    wire = request(values + b" " * 99)
    assert json.loads(answered(bench, wire, operation).body) == [2.0 * float(one) for one in values.split()]
    assert threads[0].startswith("codec") is elsewhere
    assert bench.models.handle.pins == 0


@pytest.mark.parametrize("to_read", [0, 99])
@pytest.mark.parametrize(
    ("operation", "body", "place"),
    [
        (replace(INFER, stream=None), b"1 2 3", "images-double"),
        (replace(INFER, stream=None), b"1", "MainThread"),
        (INFER, b"1 2 3", ""),
    ],
    ids=["long", "short", "could-be-streamed"],
)
def test_a_long_request_is_bound_where_the_model_prepares_what_it_takes(
    operation: InferOperation, body: bytes, place: str, to_read: int
) -> None:
    bench = Bench(limits=Limits(offload_bytes=3))
    handle = bench.models.handle
    handle.runner = PreparingRunner(handle.runner, "double", 1, 8, Limits())
    threads: list[str] = []
    asked = replace(where(operation, "bind", threads), reading=lambda _: to_read)
    assert json.loads(answered(bench, request(body), asked).body) == [
        2.0 * float(one) for one in body.split()
    ]
    assert threads[0].startswith(place or ("codec" if to_read else "MainThread"))
    assert answered(bench, request(b"not numbers"), asked).status == 400
    assert handle.pins == 0


@pytest.mark.parametrize(("to_read", "place"), [(3, "MainThread"), (4, "images-double")])
def test_what_takes_no_time_to_bind_is_bound_here_however_long_it_is(to_read: int, place: str) -> None:
    bench = Bench(limits=Limits(offload_bytes=3))
    handle = bench.models.handle
    handle.runner = PreparingRunner(handle.runner, "double", 1, 8, Limits())
    threads: list[str] = []
    at_once = replace(INFER, stream=None, binds_at_once=True, reading=lambda _: to_read)
    assert answered(bench, request(b"1 2 3"), where(at_once, "bind", threads)).body == b"[2.0, 4.0, 6.0]"
    assert threads[0].startswith(place)
    assert handle.pins == 0


@pytest.mark.parametrize("warm", [False, True])
def test_an_answer_that_cannot_be_written_on_a_thread_is_an_error_as_ever(warm: bool) -> None:
    bench = Bench(limits=Limits(offload_bytes=3))

    def refuse(*_: object) -> WireResponse:
        raise invalid("it has no such form")

    async def last() -> WireResponse:
        for _ in range(3 if warm else 0):
            await ask(bench, request(b"1"))
        return await ask(bench, request(b"1"), replace(INFER, encode=refuse, writing=lambda *_: 4))

    answer = asyncio.run(last())
    assert (answer.status, answer.body) == (400, b"it has no such form")
    assert bench.models.handle.pins == 0


@pytest.mark.parametrize("to_write", [3, 4])
def test_an_answer_that_comes_later_may_take_long_to_write_too(to_write: int) -> None:
    bench = Bench(limits=Limits(offload_bytes=3))
    threads: list[str] = []
    operation = replace(where(INFER, "encode", threads), writing=lambda *_: to_write)

    async def batched() -> WireResponse:
        given: Deferred[TensorResponse] = Deferred()
        bench.models.handle.runner.run = lambda *_: given  # type: ignore[method-assign]  # a batch that is not full
        waiting = bench.gateway.call(operation, request(b"1"))
        given.resolve(TensorResponse({"y": Tensor(DType.FP32, np.array([7.0], np.float32))}, 1))
        return waiting if isinstance(waiting, WireResponse) else await waiting

    assert asyncio.run(batched()).body == b"[7.0]"
    assert threads[0].startswith("codec") is (to_write > 3)
    assert bench.models.handle.pins == 0


def test_the_parts_of_one_request_are_answered_together_in_their_order() -> None:
    bench = Bench()
    assert answered(bench, request(b"1 2\n3"), MULTI).body == b"[[2.0, 4.0], [6.0]]"
    assert bench.counted("test.multi") == {"OK": 1}
    assert bench.models.handle.pins == 0


def test_a_bad_part_fails_the_whole_request() -> None:
    bench = Bench()
    assert answered(bench, request(b"1 2\nthree"), MULTI).body == b"the body is not numbers"
    assert answered(bench, request(b"1", "/nope"), MULTI).body == b"no model nope"
    assert bench.models.handle.pins == 0


def test_an_error_is_an_answer_in_the_callers_protocol_with_a_request_id() -> None:
    bench = Bench()
    answer = answered(bench, request(b"one"))
    assert (answer.status, answer.body) == (400, b"the body is not numbers")
    assert [name for name, _ in answer.headers] == [b"X-Request-Id"]
    assert bench.counted(model="") == {"OK": 0, "INVALID_ARGUMENT": 1}


@pytest.mark.parametrize("offload_bytes", [0, 1000])
def test_a_model_without_an_explainer_says_so(offload_bytes: int) -> None:
    bench = Bench(limits=Limits(offload_bytes=offload_bytes))
    explain = replace(INFER, verb=Verb.EXPLAIN)
    assert answered(bench, request(b"1"), explain).body == b"model double has no explainer"
    assert bench.counted() == {"OK": 0, "UNIMPLEMENTED": 1}
    assert bench.models.handle.pins == 0


def test_an_unforeseen_failure_is_hidden_behind_the_request_id() -> None:
    def break_down(_: TensorRequest, __: object) -> None:
        raise RuntimeError("/secret/path")

    bench = Bench(break_down)
    with structlog.testing.capture_logs() as lines:
        answer = answered(bench, request(headers=[(b"X-Request-ID", b"mine")]))
    assert (answer.status, answer.body) == (500, b"internal error; the server's log has it as mine")
    assert "/secret/path" in repr(lines[0]["exc_info"])
    assert bench.models.handle.pins == 0


@pytest.mark.parametrize("sent", [b"x" * 129, b"\xff", b"a\tb"])
def test_a_request_id_that_is_not_plain_is_not_taken(sent: bytes) -> None:
    answer = answered(Bench(), request(headers=[(b"x-request-id", sent)]))
    assert dict(answer.headers)[b"X-Request-Id"] != sent


def test_a_call_that_is_cancelled_before_it_began_gives_its_pin_back() -> None:
    bench = Bench()

    async def vanish() -> int:
        waiting = bench.gateway.call(INFER, request())
        assert bench.models.handle.pins == 1
        task = asyncio.ensure_future(waiting)
        task.cancel()
        await asyncio.wait([task])
        return bench.models.handle.pins

    assert asyncio.run(vanish()) == 0


def test_a_streamed_answer_holds_its_version_until_the_last_part() -> None:
    bench = Bench()

    async def stream() -> bytes:
        answer = await ask(bench, request(b"1 2", query="stream"))
        assert answer.headers == [(b"X-Form", b"lines")]
        assert bench.models.handle.pins == 1
        assert bench.counted() == {"OK": 0}
        return await read(answer)

    assert asyncio.run(stream()) == b"2.0\n4.0\nend\n"
    assert (bench.models.handle.pins, bench.counted()) == (0, {"OK": 1})


def test_a_large_request_may_be_streamed_too() -> None:
    bench = Bench(limits=Limits(offload_bytes=1))

    async def stream() -> bytes:
        return await read(await ask(bench, request(b"1 2", query="stream")))

    assert asyncio.run(stream()) == b"2.0\n4.0\nend\n"


def test_a_stream_that_nobody_reads_gives_its_version_back_when_closed() -> None:
    bench = Bench()

    async def leave() -> None:
        answer = await ask(bench, request(b"1 2", query="stream"))
        assert answer.stream is not None
        await answer.stream.aclose()
        await answer.stream.aclose()

    asyncio.run(leave())
    assert (bench.models.handle.pins, bench.counted()) == (0, {"OK": 1})


def test_a_stream_that_fails_at_once_is_a_plain_error() -> None:
    def break_down(*_: object) -> None:
        raise RuntimeError("no")

    bench = Bench(break_down)
    with structlog.testing.capture_logs():
        answer = answered(bench, request(b"1", query="stream"))
    assert (answer.status, answer.stream) == (500, None)
    assert bench.models.handle.pins == 0


def test_a_stream_that_fails_midway_ends_with_the_error() -> None:
    calls: list[None] = []

    def break_down_later(*_: object) -> None:
        calls.append(None)
        if len(calls) > 1:
            raise RuntimeError("no")

    bench = Bench(break_down_later)

    async def stream() -> bytes:
        return await read(await ask(bench, request(b"1 2", query="stream")))

    with structlog.testing.capture_logs():
        assert asyncio.run(stream()).startswith(b"2.0\nerror: internal error")
    assert bench.counted() == {"OK": 0, "INTERNAL": 1}


def test_a_status_operation_sees_the_report() -> None:
    assert answered(Bench(), request(), STATUS).body == b"[]"


def test_control_is_open_to_this_machine_and_names_its_setting_to_others() -> None:
    assert answered(Bench(), request(), CONTROL).body == b"True"
    refused = answered(Bench(), request(peer="192.0.2.7:4711"), CONTROL)
    assert b"allow_remote_control" in bytes(refused.body)


@pytest.mark.parametrize(("size", "here"), [(10, True), (11, False)])
def test_a_request_for_control_with_much_in_it_is_read_beside_the_event_loop(size: int, here: bool) -> None:
    threads: list[threading.Thread] = []

    def parse(_: WireRequest, __: Limits) -> Reload:
        threads.append(threading.current_thread())
        return Reload()

    bench = Bench(limits=Limits(offload_bytes=10))
    assert answered(bench, request(b"x" * size), replace(CONTROL, parse=parse)).body == b"True"
    assert (threads[0] is threading.main_thread()) is here


def test_what_is_written_to_the_log_is_a_matter_of_control() -> None:
    told: list[LogKinds] = []

    def tell(result: ControlResult) -> WireResponse:
        told.append(result.logs)
        return WireResponse(200)

    bench = Bench()
    for asked in (SetLogs(info=False), SetLogs(verbose=1), SetLogs()):
        answered(bench, request(), replace(CONTROL, parse=lambda _, __, asked=asked: asked, encode=tell))
    assert told == [LogKinds(info=False), LogKinds(info=False, verbose=1), LogKinds(info=False, verbose=1)]


def test_the_words_for_control_that_fails_may_name_what_was_asked() -> None:
    failed: list[object] = []

    def tell(asked: object, error: DragomanError) -> WireResponse:
        failed.append((asked, error.message))
        return WireResponse(500)

    def break_down(*_: object) -> ControlResult:
        raise DragomanError(Code.INTERNAL, "it broke")

    answered(Bench(), request(), replace(CONTROL, encode=break_down, fail=tell))
    answered(Bench(), request(), replace(CONTROL, parse=break_down, fail=tell))
    assert failed == [(Reload(), "it broke"), (None, "it broke")]


def test_a_quiet_stream_ends_without_a_word_or_with_a_status() -> None:
    calls: list[None] = []

    def break_down_later(*_: object) -> None:
        calls.append(None)
        if len(calls) > 3:
            raise DragomanError(Code.INTERNAL, "it broke")

    bench = Bench(break_down_later)

    async def stream() -> tuple[bytes, WireResponse | None]:
        answer = await ask(bench, request(b"1 2", query="quiet"))
        return await read(answer), answer.stream and answer.stream.ending

    assert asyncio.run(stream()) == (b"2.0\n4.0\n", None)
    parts, ending = asyncio.run(stream())
    assert parts == b"2.0\n"
    assert ending is not None
    assert (ending.status, ending.body) == (500, b"it broke")
    assert bench.models.handle.pins == 0


@pytest.mark.parametrize("limits", [Limits(), Limits(offload_bytes=1)])
def test_a_stream_whose_head_does_not_hang_on_its_first_part_begins_at_once(limits: Limits) -> None:
    begun: list[None] = []
    bench = Bench(lambda *_: begun.append(None), limits)
    at_once = replace(INFER, head_at_once=True)

    async def stream() -> None:
        answer = await ask(bench, request(b"1 2", query="stream"), at_once)
        assert (answer.headers, begun, bench.models.handle.pins) == ([(b"X-Form", b"lines")], [], 1)
        assert await read(answer) == b"2.0\n4.0\nend\n"
        assert bench.models.handle.pins == 0
        unread = await ask(bench, request(b"1 2", query="stream"), at_once)
        assert unread.stream is not None
        await unread.stream.aclose()

    asyncio.run(stream())
    assert (bench.models.handle.pins, bench.counted()) == (0, {"OK": 2})


def test_a_stream_that_began_at_once_tells_a_failure_of_its_first_part_as_of_any() -> None:
    def break_down(*_: object) -> None:
        raise DragomanError(Code.INTERNAL, "it broke")

    bench = Bench(break_down)

    async def stream() -> bytes:
        return await read(await ask(bench, request(b"1", query="stream"), replace(INFER, head_at_once=True)))

    assert asyncio.run(stream()) == b"error: it broke\n"
    assert bench.models.handle.pins == 0


@pytest.mark.parametrize("limits", [Limits(), Limits(offload_bytes=0)])
@pytest.mark.parametrize(("body", "status", "told"), [
    (b"3", 200, b"[6.0]"),
    (b"", 400, b"the model answered with no response, and this call takes exactly one"),
    (b"1 2 3", 400, b"the model answered with more than one response, and this call takes exactly one"),
])  # fmt: skip
def test_of_a_model_that_answers_in_parts_alone_a_call_may_take_exactly_one(
    body: bytes, status: int, told: bytes, limits: Limits
) -> None:
    made: list[None] = []
    bench = Bench(lambda *_: made.append(None), limits, Answers.PARTS)
    answer = answered(bench, request(body), replace(INFER, one_part=True))
    assert (answer.status, bytes(answer.body).startswith(told)) == (status, True)
    assert len(made) <= 2
    assert bench.models.handle.pins == 0


def test_a_model_that_can_answer_whole_does_so() -> None:
    bench = Bench(answers=Answers.EITHER)
    assert answered(bench, request(b"1 2"), replace(INFER, one_part=True)).body == b"[2.0, 4.0]"


def test_a_duplex_stream_calls_for_each_message_and_leaves_nothing_pinned() -> None:
    bench = Bench()
    operation = StreamOperation("test.duplex", replace(INFER, head_at_once=True), Order.AS_SENT)

    async def converse() -> list[bytes]:
        async def messages():
            yield request(b"1")
            yield request(b"bad")
            yield request(b"3", query="stream")

        return [bytes(answer.body) async for answer in bench.gateway.stream(operation, messages())]

    assert sorted(asyncio.run(converse())) == [b"6.0\n", b"[2.0]", b"end\n", b"the body is not numbers"]
    assert bench.models.handle.pins == 0


def test_a_duplex_stream_that_is_left_gives_back_what_its_calls_hold() -> None:
    never, begun = threading.Event(), threading.Event()

    def wait(*_: object) -> None:
        begun.set()
        never.wait(30)

    bench = Bench(wait)
    operation = StreamOperation("test.duplex", replace(INFER, head_at_once=True), Order.AS_SENT)

    async def leave() -> int:
        async def messages():
            yield request(b"1")
            yield request(b"2", query="stream")
            yield request(b"3")
            await asyncio.Event().wait()

        stream = bench.gateway.stream(operation, messages())
        reading = asyncio.ensure_future(anext(stream))
        await asyncio.to_thread(begun.wait, 30)
        reading.cancel()
        await asyncio.wait([reading])
        left = bench.models.handle.pins  # that of the thread which is at work
        idle = asyncio.Event()
        bench.models.handle.quiesce(idle.set)
        never.set()
        await idle.wait()
        return left

    assert asyncio.run(leave()) == 1


def test_a_duplex_stream_cannot_be_called_like_a_request() -> None:
    with pytest.raises(TypeError, match="one by one"):
        Bench().gateway.call(StreamOperation("test.duplex", INFER, Order.AS_SENT), request())


# Statistics


def counters(bench: Bench) -> tuple[int, int, int, int]:
    """Requests that succeeded and failed, rows and runs of the one version."""
    statistics = bench.models.handle.statistics
    return statistics.succeeded, statistics.failed, statistics.rows, statistics.runs


@pytest.mark.parametrize("offload_bytes", [1, 64])
def test_an_answered_request_counts_with_its_version(offload_bytes: int) -> None:
    bench = Bench(limits=Limits(offload_bytes=offload_bytes))
    answered(bench, request(b"1 2 3"))
    assert counters(bench) == (1, 0, 1, 1)
    statistics = bench.models.handle.statistics
    parts = (statistics.input_ns, statistics.infer_ns, statistics.output_ns)
    assert min(parts) > 0
    assert statistics.succeeded_ns > sum(parts)
    assert statistics.last_ms > 0


def test_a_failure_counts_once_a_version_is_pinned_and_not_before() -> None:
    def refuse(*_: object) -> None:
        raise invalid("no good")

    bench = Bench(refuse)
    answered(bench, request(b"not numbers"))
    answered(bench, request(path="/nope"))
    assert counters(bench) == (0, 0, 0, 0)
    answered(bench, request())
    assert counters(bench) == (0, 1, 0, 0)
    assert bench.models.handle.statistics.failed_ns > 0


def test_a_request_of_several_parts_is_one_of_several_runs() -> None:
    bench = Bench()
    answered(bench, request(b"1\n2 3\n4"), MULTI)
    assert counters(bench) == (1, 0, 3, 3)


def test_a_caller_that_leaves_is_a_failure() -> None:
    bench = Bench()

    async def vanish() -> None:
        task = asyncio.ensure_future(bench.gateway.call(INFER, request()))
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(vanish())
    assert counters(bench) == (0, 1, 0, 0)


def test_a_stream_counts_as_one_request_and_each_of_its_parts_by_its_place() -> None:
    bench = Bench()

    async def stream() -> None:
        await read(await ask(bench, request(b"1 2", query="stream")))
        await read(await ask(bench, request(b"1", query="stream")))

    asyncio.run(stream())
    assert counters(bench) == (2, 0, 2, 2)
    statistics = bench.models.handle.statistics
    assert [part.sent.count for part in statistics.parts] == [2, 1]
    assert statistics.infer_ns == sum(part.infer.ns for part in statistics.parts) > 0
    assert statistics.output_ns == sum(part.output.ns for part in statistics.parts) > 0


def test_a_stream_that_breaks_or_is_left_is_a_failure_at_that_place() -> None:
    def break_down_at_three(wire: TensorRequest, _: object) -> None:
        taken.append(None)
        if len(taken) == 3:
            raise invalid("no good")

    taken: list[None] = []
    bench = Bench(break_down_at_three)

    async def stream() -> None:
        left = await ask(bench, request(b"1 2", query="stream"))
        assert left.stream is not None
        await anext(left.stream)
        await left.stream.aclose()
        await read(await ask(bench, request(b"1 2", query="stream")))

    asyncio.run(stream())
    assert counters(bench) == (0, 2, 0, 0)
    second = bench.models.handle.statistics.parts[1]
    assert (second.sent.count, second.cancelled.count, second.failed.count) == (0, 1, 1)


def test_a_stream_that_fails_at_once_is_a_failure_of_the_request() -> None:
    def break_down(*_: object) -> None:
        raise invalid("no good")

    bench = Bench(break_down)
    answered(bench, request(b"1", query="stream"))
    assert counters(bench) == (0, 1, 0, 0)


class Reader:
    """Runs a model that reads bodies: it says what it was asked to, in so many parts."""

    def __init__(self, *parts: Chunk) -> None:
        self.parts = parts
        self.left = False

    async def stream(self, *_: object) -> AsyncGenerator[Chunk, None]:
        try:
            for part in self.parts:
                yield part
        finally:
            self.left = True


def reading(reader: Reader, limits: Limits | None = None) -> Bench:
    bench = Bench(limits=limits)
    taken = Signature("serving_default", {}, {}, accepts=frozenset({Kind.PAYLOAD}), untyped=True)
    bench.models.handle = Handle("double", 7, {"serving_default": taken}, reader)
    return bench


class Lines:
    def head(self, first: Chunk | None) -> WireResponse:
        assert first is not None
        assert first.payload is not None
        return WireResponse(first.payload.status)

    def chunk(self, item: Chunk) -> bytes:
        assert item.payload is not None
        return item.payload.body

    def end(self) -> bytes | None:
        return None

    def fail(self, error: DragomanError) -> bytes | WireResponse:
        return error.message.encode()


def whole(_: Draft, response: PayloadResponse) -> WireResponse:
    return WireResponse(response.status, b"%b by %d" % (response.body, response.version or 0))


BODIES = InferOperation(
    "test.infer",
    Verb.INFER,
    INFER.parse,
    INFER.bind,
    whole,
    INFER.fail,
    stream=lambda _: Lines(),
)


@pytest.mark.parametrize("verb", Verb)
@pytest.mark.parametrize("limits", [Limits(), Limits(offload_bytes=0)])
def test_a_body_that_is_the_first_part_and_the_last_is_a_whole_answer(verb: Verb, limits: Limits) -> None:
    reader = Reader(Chunk(payload=PayloadResponse(b"hello", status=201), version=7, last=True))
    bench = reading(reader, limits)
    answer = answered(bench, request(b"1"), replace(BODIES, verb=verb))
    assert (answer.status, answer.body, answer.stream) == (201, b"hello by 7", None)
    assert (reader.left, bench.models.handle.pins, bench.counted()) == (True, 0, {"OK": 1})


def test_a_body_that_more_follow_is_sent_before_they_are_there() -> None:
    bodies = [Chunk(payload=PayloadResponse(b"a")), Chunk(payload=PayloadResponse(b"b"), last=True)]
    bench = reading(Reader(*bodies))

    async def stream() -> bytes:
        answer = await ask(bench, request(b"1"), BODIES)
        assert (answer.status, bench.models.handle.pins) == (200, 1)
        return await read(answer)

    assert asyncio.run(stream()) == b"ab"
    assert bench.models.handle.pins == 0


def test_an_answer_that_cannot_be_written_fails_as_any_and_leaves_nothing_behind() -> None:
    def refuse(_: Draft, __: PayloadResponse) -> WireResponse:
        raise invalid("no such header")

    reader = Reader(Chunk(payload=PayloadResponse(b"hello"), last=True))
    bench = reading(reader)
    answer = answered(bench, request(b"1"), replace(BODIES, encode=refuse))
    assert (answer.status, answer.body) == (400, b"no such header")
    assert (reader.left, bench.models.handle.pins) == (True, 0)


def bind_to_nothing(_: Draft, __: Signature) -> CoreRequest:
    return TensorRequest("serving_default", {"x": Tensor(DType.FP32, np.ones(1, np.float32))})


NAMELESS = replace(INFER, parse=lambda _, __: Draft(Target("")), bind=bind_to_nothing, stream=None)


def known(*serving: str, loading: str = "") -> StatusReport:
    """A report of models that serve, and of one that does not yet."""
    states = dict.fromkeys(serving, State.READY) | ({loading: State.LOADING} if loading else {})
    return StatusReport({name: ModelStatus(name, (VersionStatus(1, states[name]),)) for name in states})


@pytest.mark.parametrize(
    ("report", "meant"),
    [
        (known("double"), "double"),
        (known("double", loading="other"), "double"),
        (known(loading="double"), "double"),
        (known("a", "b"), "no model is named, and there are several: a, b"),
        (known(*"abcdefghijklmnopqrstuv"), "a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, ..."),
        (known(), "no model is named, and there is none"),
    ],
)
def test_where_no_model_is_named_the_only_one_is_meant(report: StatusReport, meant: str) -> None:
    bench = Bench()
    bench.models.report = report
    told: list[DragomanError] = []

    def fail(_: Draft | None, error: DragomanError) -> WireResponse:
        told.append(error)
        return WireResponse(400)

    answer = answered(bench, request(), replace(NAMELESS, fail=fail))
    if meant == "double":
        assert (answer.status, bytes(answer.body)) == (200, b"[2.0]")
    else:
        assert (told[0].code, told[0].param) == (Code.INVALID_ARGUMENT, "model")
        assert told[0].message.endswith(meant)


def test_the_model_that_the_settings_name_is_meant_first() -> None:
    bench = Bench()
    bench.models.report = known("a", "b", "double")
    bench.gateway.set_default_model("double")
    assert bytes(answered(bench, request(), NAMELESS).body) == b"[2.0]"


def test_of_several_models_a_caller_is_told_those_that_it_may_use() -> None:
    guard = Guard(policy(deployed("d", "b", user()), deployed("e", "double", user())))
    bench = Bench(guard=guard)
    told: list[DragomanError] = []

    def fail(_: Draft | None, error: DragomanError) -> WireResponse:
        told.append(error)
        return WireResponse(400)

    for names in (("a", "b", "c"), ("b", "double")):
        bench.models.report = known(*names)
        answered(bench, request(), replace(NAMELESS, fail=fail))
    assert told[0].message == "no model is named, and there are several: a, c"
    assert told[1].code is Code.UNAUTHENTICATED
    guard.close()


def test_a_closed_model_stays_closed_where_it_is_the_only_one_and_not_named() -> None:
    guard = Guard(policy(deployed("d", "double", user())))
    bench = Bench(guard=guard)
    bench.models.report = StatusReport({"double": ModelStatus("double", (VersionStatus(1, State.READY),))})
    nameless = replace(INFER, parse=lambda _, __: Draft(Target("")), bind=bind_to_nothing, stream=None)
    answer = answered(bench, request(), nameless)
    assert (answer.status, bench.counted("test.infer", "")) == (400, {"OK": 0, "UNAUTHENTICATED": 1})
    assert bench.models.handle.pins == 0
    guard.close()


@pytest.mark.parametrize("query", ["", "stream"])
def test_an_id_of_the_servers_own_is_told_with_every_answer(query: str) -> None:
    bench = Bench()

    async def ids() -> list[bytes]:
        found = []
        for _ in range(2):
            wire = request(b"1", query=query, headers=[(b"X-Request-Id", b"mine")])
            answer = bench.gateway.call(INFER, wire, own_ids=True)
            answer = answer if isinstance(answer, WireResponse) else await answer
            found += [value for name, value in answer.headers if name == b"X-Request-Id"]
            if answer.stream is not None:
                await read(answer)
        return found

    first, second = asyncio.run(ids())
    assert len({first, second, b"mine"}) == 3


def test_a_stream_that_its_client_leaves_gives_its_pin_back() -> None:
    going_on = asyncio.Event()

    class Endless(Reader):
        async def stream(self, *_: object) -> AsyncGenerator[Chunk, None]:
            yield Chunk(payload=PayloadResponse(b"."))
            await going_on.wait()

    bench = reading(Endless())

    async def scene() -> None:
        client = Client(lambda _, __: bench.gateway.call(BODIES, request(b"1")))
        client.send(b"GET /double HTTP/1.1\r\nHost: x\r\n\r\n")
        await until(lambda: client.answers.endswith(b"1\r\n.\r\n"))
        assert bench.models.handle.pins == 1
        client.transport.lose()
        await until(lambda: bench.models.handle.pins == 0)

    asyncio.run(scene())
    assert bench.counted() == {"OK": 1}
