"""The archives of the cases are what their descriptions say."""

import json
import zipfile
from pathlib import Path

from tests.conformance.handler_archives import descriptions, loaded_at_start, write


def test_every_archive_that_is_described_is_written(tmp_path: Path) -> None:
    assert sorted(write(tmp_path)) == sorted(descriptions()) == sorted(p.name for p in tmp_path.iterdir())


def test_some_can_be_chosen(tmp_path: Path) -> None:
    assert list(write(tmp_path, ["echo_v2.mar"])) == ["echo_v2.mar"]


def test_they_hold_what_is_described(tmp_path: Path) -> None:
    held = {}
    for name, path in write(tmp_path).items():
        with zipfile.ZipFile(path) as archive:
            held[name] = {info.filename: archive.read(info).decode() for info in archive.infolist()}
    assert "MAR-INF/MANIFEST.json" not in held["nomanifest.mar"]
    assert held["slip.mar"]["../../escaped.txt"] == "x"
    assert held["types_out.mar"]["index_to_name.json"] == '{"0": "cat"}'
    assert held["slow.mar"]["model-config.yaml"].startswith("minWorkers: 1")
    assert json.loads(held["minimal.mar"]["MAR-INF/MANIFEST.json"]) == {
        "model": {"modelName": "minimal", "handler": "echo.py"}
    }
    assert json.loads(held["echo_v2.mar"]["MAR-INF/MANIFEST.json"]) == {
        "runtime": "python",
        "model": {"modelName": "echo", "handler": "echo.py", "modelVersion": "2.0"},
    }


def test_the_first_of_a_name_that_a_server_loads_is_its_default() -> None:
    assert loaded_at_start()[:2] == ["echo_v1.mar", "echo_v2.mar"]
