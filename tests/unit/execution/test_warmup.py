"""Calls before a version serves."""

import numpy as np
import pytest
from structlog.testing import capture_logs

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import TensorRequest
from dragoman.execution.runners import LocalRunner
from dragoman.execution.warmup import warm_up, warm_up_local, warm_up_worker
from dragoman.settings.model import WarmUpSettings
from tests.unit.execution.models import NATIVE, Doubler


class Counted:
    """Work that counts its calls, and fails from the first one on where it should."""

    def __init__(self, error: Exception | None = None) -> None:
        self.rows: list[int] = []
        self.deadlines: list[float | None] = []
        self._error = error

    def __call__(self, request: TensorRequest, call: CallContext) -> None:
        self.rows.append(len(request.inputs["x"].array))
        self.deadlines.append(call.deadline_s)
        if self._error is not None:
            raise self._error


def test_a_local_model_is_called_twice_and_its_cost_is_known_then() -> None:
    work = Counted()
    model = Doubler(work)
    local = LocalRunner(model, "m", 1, 1)
    assert not local.is_short(1)
    warm_up_local(local, model, WarmUpSettings(), "m")
    assert work.rows == [1, 1]
    assert local.is_short(1)


def test_the_settings_say_how_often_and_with_how_many_rows() -> None:
    work = Counted()
    model = Doubler(work)
    warm_up_local(LocalRunner(model, "m", 1, 1), model, WarmUpSettings(rows=5, runs=3), "m")
    assert work.rows == [5, 5, 5]


def test_no_runs_is_no_warm_up() -> None:
    work = Counted()
    model = Doubler(work)
    warm_up_local(LocalRunner(model, "m", 1, 1), model, WarmUpSettings(runs=0), "m")
    assert work.rows == []


def test_a_model_that_brings_code_is_called_only_where_its_settings_say_so() -> None:
    work = Counted()
    warm_up_worker(Doubler(work), WarmUpSettings(), "m")
    assert work.rows == []
    warm_up_worker(Doubler(work), WarmUpSettings(runs=1), "m")
    assert work.rows == [1]
    assert work.deadlines[0] is not None


@pytest.mark.parametrize(
    "error",
    [
        DragomanError(Code.INVALID_ARGUMENT, "no such digit"),
        DragomanError(Code.INTERNAL, "broken"),
        ValueError("shapes"),
    ],
)
def test_a_model_that_refuses_made_up_inputs_serves_all_the_same(error: Exception) -> None:
    work = Counted(error)
    with capture_logs() as logs:
        warm_up(Doubler(work).infer, [NATIVE, NATIVE], 1, 2, "m")
    assert work.rows == [1, 1]  # one for each signature
    assert [entry["event"] for entry in logs] == ["no warm-up"] * 2


@pytest.mark.parametrize("code", [Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED])
def test_a_model_that_ends_or_hangs_over_them_does_not_load(code: Code) -> None:
    work = Counted(DragomanError(code, "the worker ended"))
    with pytest.raises(DragomanError, match="warm-up: the worker ended; with warm_up: false") as caught:
        warm_up_worker(Doubler(work), WarmUpSettings(runs=2), "m")
    assert caught.value.code is code


def test_made_up_inputs_are_not_all_alike() -> None:
    seen: list[np.ndarray] = []
    model = Doubler(lambda request, _: seen.append(request.inputs["x"].array))
    warm_up(model.infer, [NATIVE], 4, 1, "m")
    assert len(set(seen[0].tolist())) == 4
