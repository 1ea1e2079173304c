"""Engines whose packages are extras: what they say where one is missing, and that they wait for it."""

import subprocess
import sys
from pathlib import Path

import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.engines.base import Artifact, Engine
from dragoman.engines.embedder import EmbedderEngine
from dragoman.engines.genai import GenAiEngine
from dragoman.engines.lightgbm import LightGbmEngine
from dragoman.engines.openvino import OpenVinoEngine
from dragoman.engines.sklearn import SklearnEngine, SkopsEngine
from dragoman.engines.tensorflow import TensorFlowEngine
from dragoman.engines.tflite import TfLiteEngine
from dragoman.engines.torch import TorchEngine
from dragoman.engines.transformers import TransformersEngine
from dragoman.engines.xgboost import XgboostEngine

ENGINES = [
    (TensorFlowEngine(), "tensorflow", "saved_model.pb"),
    (TfLiteEngine(), "ai_edge_litert", "model.tflite"),
    (OpenVinoEngine(), "openvino", "model.xml"),
    (TorchEngine(), "torch", "model.pt"),
    (EmbedderEngine(), "tokenizers", "model.onnx"),
    (GenAiEngine(), "openvino_genai", "openvino_model.xml"),
    (TransformersEngine(), "transformers", "config.json"),
    (SklearnEngine(), "sklearn", "model.joblib"),
    (SkopsEngine(), "skops", "model.skops"),
    (XgboostEngine(), "xgboost", "model.ubj"),
    (LightGbmEngine(), "lightgbm", "model.txt"),
]
EXTRAS = {
    "openvino-genai": "genai",
    "embedder": "embeddings",
    "skops": "sklearn",
    "xgboost": "trees",
    "lightgbm": "trees",
}  # where the extra is called otherwise than the engine


@pytest.mark.parametrize(("engine", "package", "file"), ENGINES, ids=[package for _, package, _ in ENGINES])
def test_a_missing_package_is_named_with_the_extra_that_brings_it(
    engine: Engine, package: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / file).write_bytes(b"")
    (tmp_path / "config.json").write_text('{"n_ctx": 8}', encoding="utf-8")  # which engines of texts read
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(DragomanError) as caught:
        engine.load(Artifact(str(tmp_path / file), "demo", 1), {})
    assert caught.value.code is Code.FAILED_PRECONDITION
    assert f"pip install 'dragoman[{EXTRAS.get(engine.name, engine.name)}]'" in caught.value.message
    assert engine.package == package
    assert not engine.is_installed()


@pytest.mark.parametrize(("engine", "package", "file"), ENGINES, ids=[package for _, package, _ in ENGINES])
def test_an_engine_is_imported_without_its_package(engine: Engine, package: str, file: str) -> None:
    code = f"import sys, {type(engine).__module__}; sys.exit('{package}' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
