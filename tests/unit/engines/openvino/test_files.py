"""Which files OpenVINO claims."""

from pathlib import Path

import pytest

from dragoman.assembly.builtin import engines
from dragoman.engines.openvino import OpenVinoEngine
from dragoman.engines.openvino.files import model_bytes, to_read
from dragoman.repository.tree import scan
from dragoman.settings.model import ModelSettings

NAMED = ModelSettings(engine="openvino")


def lay(folder: Path, *names: str) -> Path:
    """Empty files of these names."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


@pytest.mark.parametrize(
    ("names", "required"),
    [
        (["model.xml", "model.bin", "other.xml"], ("model.xml", "model.bin")),
        (["resnet.xml", "resnet.bin", "labels.txt"], ("resnet.xml", "resnet.bin")),
        (["resnet.xml"], ("resnet.xml", "resnet.bin")),
        (["one.xml", "two.xml"], None),
        (["saved_model.pb", "variables/variables.index"], ("saved_model.pb",)),
        (["small.tflite"], ("small.tflite",)),
        (["inference.pdmodel", "inference.pdiparams"], ("inference.pdmodel", "inference.pdiparams")),
        (["model.onnx"], None),
        (["frozen.pb"], None),
        (["deeper/model.xml"], None),
    ],
)
def test_it_claims_its_own_files_and_those_that_it_may_read(
    tmp_path: Path, names: list[str], required: tuple[str, ...] | None
) -> None:
    claim = OpenVinoEngine.claim(scan(str(lay(tmp_path, *names))), ModelSettings())
    assert (claim.required if claim else None) == required
    assert claim is None or claim.entry == claim.required[0]


@pytest.mark.parametrize("name", ["model.onnx", "frozen.pb", "saved_model.pb", "model.tflite"])
def test_named_in_model_yaml_it_claims_whatever_it_reads(tmp_path: Path, name: str) -> None:
    claim = OpenVinoEngine.claim(scan(str(lay(tmp_path, name))), NAMED)
    assert claim is not None
    assert claim.entry == name


def test_an_ir_that_is_served_by_its_file_needs_no_other_file_to_be_listed(tmp_path: Path) -> None:
    lay(tmp_path, "resnet.xml", "resnet.bin")
    claim = OpenVinoEngine.claim(scan(str(tmp_path / "resnet.xml")), ModelSettings())
    assert claim is not None
    assert claim.required == ("resnet.xml",)


@pytest.mark.parametrize(
    ("names", "engine"),
    [
        (["model.onnx", "model.xml", "model.bin"], "onnx"),
        (["saved_model.pb"], "tensorflow"),
        (["model.tflite"], "tflite"),
        (["model.py", "config.xml"], "python"),
        (["model.xml", "model.bin"], "openvino"),
    ],
)
def test_it_is_asked_after_all_others(tmp_path: Path, names: list[str], engine: str) -> None:
    tree = scan(str(lay(tmp_path, *names)))
    claiming = [name for name, one in engines().items() if one.claim(tree, ModelSettings())]
    assert claiming[0] == engine


def test_a_models_size_is_that_of_the_files_that_belong_to_it(tmp_path: Path) -> None:
    sizes = {
        "a.xml": 1,
        "a.bin": 10,
        "b.xml": 100,
        "s/saved_model.pb": 1000,
        "s/variables/v": 10_000,
        "o.onnx": 7,
    }
    for name, size in sizes.items():
        lay(tmp_path, name)
        (tmp_path / name).write_bytes(b"x" * size)
    assert model_bytes(str(tmp_path / "a.xml")) == 11
    assert model_bytes(str(tmp_path / "s" / "saved_model.pb")) == 11_000
    assert model_bytes(str(tmp_path / "o.onnx")) == 118  # external data may be any file beside it


def test_of_a_saved_model_the_folder_is_read() -> None:
    assert to_read("/models/half/1/saved_model.pb") == "/models/half/1"
    assert to_read("/models/half/1/frozen.pb") == "/models/half/1/frozen.pb"
