"""How a handler is run: from its archive and from what its owner sets."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import structlog

from dragoman.core.errors import Code, DragomanError
from dragoman.engines.base import Artifact
from dragoman.execution.workers.handlers.plan import Plan, make_plan
from dragoman.settings.model import HandlerSettings, ModelSettings


def plan(folder: Path, config: str | None = None, instances: int = 1, **handler: Any) -> Plan:
    write(folder, config)
    settings = ModelSettings(instances=instances, handler=HandlerSettings(**handler))
    return make_plan(Artifact(str(folder), "m", 1, settings))


def write(folder: Path, config: str | None = None, **manifest: Any) -> None:
    model = {"modelName": "m", "handler": "h.py"}
    if config is not None:
        (folder / "model-config.yaml").write_text(config)
        model["configFile"] = "model-config.yaml"
    (folder / "MAR-INF").mkdir(exist_ok=True)
    (folder / "MAR-INF" / "MANIFEST.json").write_text(json.dumps({"model": model | manifest}))


def test_without_a_word_it_is_as_torchserve_has_it(tmp_path: Path) -> None:
    found = plan(tmp_path)
    assert (found.handler, found.minimum, found.maximum, found.queue) == ("h.py", 1, 1, 100)
    assert (found.batch_size, found.batch_delay_s) == (1, 0.1)
    assert (found.response_timeout_s, found.startup_timeout_s, found.retry_s) == (120, 120, 300)
    assert (found.client_timeout_s, found.envelope, found.shared) == (0, None, False)


def test_the_archives_own_configuration_counts(tmp_path: Path) -> None:
    found = plan(
        tmp_path,
        "minWorkers: 2\nmaxWorkers: 3\nbatchSize: 4\nmaxBatchDelay: 50\nresponseTimeout: 5\n"
        "startupTimeout: 6\nmaxRetryTimeoutInSec: 7\nclientTimeoutInMills: 80\njobQueueSize: 9\n",
    )
    assert (found.minimum, found.maximum, found.batch_size, found.batch_delay_s) == (2, 3, 4, 0.05)
    assert (found.response_timeout_s, found.startup_timeout_s, found.retry_s) == (5, 6, 7)
    assert (found.client_timeout_s, found.queue) == (0.08, 9)


def test_what_the_owner_sets_counts_more(tmp_path: Path) -> None:
    found = plan(tmp_path, "batchSize: 4\nminWorkers: 2\n", batch_size=1, min_workers=0, max_workers=0)
    assert (found.batch_size, found.minimum, found.maximum) == (1, 0, 0)


def test_instances_are_the_workers_of_a_model_that_says_nothing(tmp_path: Path) -> None:
    assert plan(tmp_path, instances=3).minimum == 3


def test_the_handler_sees_every_key_and_all_of_its_manifest(tmp_path: Path) -> None:
    found = plan(tmp_path, "batchSize: 4\nhandler:\n  day: 2026-01-31\n  1: yes\n")
    assert found.yaml == {"batchSize": 4, "handler": {"day": "2026-01-31", "1": True}}
    assert found.manifest["model"]["configFile"] == "model-config.yaml"


def test_what_is_not_supported_is_said_in_the_log_and_does_no_harm(tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as logs:
        plan(tmp_path, "continuousBatching: true\nparallelType: pp\nbatchSize: many\n")
    notes = [log["note"] for log in logs]
    assert any("continuousBatching is not supported" in note for note in notes)
    assert any("parallelType is not supported" in note for note in notes)
    assert any("batchSize" in note and "ignored" in note for note in notes)


@pytest.mark.parametrize(
    ("manifest", "settings", "code", "words"),
    [
        ({"handler": ""}, {}, Code.INVALID_ARGUMENT, "its manifest names no handler"),
        ({}, {"min_workers": 2, "max_workers": 1}, Code.INVALID_ARGUMENT, "max_workers is 1"),
        ({"configFile": "no.yaml"}, {}, Code.FAILED_PRECONDITION, "names no.yaml, which is not there"),
        ({"configFile": "../x.yaml"}, {}, Code.INVALID_ARGUMENT, "which lies elsewhere"),
    ],
)
def test_what_cannot_be_run_is_refused_by_name(
    tmp_path: Path, manifest: dict[str, str], settings: dict[str, int], code: Code, words: str
) -> None:
    write(tmp_path, **manifest)
    own = ModelSettings(handler=HandlerSettings(**settings))
    with pytest.raises(DragomanError, match=words) as caught:
        make_plan(Artifact(str(tmp_path), "m", 1, own))
    assert caught.value.code is code


def test_another_runtime_is_refused(tmp_path: Path) -> None:
    write(tmp_path)
    path = tmp_path / "MAR-INF" / "MANIFEST.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"runtime": "LSP"}))
    with pytest.raises(DragomanError, match="only Python handlers"):
        make_plan(Artifact(str(tmp_path), "m", 1))


@pytest.mark.parametrize(("yields", "size"), [(False, 8), (True, 4)])
def test_what_the_owner_sets_may_yield_to_the_archive(tmp_path: Path, yields: bool, size: int) -> None:
    assert plan(tmp_path, "batchSize: 4", batch_size=8, yields=yields).batch_size == size


def test_what_yields_counts_where_the_archive_says_nothing(tmp_path: Path) -> None:
    found = plan(tmp_path, "", batch_size=8, job_queue_size=3, yields=True)
    assert (found.batch_size, found.queue, found.batch_delay_s) == (8, 3, 0.1)


@pytest.mark.parametrize(("named", "used"), [("own.py", "own.py"), ("", "usual.py")])
def test_a_handler_that_yields_is_for_manifests_without_one(tmp_path: Path, named: str, used: str) -> None:
    write(tmp_path, handler=named)
    settings = ModelSettings(handler=HandlerSettings(handler="usual.py", yields=True))
    assert make_plan(Artifact(str(tmp_path), "m", 1, settings)).handler == used


def test_there_may_be_a_worker_for_each_gpu_and_without_one_for_each_core(tmp_path: Path) -> None:
    cores = len(os.sched_getaffinity(0))
    found = plan(tmp_path, min_workers="devices")
    assert (found.minimum, found.maximum) == (cores, cores)
    settings = ModelSettings(handler=HandlerSettings(min_workers="devices"))
    assert make_plan(Artifact(str(tmp_path), "m", 1, settings), gpus=7).minimum == 7


def test_the_most_workers_are_never_fewer_than_another_place_wants_at_least(tmp_path: Path) -> None:
    found = plan(tmp_path, "minWorkers: 3", min_workers=1, max_workers=2, yields=True)
    assert (found.minimum, found.maximum) == (3, 3)


def test_a_worker_is_told_how_bodies_are_read(tmp_path: Path) -> None:
    told = plan(tmp_path, decode_input=False, limit_image_pixels=False).for_worker()
    assert (told["decode_input"], told["limit_image_pixels"]) == (False, False)


METRICS = """
dimensions: [&model ModelName]
ts_metrics: {counter: [{name: Requests2XX, unit: Count, dimensions: [Level]}]}
model_metrics:
  counter: [{name: Seen, unit: count, dimensions: [*model]}]
  gauge:
"""


def test_a_worker_is_told_the_metrics_that_a_file_of_the_model_defines(tmp_path: Path) -> None:
    (tmp_path / "metrics.yaml").write_text(METRICS)
    told = plan(tmp_path, metrics_file="metrics.yaml").for_worker()["metrics"]
    seen = {"name": "Seen", "unit": "count", "dimensions": ["ModelName"]}
    assert told == {"counter": [seen], "gauge": []}
    assert plan(tmp_path).for_worker()["metrics"] is None


def test_the_file_of_metrics_may_lie_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "metrics.yaml").write_text("model_metrics: {}")
    assert plan(tmp_path / "m", metrics_file=str(tmp_path / "metrics.yaml")).metrics == {}


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (None, Code.FAILED_PRECONDITION, "handler.metrics_file names f.yaml, which is not there"),
        ("ts_metrics: {}", Code.INVALID_ARGUMENT, "f.yaml: the key model_metrics is required"),
        ("model_metrics: {timer: []}", Code.INVALID_ARGUMENT, "f.yaml: model_metrics: .*'timer'"),
        ("model_metrics: {gauge: [{name: a}]}", Code.INVALID_ARGUMENT, "f.yaml: model_metrics: .*`unit`"),
        ("model_metrics: {", Code.INVALID_ARGUMENT, "f.yaml:1"),
    ],
)
def test_a_file_of_metrics_that_cannot_be_read_is_refused_by_name(
    tmp_path: Path, text: str | None, code: Code, words: str
) -> None:
    if text is not None:
        (tmp_path / "f.yaml").write_text(text)
    with pytest.raises(DragomanError, match=words) as caught:
        plan(tmp_path, metrics_file="f.yaml")
    assert caught.value.code is code
