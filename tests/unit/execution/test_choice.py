"""How a version's calls will be run."""

import asyncio

import numpy as np
import pytest
import structlog
from msgspec.structs import replace

from dragoman.core.errors import DragomanError
from dragoman.core.requests import TensorRequest
from dragoman.core.responses import TensorResponse
from dragoman.core.tensors import DType, Tensor
from dragoman.execution.batching import BatchingRunner
from dragoman.execution.choice import joinable_signatures, make_runner
from dragoman.execution.images.runner import PreparingRunner
from dragoman.execution.runners import LocalRunner
from dragoman.repository.handle import Runner
from dragoman.settings.model import BatchingSettings, ModelSettings, PreprocessingSettings
from tests.unit.execution.models import NATIVE, Doubler


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


class Seeing(Doubler):
    """Takes pictures."""

    def __init__(self) -> None:
        super().__init__()
        picture = replace(NATIVE.inputs["x"], shape=(None, 2, 2, 3))
        self.signatures = {"serving_default": replace(NATIVE, inputs={"x": picture})}


def test_only_what_takes_images_or_is_preprocessed_is_prepared() -> None:
    assert type(choose(Seeing(), ModelSettings())) is PreparingRunner
    images_off = ModelSettings(preprocessing=PreprocessingSettings(images=False))
    assert type(choose(Seeing(), images_off)) is LocalRunner
    mean = ModelSettings(preprocessing=PreprocessingSettings(mean=1.0))
    assert type(choose(Doubler(), mean)) is PreparingRunner


@pytest.mark.parametrize(
    ("model", "preprocessing", "times"),
    [
        (Seeing(), PreprocessingSettings(), 1),
        (Seeing(), PreprocessingSettings(images=False, mean=1.0), 0),
        (Doubler(), PreprocessingSettings(mean=1.0), 0),
    ],
)
def test_what_decodes_images_is_imported_before_the_first_one_comes(
    monkeypatch: pytest.MonkeyPatch, model: Doubler, preprocessing: PreprocessingSettings, times: int
) -> None:
    imported: list[None] = []
    monkeypatch.setattr("dragoman.execution.choice.decoder", lambda: imported.append(None))
    choose(model, ModelSettings(preprocessing=preprocessing))
    assert len(imported) == times


class Selective(Summing):
    """Mixes the rows of one signature and not those of the other."""

    def __init__(self) -> None:
        super().__init__()
        self.signatures = {"serving_default": NATIVE, "sum": replace(NATIVE, name="sum", source="sum")}

    def infer(self, request: TensorRequest, call: object) -> TensorResponse:
        if request.signature == "sum":
            return super().infer(request, call)
        return TensorResponse({"y": request.inputs["x"]})


def test_a_signature_that_mixes_its_rows_is_left_alone_and_the_others_are_joined() -> None:
    with structlog.testing.capture_logs() as lines:
        assert joinable_signatures(Selective(), batched(), "m", 1) == {"serving_default"}
    assert [line["signature"] for line in lines] == ["sum"]


@pytest.mark.parametrize(
    ("sizes", "words"), [((4, 2, 8), "monotonically increasing"), ((2, 4), "must match max_batch_size")]
)
def test_allowed_sizes_that_cannot_be_used_are_refused(sizes: tuple[int, ...], words: str) -> None:
    with pytest.raises(DragomanError, match=words):
        choose(Doubler(), batched(allowed_sizes=sizes))
