"""`dragoman convert` with models of PyTorch and TensorFlow."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import safetensors.torch
import tensorflow as tf
import torch

from tests.e2e.process import dragoman_run

DECLARED = """options:
  inputs:
    image: {dtype: float32, shape: [null, 3, 8, 8]}
  outputs:
    scores: {dtype: float32, shape: [null, 3]}
"""
CLASS = """
import torch


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(144, 3)
        )

    def forward(self, image):
        return self.layers(image)
"""


def network() -> torch.nn.Module:
    torch.manual_seed(7)
    names: dict[str, Any] = {}
    exec(CLASS, names)
    made: torch.nn.Module = names["Model"]()
    return made.eval()


def exported(folder: Path) -> Path:
    rows = {"image": {0: torch.export.Dim("rows")}}
    program = torch.export.export(network(), (torch.rand(2, 3, 8, 8),), dynamic_shapes=rows)
    torch.export.save(program, folder / "net.pt2")
    return folder / "net.pt2"


def fixed(folder: Path) -> Path:
    torch.export.save(torch.export.export(network(), (torch.rand(2, 3, 8, 8),)), folder / "net.pt2")
    return folder / "net.pt2"


def script(folder: Path) -> Path:
    made = folder / "net"
    made.mkdir()
    (made / "model.yaml").write_text(DECLARED)
    torch.jit.save(torch.jit.trace(network(), torch.rand(2, 3, 8, 8)), made / "model.pt")
    return made


def weights(folder: Path) -> Path:
    made = folder / "net"
    made.mkdir()
    (made / "model.yaml").write_text(DECLARED)
    (made / "model.py").write_text(CLASS)
    safetensors.torch.save_model(network(), made / "model.safetensors")
    return made


def converted(path: Path, *flags: str) -> Any:
    run = dragoman_run("convert", str(path), "--json", "--rows", "64", *flags)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("make", [exported, fixed, script, weights])
def test_a_model_of_pytorch_answers_as_onnx_as_it_did(tmp_path: Path, make: Any) -> None:
    found = converted(make(tmp_path), "--trust-code")
    assert (found["engine"], found["agreement"]["rows"]) == ("torch", 64)
    session = onnxruntime.InferenceSession(found["output"])
    image = np.random.default_rng(1).random((2, 3, 8, 8)).astype(np.float32)
    (answer,) = session.run(None, {"image": image})
    assert answer == pytest.approx(network()(torch.from_numpy(image)).detach().numpy(), abs=1e-5)


def test_a_program_is_code_and_is_not_read_without_trust(tmp_path: Path) -> None:
    run = dragoman_run("convert", str(exported(tmp_path)))
    assert run.returncode == 1
    assert "net.pt2 is code (engine torch)" in run.stderr


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_does_not_say_its_types_is_to_have_them_declared(tmp_path: Path) -> None:
    path = script(tmp_path)
    (path / "model.yaml").unlink()
    run = dragoman_run("convert", str(path), "--trust-code")
    assert run.returncode == 1
    assert "declare options.inputs and options.outputs in its model.yaml" in run.stderr


class Scores(tf.Module):
    """Two outputs of one input, and a second signature."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = tf.Variable(tf.random.Generator.from_seed(1).normal([4, 3]))

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="x")])
    def score(self, x: Any) -> Any:
        scores = tf.nn.softmax(x @ self.weights)
        return {"scores": scores, "label": tf.argmax(scores, axis=1)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="y")])
    def other(self, y: Any) -> Any:
        return {"twice": y * 2}


def test_a_saved_model_answers_as_onnx_by_its_default_signature(tmp_path: Path) -> None:
    model = Scores()
    path = tmp_path / "net" / "3"
    tf.saved_model.save(model, str(path), signatures={"serving_default": model.score, "other": model.other})
    run = dragoman_run("convert", str(tmp_path / "net"), "--rows", "64")
    assert run.returncode == 0, run.stderr
    assert "left out, as the ONNX has only serving_default: other" in run.stderr
    session = onnxruntime.InferenceSession(tmp_path / "net-onnx" / "3" / "model.onnx")
    x = np.random.default_rng(1).random((5, 4)).astype(np.float32)
    label, scores = session.run(["label", "scores"], {"x": x})
    expected = model.score(tf.constant(x))
    assert np.array_equal(label, expected["label"].numpy())
    assert scores == pytest.approx(expected["scores"].numpy(), abs=1e-6)


def test_a_saved_model_that_reads_examples_has_no_onnx_and_says_why(tmp_path: Path) -> None:
    class Parses(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def parse(self, examples: Any) -> Any:
            features = {"x": tf.io.FixedLenFeature([], tf.float32)}
            return {"y": tf.io.parse_example(examples, features)["x"] * 2}

    model = Parses()
    tf.saved_model.save(model, str(tmp_path / "net" / "1"), signatures={"serving_default": model.parse})
    run = dragoman_run("convert", str(tmp_path / "net"), "--rows", "4")
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    assert [entry.name for entry in tmp_path.iterdir()] == ["net"]
