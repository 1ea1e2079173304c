"""How a version's calls will be run."""

import asyncio

import numpy as np
import pytest
import structlog

from dragoman.core.errors import DragomanError
from dragoman.core.requests import TensorRequest
from dragoman.core.responses import TensorResponse
from dragoman.core.tensors import DType, Tensor
from dragoman.execution.batching import BatchingRunner
from dragoman.execution.choice import make_runner
from dragoman.execution.runners import LocalRunner
from dragoman.repository.handle import Runner
from dragoman.settings.model import BatchingSettings, ModelSettings
from tests.unit.execution.models import Doubler


class Summing(Doubler):
    """Mixes its rows, so that it must not be batched."""

    def infer(self, request: TensorRequest, _: object) -> TensorResponse:
        array = request.inputs["x"].array
        return TensorResponse({"y": Tensor(DType.FP32, np.full_like(array, array.sum()))})


def choose(model: Doubler, settings: ModelSettings) -> Runner:
    loop = asyncio.new_event_loop()
    try:
        return make_runner(model, settings, "m", 1, loop=loop)
    finally:
        loop.close()


def batched(**settings: object) -> ModelSettings:
    return ModelSettings(batching=BatchingSettings(max_size=8, **settings))


def test_requests_are_joined_only_where_that_is_declared() -> None:
    assert type(choose(Doubler(), ModelSettings())) is LocalRunner
    assert type(choose(Doubler(), batched())) is BatchingRunner


def test_a_model_that_mixes_its_rows_is_served_without_batching_and_that_is_logged() -> None:
    with structlog.testing.capture_logs() as lines:
        assert type(choose(Summing(), batched())) is LocalRunner
    assert lines[0]["event"] == "batching is off"
    assert 'output "y"' in lines[0]["why"]


@pytest.mark.parametrize(
    ("sizes", "words"), [((4, 2, 8), "monotonically increasing"), ((2, 4), "must match max_batch_size")]
)
def test_allowed_sizes_that_cannot_be_used_are_refused(sizes: tuple[int, ...], words: str) -> None:
    with pytest.raises(DragomanError, match=words):
        choose(Doubler(), batched(allowed_sizes=sizes))
