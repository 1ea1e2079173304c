"""A request's way through a pipeline."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
import pytest

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.responses import TensorResponse
from dragoman.execution.batching import BatchingRunner
from dragoman.execution.pipelines import run
from dragoman.execution.runners import LocalRunner
from dragoman.repository.handle import Handle
from dragoman.settings.model import BatchingSettings
from tests.unit.execution.models import NATIVE, Doubler
from tests.unit.execution.pipelines.graphs import (
    Models,
    ask,
    call,
    composed,
    handle_of,
    pipeline,
    signature,
    spec,
    step,
    tensor,
    unary,
    values,
)
from tests.unit.execution.pipelines.parts import Part, Waiting, handle

CHAIN = [step("a"), step("b", "a.y")]
JOIN = {"name": "c", "inputs": {"x": "a.y", "z": "b.y"}}
FORK = [step("a"), step("b"), JOIN]
ADD = Part(lambda x, z: x + z, signature([spec("x"), spec("z")], [spec("y")]))
ANY = unary(None)
ERROR = DragomanError(Code.RESOURCE_EXHAUSTED, "no", reason=Reason.QUEUE_FULL, retry_after_s=2.0)


class Stage:
    """A pipeline over parts."""

    def __init__(self, nodes: Any, outputs: Any, more: Any = None, **parts: Part) -> None:
        self.models = Models(**{name: handle(part) for name, part in parts.items()})
        self.handle = handle_of(composed(pipeline(nodes, outputs, **(more or {})), self.models))

    def run(self, request: Any, context: Any = None) -> Any:
        """The pipeline's answer, or something to await."""
        only = self.handle.signatures["serving_default"]
        return self.handle.runner.run(self.handle, request, only, context or call())

    @property
    def idle(self) -> bool:
        """Whether nothing is held, neither the pipeline nor a part."""
        return not any([self.handle.pins, *self.models.pins.values()])


def play(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(story())


async def turns(count: int = 3) -> None:
    """Let the loop do what is ready."""
    for _ in range(count):
        await asyncio.sleep(0)


# Calls that answer at once


def test_models_that_answer_at_once_are_called_without_leaving_the_turn():
    stage = Stage(CHAIN, {"out": "b.y", "mid": "a.y"}, a=Part(), b=Part(lambda x: x + 1))
    answer = stage.run(ask(**{"in": [1, 2]}))  # no event loop runs here
    assert isinstance(answer, TensorResponse)
    assert (values(answer), answer.version) == ({"out": [3, 5], "mid": [2, 4]}, 1)
    assert list(answer.outputs) == ["out", "mid"]
    assert stage.idle


def test_a_model_is_asked_only_for_the_outputs_that_are_taken():
    both = signature([spec("x")], [spec("y"), spec("w"), spec("v")])
    part = Part(lambda x: {"y": x, "w": -x}, both)
    stage = Stage(
        [step("a", outputs={"one": "w", "two": "w", "idle": "v"})], {"p": "a.one", "q": "a.two"}, a=part
    )
    assert values(stage.run(ask(**{"in": [1]}))) == {"p": [-1], "q": [-1]}
    assert part.requests[0].outputs == ("w",)
    every = Part()
    Stage([step("a")], {"out": "a.y"}, a=every).run(ask(**{"in": [1]}))
    assert every.requests[0].outputs is None


def test_callers_may_want_only_some_of_the_outputs():
    stage = Stage(CHAIN, {"out": "b.y", "mid": "a.y"}, a=Part(), b=Part())
    assert values(stage.run(ask(["mid"], **{"in": [1]}))) == {"mid": [2]}


def test_an_input_may_go_straight_to_the_outputs_and_a_node_may_take_nothing():
    constant = Part(lambda: np.array([7], np.float32), signature([], [spec("y")]))
    stage = Stage([{"name": "a"}], {"out": "a.y", "same": "request.in"}, a=constant)
    assert values(stage.run(ask(**{"in": [[1]]}))) == {"out": [7], "same": [[1]]}


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (ask(), 'input "in" is missing'),
        (ask(**{"in": [1]}, other=[2]), 'there is no input "other"; the model takes in'),
        (ask(**{"in": tensor([1], np.int32)}), 'input "in": int32 given, float32 expected'),
        (ask(**{"in": [[1]]}), 'input "in": shape (1, 1) does not fit (?,)'),
        (ask(["mid"], **{"in": [1]}), 'there is no output "mid"; the model gives out'),
    ],
)
def test_what_does_not_fit_the_signature_is_refused_before_anything_is_held(request_, message):
    stage = Stage(CHAIN, {"out": "b.y"}, a=Part(), b=Part())
    with pytest.raises(DragomanError) as caught:
        stage.run(request_)
    assert (caught.value.code, caught.value.message) == (Code.INVALID_ARGUMENT, message)
    assert stage.idle


# Calls that are waited for


@pytest.mark.parametrize("task", [False, True])
def test_branches_run_at_the_same_time_and_what_joins_them_waits_for_both(task):
    async def story() -> None:
        a, b = Waiting(lambda x: x + 1, task=task), Waiting(lambda x: x * 10, task=task)
        stage = Stage(FORK, {"out": "c.y"}, a=a, b=b, c=ADD)
        answer = stage.run(ask(**{"in": [1, 2]}))
        assert [len(part.asked) for part in (a, b)] == [1, 1]
        assert not stage.idle
        b.give()
        await turns()
        assert not answer.done
        a.give()
        assert values(await answer) == {"out": [12, 23]}
        assert stage.idle

    play(story)


@pytest.mark.parametrize("task", [False, True])
def test_the_first_error_names_its_node_and_cancels_what_still_runs(task):
    async def story() -> None:
        a, b = Waiting(task=task), Waiting(task=task)
        stage = Stage(FORK, {"out": "c.y"}, a=a, b=b, c=ADD)
        context = call()
        answer = stage.run(ask(**{"in": [1]}), context)
        await turns()
        a.refuse(ERROR)
        with pytest.raises(DragomanError) as caught:
            await answer
        error = caught.value
        assert (error.code, error.message) == (Code.RESOURCE_EXHAUSTED, 'node "a": no')
        assert (error.reason, error.retry_after_s) == (Reason.QUEUE_FULL, 2.0)
        await turns()
        assert b.asked[0].cancelled
        assert context.cancelled
        assert stage.idle

    play(story)


def test_an_error_at_once_cancels_what_is_waited_for_and_is_raised():
    def fails(x: Any) -> Any:
        raise ERROR

    async def story() -> None:
        a = Waiting(task=True)
        stage = Stage([step("a"), step("b")], {"a": "a.y", "b": "b.y"}, a=a, b=Part(fails))
        with pytest.raises(DragomanError, match='node "b": no'):
            stage.run(ask(**{"in": [1]}))
        assert not stage.idle  # the task of `a` has yet to end
        await turns()
        assert stage.idle

    play(story)


def test_what_is_held_stays_held_until_cancelled_work_has_ended():
    class Slow(Waiting):
        """Goes on for a while after it was cancelled."""

        async def _waited(self, asked: Any) -> Any:
            try:
                return await super()._waited(asked)
            except asyncio.CancelledError:
                await ending.wait()
                raise

    ending = asyncio.Event()

    async def story() -> None:
        a, b = Slow(task=True), Waiting()
        stage = Stage(FORK, {"out": "c.y"}, a=a, b=b, c=ADD)
        answer = stage.run(ask(**{"in": [1]}))
        await turns()
        b.refuse(ERROR)
        with pytest.raises(DragomanError):
            await answer
        await turns()
        assert stage.models.pins == {"a": 1, "b": 1, "c": 1}
        assert stage.handle.pins == 1
        ending.set()
        await turns()
        assert stage.idle

    play(story)


def test_an_error_after_the_first_is_seen_by_nobody_and_does_no_harm():
    async def story() -> None:
        a, b = Waiting(task=True), Waiting(task=True)
        stage = Stage(FORK, {"out": "c.y"}, a=a, b=b, c=ADD)
        answer = stage.run(ask(**{"in": [1]}))
        await turns()
        a.refuse(ERROR)
        b.refuse(DragomanError(Code.INTERNAL, "late"))
        with pytest.raises(DragomanError, match='node "a": no'):
            await answer
        await turns()
        assert stage.idle

    play(story)


def test_an_error_that_is_not_meant_for_callers_passes_as_it_is():
    def fails(x: Any) -> Any:
        raise RuntimeError("secret")

    stage = Stage([step("a")], {"out": "a.y"}, a=Part(fails))
    with pytest.raises(RuntimeError, match="secret"):
        stage.run(ask(**{"in": [1]}))
    assert stage.idle


@pytest.mark.parametrize("task", [False, True])
def test_a_caller_who_has_gone_leaves_nothing_behind(task):
    async def story() -> None:
        a = Waiting(task=task)
        stage = Stage(CHAIN, {"out": "b.y"}, a=a, b=Part())
        context = call()
        reader = asyncio.ensure_future(awaited(stage.run(ask(**{"in": [1]}), context)))
        await turns()
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
        await turns()
        assert a.asked[0].cancelled
        assert context.cancelled
        assert stage.idle

    play(story)


async def awaited(answer: Any) -> Any:
    return await answer


def test_a_part_that_was_cancelled_by_others_is_an_error_of_its_node():
    class Ended(Part):
        def run(self, *_: Any) -> Any:
            future = asyncio.get_running_loop().create_future()
            future.cancel()
            return future

    async def story() -> None:
        stage = Stage([step("a")], {"out": "a.y"}, a=Ended())
        with pytest.raises(DragomanError) as caught:
            await stage.run(ask(**{"in": [1]}))
        assert (caught.value.code, caught.value.message) == (
            Code.CANCELLED,
            'node "a": the call was cancelled',
        )
        assert stage.idle

    play(story)


def test_a_deadline_ends_a_pipeline_of_models_on_threads():
    async def story() -> None:
        models = Models(a=Handle("a", 1, {"serving_default": NATIVE}, LocalRunner(Doubler(), "a", 1, 8)))
        made = handle_of(composed(pipeline([step("a")], {"out": "a.y"}), models))
        with pytest.raises(DragomanError) as caught:
            await made.runner.run(made, ask(**{"in": [1]}), made.signatures["serving_default"], call(0.0))
        assert caught.value.code is Code.DEADLINE_EXCEEDED
        assert caught.value.message == 'node "a": the model gave no answer before the deadline'
        models.handles["a"].runner.close()

    play(story)


# What is counted


def counted(stage: Stage, name: str) -> tuple[int, int]:
    """How many calls of a part succeeded, and how many failed."""
    statistics = stage.models.handles[name].statistics
    return statistics.succeeded, statistics.failed


def test_calls_count_in_the_statistics_of_their_models(monkeypatch):
    clock = iter(range(0, 10**9, 10))
    monkeypatch.setattr(run, "perf_counter_ns", lambda: next(clock))
    stage = Stage(CHAIN, {"out": "b.y"}, a=Part(), b=Part())
    answer = stage.run(ask(**{"in": [1, 2, 3]}))
    assert [counted(stage, name) for name in "ab"] == [(1, 0), (1, 0)]
    assert stage.models.handles["a"].statistics.succeeded_ns > 0
    assert answer.run is not None
    assert (answer.run.rows, answer.run.infer_ns > 0, answer.run.batch) == (3, True, None)


@pytest.mark.parametrize("task", [False, True])
def test_calls_that_fail_or_are_given_up_count_as_failures_once(task):
    async def story() -> None:
        a, b, c = Waiting(task=task), Waiting(task=task), Waiting(task=task)
        stage = Stage([step("a"), step("b"), step("c")], {name: f"{name}.y" for name in "abc"}, a=a, b=b, c=c)
        answer = stage.run(ask(**{"in": [1]}))
        await turns()
        a.give()
        await turns()
        b.refuse(ERROR)
        with pytest.raises(DragomanError):
            await answer
        await turns()
        assert {name: counted(stage, name) for name in "abc"} == {"a": (1, 0), "b": (0, 1), "c": (0, 1)}

    play(story)


def test_a_call_that_fails_at_once_counts_as_a_failure_and_one_whose_answer_does_not_fit_does_not():
    def fails(x: Any) -> Any:
        raise ERROR

    stage = Stage([step("a")], {"out": "a.y"}, a=Part(fails))
    with pytest.raises(DragomanError):
        stage.run(ask(**{"in": [1]}))
    assert counted(stage, "a") == (0, 1)
    stage = Stage(CUT, {"out": "b.y"}, a=Part(same, ANY), b=Part())
    with pytest.raises(DragomanError):
        stage.run(ask(**{"in": np.zeros((0, 2), np.float32)}))
    assert counted(stage, "a") == (1, 0)


# Branches

CUT = [step("a", demultiply="dynamic"), step("b", "a.y")]
GATHERED = [*CUT, step("c", "b.y", gather_from="a")]


def same(x: Any) -> Any:
    return x


def test_what_is_cut_runs_once_a_branch_and_comes_back_in_order():
    async def story() -> None:
        b = Waiting()
        stage = Stage(CUT, {"out": "b.y"}, a=Part(same, ANY), b=b)
        answer = stage.run(ask(**{"in": [[1, 2], [3, 4], [5, 6]]}))
        assert [asked.x for asked in b.asked] == [[1, 2], [3, 4], [5, 6]]
        b.give(2, 0, 1)
        assert values(await answer) == {"out": [[2, 4], [6, 8], [10, 12]]}
        assert stage.idle

    play(story)


@pytest.mark.parametrize("count", [2, "dynamic"])
def test_inputs_can_be_cut_at_the_entry(count):
    stage = Stage([step("a"), step("b", "a.y")], {"out": "b.y", "in": "request.in"}, {"demultiply": count},
                  a=Part(), b=Part())  # fmt: skip
    assert values(stage.run(ask(**{"in": [[1], [2]]}))) == {"out": [[4], [8]], "in": [[1], [2]]}
    assert stage.idle


def test_a_gathering_node_gets_all_branches_at_once():
    total = Part(lambda x: x.sum(axis=0), unary((None, None), (None,)))
    stage = Stage(GATHERED, {"out": "c.y"}, a=Part(same, ANY), b=Part(), c=total)
    assert values(stage.run(ask(**{"in": [[1, 2], [3, 4]]}))) == {"out": [8, 12]}
    assert total.requests[0].inputs["x"].array.tolist() == [[2, 4], [6, 8]]


def test_branches_within_branches_are_gathered_from_the_inside_out():
    nodes = [step("a", demultiply=2), step("b", "a.y", demultiply=3), step("c", "b.y")]
    stage = Stage(nodes, {"out": "c.y", "b": "b.y"}, a=Part(same, ANY), b=Part(same, ANY), c=Part())
    given = np.arange(12).reshape(2, 3, 2).tolist()
    assert values(stage.run(ask(**{"in": given}))) == {"out": (np.array(given) * 2).tolist(), "b": given}
    inner = [*nodes, step("d", "c.y", gather_from="b"), step("e", "d.y", gather_from="a")]
    last = Part(lambda x: x.sum(axis=(1, 2)), unary((None, None, None), (None,)))
    rows = Part(same, unary((None, None)))
    stage = Stage(inner, {"out": "e.y"}, a=Part(same, ANY), b=Part(same, ANY), c=Part(), d=rows, e=last)
    assert values(stage.run(ask(**{"in": given}))) == {"out": [30, 102]}
    assert [one.inputs["x"].array.shape for one in rows.requests] == [(3, 2), (3, 2)]


def test_a_node_may_gather_branches_and_begin_others():
    flat = Part(lambda x: x.reshape(-1, 1), unary((None, None)))
    nodes = [step("a", demultiply=2), step("b", "a.y"),
             step("c", "b.y", gather_from="a", demultiply=4), step("d", "c.y")]  # fmt: skip
    stage = Stage(nodes, {"out": "d.y"}, a=Part(same, ANY), b=Part(), c=flat, d=Part())
    assert values(stage.run(ask(**{"in": [[1, 2], [3, 4]]}))) == {"out": [[4], [8], [12], [16]]}


def test_strings_are_cut_and_gathered():
    text = signature(
        [spec("x", None, tensor([b"a"], object).dtype)], [spec("y", None, tensor([b"a"], object).dtype)]
    )
    stage = Stage(CUT, {"out": "b.y"}, a=Part(same, text), b=Part(lambda x: x, text))
    assert values(stage.run(ask(**{"in": tensor([b"a", b"bc"], object)}))) == {"out": [b"a", b"bc"]}


def test_no_branches_end_the_request_with_a_reason_of_its_own():
    stage = Stage(CUT, {"out": "b.y"}, a=Part(same, ANY), b=Part())
    with pytest.raises(DragomanError) as caught:
        stage.run(ask(**{"in": np.zeros((0, 2), np.float32)}))
    assert (caught.value.code, caught.value.reason) == (Code.FAILED_PRECONDITION, Reason.NO_CONTENT)
    assert stage.idle


@pytest.mark.parametrize(
    ("at_entry", "code", "message"),
    [
        (True, Code.INVALID_ARGUMENT, 'input "in": shape (2, 1) does not fit (3, ?)'),
        (False, Code.INTERNAL, 'node "a": Wrong dimension size. Should match demultiply count - '
                               '"y" has shape (2, 1), and there are 3 branches'),
    ],
)  # fmt: skip
def test_another_number_of_branches_than_there_have_to_be_is_the_callers_fault_at_the_entry_only(
    at_entry, code, message
):
    if at_entry:
        stage = Stage([step("a")], {"out": "a.y"}, {"demultiply": 3}, a=Part())
    else:
        stage = Stage(
            [step("a", demultiply=3), step("b", "a.y")], {"out": "b.y"}, a=Part(same, ANY), b=Part()
        )
    with pytest.raises(DragomanError) as caught:
        stage.run(ask(**{"in": [[1], [2]]}))
    assert (caught.value.code, caught.value.message) == (code, message)
    assert stage.idle


def test_inputs_of_unlike_numbers_of_branches_are_refused():
    stage = Stage([{"name": "c", "inputs": {"x": "request.a", "z": "request.b"}}], {"out": "c.y"},
                  {"demultiply": "dynamic", "inputs": ["a", "b"]}, c=ADD)  # fmt: skip
    with pytest.raises(DragomanError) as caught:
        stage.run(ask(a=[[1], [2]], b=[[1], [2], [3]]))
    assert caught.value.message == (
        'Wrong dimension size. Should match demultiply count - "b" has shape (3, 1), and there are 2 branches'
    )


def test_branches_that_come_back_unlike_are_an_error_of_their_node():
    stage = Stage(CUT, {"out": "b.y"}, a=Part(same, ANY), b=Part(lambda x: x[: int(x[0])]))
    with pytest.raises(DragomanError) as caught:
        stage.run(ask(**{"in": [[1, 1], [2, 2]]}))
    assert caught.value.code is Code.INTERNAL
    assert caught.value.message.startswith('node "b": Gathered tensor shards dimensions are different - ')
    assert stage.idle


def test_an_error_in_one_branch_cancels_the_others():
    async def story() -> None:
        b = Waiting()
        stage = Stage(CUT, {"out": "b.y"}, a=Part(same, ANY), b=b)
        answer = stage.run(ask(**{"in": [[1], [2], [3]]}))
        b.refuse(ERROR, 1)
        with pytest.raises(DragomanError, match='node "b": no'):
            await answer
        assert [asked.cancelled for asked in b.asked] == [True, False, True]
        assert stage.idle

    play(story)


def test_no_more_than_so_many_calls_of_one_request_wait_in_the_models_queues():
    async def story() -> None:
        b = Waiting(task=True)
        stage = Stage(CUT, {"out": "b.y"}, a=Part(same, ANY), b=b)
        count = run.MOST_AT_ONCE + 10
        given = np.arange(count, dtype=np.float32).reshape(count, 1)
        answer = stage.run(ask(**{"in": tensor(given)}))
        assert len(b.asked) == run.MOST_AT_ONCE
        b.give(5, 7)
        await turns()
        assert len(b.asked) == run.MOST_AT_ONCE + 2
        while not answer.done:
            b.give()
            await turns()
        assert np.array_equal((await answer).outputs["out"].array, given * 2)
        assert stage.idle

    play(story)


def test_a_batching_model_gets_the_branches_as_one_batch():
    sizes: list[int] = []

    async def story() -> None:
        model = Doubler(lambda request, _: sizes.append(request.inputs["x"].array.shape[0]))
        local = LocalRunner(model, "b", 1, 8)
        batching = BatchingRunner(local, BatchingSettings(max_size=8), "b", {"serving_default"})
        models = Models(a=handle(Part(same, ANY)), b=Handle("b", 1, {"serving_default": NATIVE}, batching))
        made = handle_of(composed(pipeline(CUT, {"out": "b.y"}), models))
        given = np.arange(8, dtype=np.float32).reshape(4, 2)
        request, only = ask(**{"in": tensor(given)}), made.signatures["serving_default"]
        answer = await made.runner.run(made, request, only, call())
        assert np.array_equal(answer.outputs["out"].array, given * 2)
        batching.close()

    play(story)
    assert sizes == [8]


# Turns and threads


def test_a_request_of_many_calls_lets_others_have_their_turn(monkeypatch):
    clock = iter(range(0, 10**12, run.TURN_NS // 2 + 1))
    monkeypatch.setattr(run, "perf_counter_ns", lambda: next(clock))

    async def story() -> None:
        b = Part()
        stage = Stage(CUT, {"out": "b.y"}, a=Part(same, ANY), b=b)
        answer = stage.run(ask(**{"in": [[1], [2], [3], [4]]}))
        seen = [len(b.requests)]
        while not answer.done:
            await asyncio.sleep(0)
            seen.append(len(b.requests))
        assert values(await answer) == {"out": [[2], [4], [6], [8]]}
        assert seen[0] == 0
        assert seen == sorted(seen)
        assert len(set(seen)) == 5
        assert stage.idle

    play(story)


def test_a_request_whose_deadline_passes_between_two_turns_ends_there(monkeypatch):
    clock = iter(range(0, 10**12, run.TURN_NS + 1))
    monkeypatch.setattr(run, "perf_counter_ns", lambda: next(clock))

    async def story() -> None:
        stage = Stage(CHAIN, {"out": "b.y"}, a=Part(), b=Part())
        with pytest.raises(DragomanError) as caught:
            await stage.run(ask(**{"in": [1]}), call(0.0))
        assert caught.value.code is Code.DEADLINE_EXCEEDED
        assert stage.idle

    play(story)


def test_large_branches_are_put_together_on_a_thread(monkeypatch):
    monkeypatch.setattr(run, "OFFLOAD_BYTES", 0)

    async def story() -> None:
        total = Part(lambda x: x.sum(axis=0), unary((None, None), (None,)))
        stage = Stage(GATHERED, {"out": "c.y"}, a=Part(same, ANY), b=Part(), c=total)
        answer = stage.run(ask(**{"in": [[1, 2], [3, 4]]}))
        assert not isinstance(answer, TensorResponse)
        assert values(await answer) == {"out": [8, 12]}
        assert stage.idle

    play(story)


def test_large_branches_that_are_unlike_are_an_error_of_their_node(monkeypatch):
    monkeypatch.setattr(run, "OFFLOAD_BYTES", 0)

    async def story() -> None:
        stage = Stage(CUT, {"out": "b.y"}, a=Part(same, ANY), b=Part(lambda x: x[: int(x[0])]))
        with pytest.raises(DragomanError, match='node "b": Gathered tensor shards'):
            await stage.run(ask(**{"in": [[1, 1], [2, 2]]}))
        assert stage.idle

    play(story)
