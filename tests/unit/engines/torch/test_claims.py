"""Which files the torch engine takes for its own, and which are others'."""

from pathlib import Path
from typing import Any, Final

import pytest

from dragoman.assembly.builtin import ENGINES
from dragoman.engines.torch import TorchEngine
from dragoman.repository.tree import scan
from dragoman.settings.model import ModelSettings

CLASS: Final = "model.py"
INDEX: Final = "model.safetensors.index.json"


def claimed(folder: Path, *names: str, engine: str | None = None, **options: Any) -> str | None:
    """The entry of the torch engine's claim on a folder with these files."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    claim = TorchEngine.claim(scan(str(folder)), ModelSettings(engine=engine, options=options))
    return None if claim is None else claim.entry


@pytest.mark.parametrize(
    ("names", "entry"),
    [
        (["model.pt"], "model.pt"),
        (["model.pt2"], "model.pt2"),
        (["resnet.pt", "labels.json"], "resnet.pt"),
        (["resnet.pt2"], "resnet.pt2"),
        (["model.pt", "model.pt2", "other.pt"], "model.pt2"),
        (["one.pt", "two.pt"], None),
        (["model.safetensors", CLASS], "model.safetensors"),
        (["net.safetensors", CLASS], "net.safetensors"),
        (["model.safetensors", "lora.safetensors", CLASS], "model.safetensors"),
        ([INDEX, "a.safetensors", "b.safetensors", CLASS], INDEX),
        (["model.safetensors"], None),
        (["model.pt", CLASS], None),
        (["weights.pth"], None),
        (["MAR-INF/MANIFEST.json", "model.pt"], None),
        (["MAR-INF/MANIFEST.json", "model.safetensors", CLASS], None),
    ],
)  # fmt: skip
def test_it_claims_what_pytorch_saves(tmp_path: Path, names: list[str], entry: str | None) -> None:
    assert claimed(tmp_path, *names) == entry


def test_both_the_weights_and_the_class_have_to_be_there(tmp_path: Path) -> None:
    claimed(tmp_path, "model.safetensors", CLASS)
    claim = TorchEngine.claim(scan(str(tmp_path)), ModelSettings())
    assert claim is not None
    assert claim.required == ("model.safetensors", CLASS)


def test_the_options_may_name_the_file_of_the_class(tmp_path: Path) -> None:
    assert claimed(tmp_path, "model.safetensors", "net.py") is None
    assert claimed(tmp_path, "model.safetensors", class_file="net.py") == "model.safetensors"
    assert claimed(tmp_path, class_file="../net.py") is None
    assert claimed(tmp_path, class_file=["net.py"]) is None


def test_a_model_file_beside_another_engines_is_not_taken_unless_the_engine_is_named(tmp_path: Path) -> None:
    assert claimed(tmp_path, "model.pt", CLASS) is None
    assert claimed(tmp_path, engine="torch") == "model.pt"
    (tmp_path / CLASS).rename(tmp_path / "model.xml")
    assert claimed(tmp_path) is None
    assert claimed(tmp_path, engine="torch") == "model.pt"


@pytest.mark.parametrize(
    ("names", "engine"),
    [
        (["model.py"], "python"),
        (["model.py", "weights.pt"], "python"),
        (["model.py", "model.pt"], "python"),
        (["model.py", "model.safetensors"], "torch"),
        (["model.onnx", "model.pt"], "onnx"),
        (["saved_model.pb", "model.pt"], "tensorflow"),
        (["model.tflite", "model.pt"], "tflite"),
        (["model.xml", "model.bin", "model.pt"], "openvino"),
    ],
)
def test_among_all_engines_the_first_that_claims_has_it(
    tmp_path: Path, names: list[str], engine: str
) -> None:
    for name in names:
        (tmp_path / name).touch()
    tree = scan(str(tmp_path))
    claims = [each.name for each in ENGINES if each.claim(tree, ModelSettings())]
    assert claims[0] == engine
