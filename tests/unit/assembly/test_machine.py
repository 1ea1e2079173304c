"""What is told of the machine, in TorchServe's words."""

import asyncio
import math
from pathlib import Path

import pytest

from dragoman.assembly import machine
from dragoman.assembly.machine import Machine, gpu_samples, read_gpus

STAT = "cpu {user} 0 0 {idle} 0 0 0 0 9 9\ncpu0 1 1 1 1\n"


def test_how_busy_the_cpu_was_counts_from_the_time_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "stat"
    monkeypatch.setattr(machine, "STAT", file)
    asked, found = Machine(), []
    for user, idle in ((50, 50), (60, 80), (60, 80)):
        file.write_text(STAT.format(user=user, idle=idle))
        found.append({name: value for name, value, _ in asked.samples()}["CPUUtilization"])
    assert found == [50.0, 25.0, 0.0]


def test_memory_and_disk_are_told_with_the_levels_name() -> None:
    found = {name: (value, labels) for name, value, labels in Machine().samples()}
    assert set(found) >= {"MemoryUsed", "MemoryAvailable", "MemoryUtilization", "DiskUsage", "DiskAvailable"}
    assert all(
        math.isfinite(value) and value >= 0 and labels == ("Host",) for value, labels in found.values()
    )
    assert found["MemoryUtilization"][0] <= 100


def test_what_is_not_told_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "STAT", tmp_path / "none")
    monkeypatch.setattr(machine, "MEMORY", tmp_path / "none")
    assert {name[:4] for name, _, _ in Machine().samples()} == {"Disk"}


def test_gpus_are_told_by_their_numbers() -> None:
    told = "0, 3, 512, 40\n1, [N/A], 9, [N/A]\n2, 1, 1, 1\n"
    assert list(read_gpus(told, 2)) == [
        ("GPUMemoryUtilization", 3.0, ("Host", "0")),
        ("GPUMemoryUsed", 512.0, ("Host", "0")),
        ("GPUUtilization", 40.0, ("Host", "0")),
        ("GPUMemoryUsed", 9.0, ("Host", "1")),
    ]


def test_without_the_program_that_tells_of_them_nothing_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "GPUS", ("/there/is/no/such/program",))
    assert asyncio.run(gpu_samples(1)) == []
    monkeypatch.setattr(machine, "GPUS", ("echo", "0, 1, 2, 3"))
    assert len(asyncio.run(gpu_samples(1))) == 3
    assert asyncio.run(gpu_samples(0)) == []
