"""The models that are measured, as ONNX files made on the spot with seeded random weights."""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.conformance.reference_models import build, half_plus, tensor

SEED: Final = 20_260_801
MLP_WIDTHS: Final = (32, 64, 64, 3)
IMAGE_SHAPE: Final = (224, 224, 3)
IMAGE_CLASSES: Final = 10
PICTURE_SHAPE: Final = (1, 3, 224, 224)


def mlp() -> onnx.ModelProto:
    """A float32 perceptron 32-64-64-3 with ReLU between its layers."""
    random = np.random.default_rng(SEED)
    nodes, constants, value = [], [], "x"
    layers = list(pairwise(MLP_WIDTHS))
    for number, (width, following) in enumerate(layers):
        weights = random.standard_normal((width, following)).astype(np.float32) / np.float32(width**0.5)
        constants += [
            numpy_helper.from_array(weights, f"w{number}"),
            numpy_helper.from_array(np.zeros(following, np.float32), f"b{number}"),
        ]
        last = number == len(layers) - 1
        total = "y" if last else f"total{number}"
        nodes.append(helper.make_node("Gemm", [value, f"w{number}", f"b{number}"], [total]))
        if not last:
            value = f"hidden{number}"
            nodes.append(helper.make_node("Relu", [total], [value]))
    return build(
        nodes,
        [tensor("x", TensorProto.FLOAT, ["N", MLP_WIDTHS[0]])],
        [tensor("y", TensorProto.FLOAT, ["N", MLP_WIDTHS[-1]])],
        constants,
    )


def image() -> onnx.ModelProto:
    """Weighs an image's mean colours: cheap, so that the way there and back is what is measured."""
    random = np.random.default_rng(SEED)
    weights = random.standard_normal((IMAGE_SHAPE[-1], IMAGE_CLASSES)).astype(np.float32)
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["colour"], axes=[1, 2], keepdims=0),
        helper.make_node("MatMul", ["colour", "w"], ["y"]),
    ]
    return build(
        nodes,
        [tensor("x", TensorProto.FLOAT, ["N", *IMAGE_SHAPE])],
        [tensor("y", TensorProto.FLOAT, ["N", IMAGE_CLASSES])],
        [numpy_helper.from_array(weights, "w")],
    )


def picture() -> onnx.ModelProto:
    """Gives one pixel of an image: as good as nothing, so that what becomes of a file is what is measured."""
    middle = PICTURE_SHAPE[-1] // 2
    bounds = {"start": [middle, middle], "end": [middle + 1, middle + 1], "axes": [2, 3]}
    nodes = [
        helper.make_node("Slice", ["x", *bounds], ["pixel"]),
        helper.make_node("Flatten", ["pixel"], ["y"]),
    ]
    return build(
        nodes,
        [tensor("x", TensorProto.FLOAT, list(PICTURE_SHAPE))],
        [tensor("y", TensorProto.FLOAT, list(PICTURE_SHAPE[:2]))],
        [numpy_helper.from_array(np.array(values, np.int64), name) for name, values in bounds.items()],
    )


def write(folder: Path) -> None:
    """Lay the models out as a repository."""
    perceptron = mlp()
    models = {
        "half_plus_two": half_plus(2.0),
        "mlp": perceptron,
        "mlp_batched": perceptron,
        "image": image(),
        "picture": picture(),
    }
    lay_out(folder, models)
    (folder / "mlp_batched" / "model.yaml").write_text("batching: {max_size: 64}\n", encoding="utf-8")


def write_for_openvino(folder: Path) -> None:
    """The perceptron as a repository, once for ONNX Runtime and once for OpenVINO."""
    perceptron = mlp()
    lay_out(folder, {"mlp": perceptron, "mlp_openvino": perceptron})
    (folder / "mlp_openvino" / "model.yaml").write_text("engine: openvino\n", encoding="utf-8")


def lay_out(folder: Path, models: Mapping[str, onnx.ModelProto]) -> None:
    """Models as version 1 each."""
    for name, model in models.items():
        version = folder / name / "1"
        version.mkdir(parents=True)
        onnx.save(model, version / "model.onnx")
