"""What is made from the .proto files fits them."""

import shutil
from pathlib import Path

import pytest

from tests.meta import protos

Capture = pytest.CaptureFixture[str]


def test_the_descriptor_set_and_the_stubs_fit_the_definitions() -> None:
    assert protos.main(["--check"]) == 0


def test_what_is_stale_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    shutil.copytree(protos.PROTOS, tmp_path, dirs_exist_ok=True)
    (tmp_path / "dragoman" / "new.proto").write_text('syntax = "proto3";')
    (tmp_path / "dragoman" / "tensor_pb2.pyi").write_text("")
    monkeypatch.setattr(protos, "PROTOS", tmp_path)
    assert protos.main(["--check"]) == 1
    shown = capsys.readouterr().out
    assert "dragoman/new_pb2.pyi, dragoman/tensor_pb2.pyi" in shown
    assert protos.main(["--write"]) == 0
    assert protos.main(["--check"]) == 0


def test_stubs_import_each_other_from_our_package() -> None:
    stub = protos.compiled()["tensorflow_serving/apis/predict_pb2.pyi"].decode()
    assert "from dragoman.wire.protos.tensorflow.core.framework import tensor_pb2" in stub
    assert "\nfrom tensorflow" not in stub
