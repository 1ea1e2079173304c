"""The benchmark's parts run; how fast they are is not asked here."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import layers, models, results
from bench.load import Load
from bench.rounds import QUICK, Figures
from bench.workloads import WORKLOADS, Workload


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench") / "models"
    models.write(folder)
    return folder


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_a_body_holds_the_values_that_the_bare_runtime_gets(workload: Workload) -> None:
    instances = np.array(json.loads(workload.body())["instances"], np.float32)
    np.testing.assert_array_equal(instances, workload.array())


def measured(module: str, repository: Path) -> Any:
    """What a program that measures in a process of its own prints."""
    command = [sys.executable, "-m", module, str(repository), "0.01"]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def test_the_bare_runtime_is_measured_for_every_workload(repository: Path) -> None:
    found = measured("bench.runtime", repository)
    assert found.keys() == {workload.name for workload in WORKLOADS}
    assert min(found.values()) > 0


def test_every_layer_is_measured_for_every_workload(repository: Path) -> None:
    found = measured("bench.layers", repository)
    assert found.keys() == {workload.name for workload in WORKLOADS}
    assert {tuple(times) for times in found.values()} == {layers.COLUMNS}
    assert min(min(times.values()) for times in found.values()) >= 0


def test_the_report_shows_rates_their_ratio_and_what_is_left_for_the_layers() -> None:
    layers_us = dict.fromkeys(layers.COLUMNS, 2.0)
    figures = Figures(WORKLOADS[0], Load(40_000, 1e-3, 2e-3), Load(100_000, 5e-4, 1e-3), 4e-6, layers_us)
    report = results.render([figures], QUICK)
    assert "| half_plus_two, one value | 64 | 40,000 | 1.00 | 2.00 | 100,000 | 0.40 |" in report
    assert "| half_plus_two, one value | 25.0 | 10.0 | 4.0 | 4,000 | 11.0 |" in report
