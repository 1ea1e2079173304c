"""Which GPU each worker is told to use."""

import json
from pathlib import Path

import pytest
import structlog

from dragoman.engines.base import Artifact
from dragoman.execution.workers.handlers.devices import Devices, count_gpus
from dragoman.execution.workers.handlers.model import load_handler
from dragoman.execution.workers.handlers.plan import make_plan
from dragoman.execution.workers.handlers.workplace import Workplace
from dragoman.settings.model import HandlerSettings, ModelSettings
from tests.unit.execution.workers.handlers.staffed import OBEDIENT, quiet

pytest.fixture(autouse=True)(quiet)

NODES = ["nvidia0", "nvidia1", "nvidia2", "nvidiactl", "nvidia-uvm", "null"]


@pytest.mark.parametrize(
    ("visible", "count"),
    [(None, 3), ("0,2", 2), ("", 0), ("-1", 0), ("1,-1,2", 1), ("GPU-8932f937, GPU-1", 2), ("0,1,2,3,4", 3)],
)
def test_gpus_are_those_that_the_environment_leaves(visible: str | None, count: int) -> None:
    assert count_gpus({} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}, NODES) == count


def test_workers_take_one_gpu_after_the_other_and_then_the_one_that_is_used_least() -> None:
    devices = Devices()
    assert [devices.take(range(3)) for _ in range(4)] == [0, 1, 2, 0]
    devices.give_back(1)
    devices.give_back(None)
    assert [devices.take(range(3)) for _ in range(2)] == [1, 1]


def test_a_model_has_its_own_among_those_of_the_machine() -> None:
    devices = Devices()
    assert devices.take(()) is None
    assert [devices.take((1, 2)) for _ in range(3)] == [1, 2, 1]
    assert devices.take(range(3)) == 0


@pytest.mark.parametrize(
    ("config", "there", "usable", "warned"),
    [
        ("{}", 2, [0, 1], False),
        ("deviceType: cpu", 2, [], False),
        ("deviceType: gpu", 0, [], True),
        ("deviceIds: [1, 3]", 4, [1, 3], False),
        ("deviceIds: [1, 3]", 2, [1], True),
        ("deviceIds: [3]", 2, [0, 1], True),
    ],
)
def test_an_archive_says_which_gpus_it_is_for(
    tmp_path: Path, config: str, there: int, usable: list[int], warned: bool
) -> None:
    (tmp_path / "MAR-INF").mkdir()
    manifest = {"model": {"modelName": "m", "handler": "h.py", "configFile": "c.yaml"}}
    (tmp_path / "MAR-INF" / "MANIFEST.json").write_text(json.dumps(manifest))
    (tmp_path / "c.yaml").write_text(config)
    with structlog.testing.capture_logs() as logs:
        plan = make_plan(Artifact(str(tmp_path), "m", 1), there)
    assert list(plan.gpus) == usable
    assert ([log["log_level"] for log in logs] == ["warning"]) is warned


def test_workers_are_told_their_gpus_and_give_them_back() -> None:
    workplace = Workplace()
    settings = ModelSettings(handler=HandlerSettings(min_workers=3))
    model = load_handler(Artifact(str(OBEDIENT), "m", 1, settings), workplace, gpus=2)
    assert [process.load.options["gpu"] for process, _ in model._workers] == [0, 1, 0]
    assert workplace.devices.take(range(2)) == 1
    model.close()
    assert [workplace.devices.take(range(2)) for _ in range(2)] == [0, 0]
