"""A handler's steps in threads."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.handler_layer import Layer


class Handler:
    """Doubles numbers in three steps."""

    context: Any = None

    def __init__(self) -> None:
        self.seen: list[list[int]] = []

    def preprocess(self, data: list[int]) -> list[int]:
        self.seen.append(data)
        return data

    def inference(self, data: list[int]) -> list[int]:
        if -1 in data:
            raise ValueError("minus one")
        return [2 * number for number in data]

    def postprocess(self, data: list[int]) -> list[str]:
        return [str(number) for number in data]

    def describe_handle(self) -> str:
        return "doubles"

    def explain_handle(self, data: list[int], raw: list[int]) -> list[str]:
        return [f"{data} of {raw}"]

    def _is_describe(self) -> bool:
        return bool(self.context.get_request_header(0, "describe"))

    def _is_explain(self) -> bool:
        return bool(self.context.get_request_header(0, "explain"))

    def _infer_with_profiler(self, data: list[int]) -> tuple[list[str], None]:
        return (["profiled"], None)


@pytest.fixture
def batching(layer: Layer) -> Iterator[Any]:
    made = layer.module("handler_utils.micro_batching").MicroBatching(Handler(), micro_batch_size=2)
    yield made
    made.shutdown()


def context(layer: Layer, **headers: str) -> Any:
    """A context with one request of these headers."""
    requests = layer.module("context")
    metrics = layer.module("metrics.metric_cache").MetricsCache(model_name="m")
    made = requests.Context("m", None, None, 1, None, "0", metrics=metrics)
    made.request_processor = [requests.RequestProcessor(headers)]
    return made


def test_a_batch_goes_through_in_pieces_and_comes_out_in_order(layer: Layer, batching: Any) -> None:
    batching.parallelism = {"preprocess": 2, "inference": 3}
    assert batching(list(range(9)), context(layer)) == [str(2 * number) for number in range(9)]
    assert sorted(batching.handler.seen) == [[0, 1], [2, 3], [4, 5], [6, 7], [8]]


def test_the_error_of_a_step_reaches_the_caller_and_the_next_call_works(layer: Layer, batching: Any) -> None:
    with pytest.raises(ValueError, match="minus one"):
        batching([1, -1, 2, 3], context(layer))
    assert batching([1], context(layer)) == ["2"]


def test_descriptions_and_explanations_are_not_cut_into_pieces(layer: Layer, batching: Any) -> None:
    assert batching([1, 2, 3], context(layer, describe="True")) == ["doubles"]
    assert batching([1, 2, 3], context(layer, explain="True")) == ["[1, 2, 3] of [1, 2, 3]"]


def test_the_profiler_takes_the_place_of_the_threads(
    layer: Layer, batching: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENABLE_TORCH_PROFILER", "1")
    assert batching([1], context(layer)) == ["profiled"]


def test_a_step_can_ask_which_piece_it_has(layer: Layer, batching: Any) -> None:
    batching.handler.postprocess = lambda data: [batching.get_micro_batch_idx()] * len(data)
    assert batching([5, 6, 7, 8, 9], context(layer)) == [0, 0, 1, 1, 2]
    assert batching.get_micro_batch_idx() is None


def test_threads_come_and_go_with_the_parallelism(batching: Any) -> None:
    batching.parallelism = {"inference": 4}
    assert {name: len(threads) for name, threads in batching.thread_groups.items()} == {
        "preprocess": 1,
        "inference": 4,
        "postprocess": 1,
    }
    batching.parallelism = {"inference": 2}
    assert len(batching.thread_groups["inference"]) == 2
    assert batching.parallelism == {"inference": 2}


@pytest.mark.parametrize("parallelism", [{"load": 1}, {"inference": 0}])
def test_a_parallelism_that_cannot_be_is_refused(batching: Any, parallelism: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="is not a number of threads"):
        batching.parallelism = parallelism


def test_after_its_end_it_refuses_calls_and_has_no_threads(layer: Layer, batching: Any) -> None:
    threads = [thread for group in batching.thread_groups.values() for thread in group]
    batching.shutdown()
    assert not set(threads) & set(threading.enumerate())
    with pytest.raises(RuntimeError, match="shut down"):
        batching([1], context(layer))
