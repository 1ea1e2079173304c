"""What a file is, told without reading anything in it that could run."""

import pickle
import zipfile
from pathlib import Path

import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.engines.torch.files import Kind, kind_of


def packed(folder: Path, *names: str) -> str:
    """A ZIP file with members of these names."""
    path = folder / "model.pt"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"")
    return str(path)


def refused(path: str) -> DragomanError:
    with pytest.raises(DragomanError) as caught:
        kind_of(path)
    assert caught.value.message.startswith("model.pt does not load: ")
    return caught.value


def test_torchscript_has_constants_and_an_exported_program_its_graph(tmp_path: Path) -> None:
    assert kind_of(packed(tmp_path, "net/data.pkl", "net/constants.pkl", "net/code/x.py")) is Kind.SCRIPT
    assert kind_of(packed(tmp_path, "net/models/model.json", "net/data/weights/0")) is Kind.EXPORT
    assert kind_of(packed(tmp_path, "version", "serialized_exported_program.json")) is Kind.EXPORT


def test_what_torch_save_wrote_is_refused_with_what_to_do(tmp_path: Path) -> None:
    error = refused(packed(tmp_path, "net/data.pkl", "net/data/0", "net/version"))
    assert error.code is Code.FAILED_PRECONDITION
    assert "it is a pickle, as torch.save writes" in error.message
    assert "torch.export.save" in error.message
    assert "safetensors" in error.message


def test_so_is_what_older_releases_wrote(tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(pickle.dumps([1]))
    assert "it is a pickle" in refused(str(tmp_path / "model.pt")).message


def test_a_compiled_program_is_refused_by_its_name(tmp_path: Path) -> None:
    error = refused(packed(tmp_path, "net/data/aotinductor/model/x.so", "net/archive_format"))
    assert error.code is Code.FAILED_PRECONDITION
    assert "compiled by AOTInductor" in error.message


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"GIF89a"])
def test_anything_else_is_no_model(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.pt").write_bytes(content)
    error = refused(str(tmp_path / "model.pt"))
    assert error.code is Code.INTERNAL
    assert "truncated, damaged or of another kind" in error.message


def test_a_zip_file_of_other_things_is_no_model(tmp_path: Path) -> None:
    assert refused(packed(tmp_path, "word/document.xml")).code is Code.INTERNAL
