"""TorchServe's logs of metrics are written by a thread, and a folder that cannot be is no failure."""

import re
from pathlib import Path

import pytest

from dragoman.assembly import metrics_log
from dragoman.assembly.metrics_log import LogFile, MetricsLog


def test_lines_are_written_with_their_times_each_to_its_file(tmp_path: Path) -> None:
    log = MetricsLog(str(tmp_path / "logs"))
    log.write("a.log", 1_700_000_000.25, "one")
    log.write("b.log", 1_700_000_001.0, "two")
    log.write("a.log", 1_700_000_002.0, "three")
    log.close()
    lines = (tmp_path / "logs" / "a.log").read_text().splitlines()
    assert [line.partition(" - ")[2] for line in lines] == ["one", "three"]
    assert re.match(r"2023-11-1\dT\d\d:\d\d:20,250 - ", lines[0])
    assert (tmp_path / "logs" / "b.log").read_text().endswith(",000 - two\n")


def test_a_file_that_has_grown_is_put_aside_and_the_oldest_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics_log, "FILE_BYTES", 1)
    monkeypatch.setattr(metrics_log, "OLD_FILES", 2)
    file = LogFile(str(tmp_path / "a.log"))
    for line in ("one", "two", "three", "four"):
        file.write([line])
    file.close()
    found = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert found == {"a.log": "four\n", "a.log.1": "three\n", "a.log.2": "two\n"}


def test_a_full_disk_ends_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.log").symlink_to("/dev/full")
    log = MetricsLog(str(tmp_path))
    log.write("a.log", 1.0, "one")
    log.close()


def test_a_folder_that_cannot_be_written_ends_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    log = MetricsLog(str(tmp_path / "file" / "logs"))
    log.write("a.log", 1.0, "one")
    log.close()


def test_without_a_line_there_is_no_folder(tmp_path: Path) -> None:
    MetricsLog(str(tmp_path / "logs")).close()
    assert not (tmp_path / "logs").exists()
