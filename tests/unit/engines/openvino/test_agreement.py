"""OpenVINO and ONNX Runtime give the same answers for the same ONNX files.

Integers, booleans and strings are equal; floating-point numbers differ by 1e-5 of their value plus 1e-6, in
random models by 1e-5 of the largest value plus 1e-5, as these may subtract what is nearly equal.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, note
from onnx import helper, numpy_helper

from bench.models import image, mlp
from dragoman.core.requests import TensorRequest
from dragoman.core.signatures import DEFAULT_SIGNATURE
from dragoman.core.tensors import Array, DType, Tensor
from dragoman.engines.base import Artifact, Engine
from dragoman.engines.onnx import OnnxEngine
from dragoman.engines.openvino import OpenVinoEngine
from tests.conformance.reference_models import reference_models
from tests.contract.engines import CALL
from tests.unit.engines import graphs
from tests.unit.engines.openvino.random_models import RandomModel, random_models

RELATIVE, ABSOLUTE = 1e-5, 1e-6
OPEN_SIZE = 5


def convolutions() -> onnx.ModelProto:
    """A small net as image classifiers are: convolutions, batch norms, pooling, a softmax."""
    random = np.random.default_rng(11)
    nodes, constants, value, channels = [], [], "x", 3
    for layer, width in enumerate((8, 16)):
        shapes = {"w": (width, channels, 3, 3), "scale": (width,), "shift": (width,), "mean": (width,)}
        arrays = {name: random.standard_normal(shape) * 0.2 for name, shape in shapes.items()}
        arrays["variance"] = random.random(width) + 0.5
        names = {name: f"{name}{layer}" for name in arrays}
        constants += [
            numpy_helper.from_array(array.astype(np.float32), names[name]) for name, array in arrays.items()
        ]
        nodes += [
            helper.make_node("Conv", [value, names["w"]], [f"c{layer}"], pads=[1, 1, 1, 1], strides=[2, 2]),
            helper.make_node(
                "BatchNormalization",
                [f"c{layer}", *(names[name] for name in ("scale", "shift", "mean", "variance"))],
                [f"n{layer}"],
            ),
            helper.make_node("Relu", [f"n{layer}"], [f"r{layer}"]),
        ]
        value, channels = f"r{layer}", width
    nodes += [
        helper.make_node("GlobalAveragePool", [value], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Softmax", ["flat"], ["y"], axis=1),
    ]
    given = graphs.value("x", DType.FP32, ["N", 3, 32, 32])
    return graphs.graph(nodes, [given], [graphs.value("y", DType.FP32, ["N", 16])], constants)


MODELS = {
    **{f"{name}-{version}": model for (name, version), model in reference_models().items()},
    "mlp": mlp(),
    "image": image(),
    "convolutions": convolutions(),
}


def answers(engine: Engine, file: Path, **options: object) -> Mapping[str, Tensor]:
    """What an engine gives for made-up inputs, the same for every engine."""
    model = engine.load(Artifact(str(file), "demo", 1), options)
    random = np.random.default_rng(5)
    inputs = {}
    for name, spec in sorted(model.signatures[DEFAULT_SIGNATURE].inputs.items()):
        shape = [OPEN_SIZE if size is None else size for size in spec.shape or (None,)]
        inputs[name] = Tensor(spec.dtype, made_up(random, spec.dtype, shape))
    return model.infer(TensorRequest(DEFAULT_SIGNATURE, inputs), CALL).outputs


def made_up(random: np.random.Generator, dtype: DType, shape: list[int]) -> Array:
    """Values of a type."""
    if dtype is DType.BYTES:
        return np.array(
            [b"text %d" % number for number in random.integers(0, 99, shape).ravel()], object
        ).reshape(shape)
    if dtype.is_float:
        return random.standard_normal(shape).astype(dtype.numpy)
    return random.integers(0, 2 if dtype is DType.BOOL else 100, shape).astype(dtype.numpy)


@pytest.mark.parametrize("name", MODELS)
def test_both_give_the_same(name: str, tmp_path: Path) -> None:
    file = graphs.save(MODELS[name], tmp_path / "model.onnx")
    expected = answers(OnnxEngine(), file)
    options = {"shape": "(-1)"} if name.startswith("echo_") else {}
    found = answers(OpenVinoEngine(), file, **options)
    assert list(found) == list(expected)
    for key, tensor in expected.items():
        assert found[key].dtype is tensor.dtype
        assert found[key].array.shape == tensor.array.shape
        if tensor.dtype.is_float:
            np.testing.assert_allclose(found[key].array, tensor.array, rtol=RELATIVE, atol=ABSOLUTE)
        else:
            assert found[key].array.tolist() == tensor.array.tolist()


@given(random_models())
def test_both_give_the_same_for_random_models_and_batches(
    tmp_path_factory: pytest.TempPathFactory, made: RandomModel
) -> None:
    note(onnx.printer.to_text(made.proto))
    file = graphs.save(made.proto, tmp_path_factory.mktemp("random") / "model.onnx")
    engines = (OnnxEngine(), OpenVinoEngine())
    models = [engine.load(Artifact(str(file), "random", 1), {}) for engine in engines]
    for batch in made.batches:
        request = TensorRequest(DEFAULT_SIGNATURE, {"x": Tensor(made.dtype, batch)})
        expected, found = (model.infer(request, CALL).outputs for model in models)
        assert list(found) == list(expected)
        for name, tensor in expected.items():
            assert found[name].dtype is tensor.dtype is made.dtype
            assert found[name].array.shape == tensor.array.shape
            largest = float(np.abs(tensor.array).max(initial=0))
            close = 1e-5 * (largest + 1) if made.dtype.is_float else 0
            np.testing.assert_allclose(found[name].array, tensor.array, rtol=0, atol=close)
