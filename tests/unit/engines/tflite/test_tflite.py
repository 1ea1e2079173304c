"""The LiteRT engine: what every engine keeps, and what is its own."""

import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import TensorRequest
from dragoman.core.signatures import DEFAULT_SIGNATURE
from dragoman.core.tensors import Array, DType
from dragoman.engines.base import Artifact, LoadedModel
from dragoman.engines.tflite import TfLiteEngine
from dragoman.engines.tflite.model import TfLiteModel
from dragoman.repository.tree import scan
from dragoman.settings.model import ModelSettings
from tests.contract.engines import CALL, EngineContract, tensor
from tests.unit.engines.tensorflow.saved_models import tf, v1
from tests.unit.engines.tflite.files import keep, write


def spec(name: str, dtype: DType = DType.FP32, shape: tuple[int | None, ...] = (None,)) -> Any:
    return tf.TensorSpec(shape, "string" if dtype is DType.BYTES else dtype.value, name)


class TestTfLite(EngineContract):
    engine = TfLiteEngine()
    entry = "model.tflite"

    def write_echo(self, folder: Path, dtype: DType) -> None:
        echo = (lambda x: {"y": tf.identity(x)}, [spec("x", dtype, (None, None))])
        write(folder, serving_default=echo)
        shutil.rmtree(folder / "saved")

    def write_pair(self, folder: Path) -> None:
        inputs = [spec("a", DType.FP32, (None, 3)), spec("b", DType.INT64)]
        write(folder, serving_default=(lambda a, b: {"c": a * 1.0, "d": b + 0}, inputs))
        shutil.rmtree(folder / "saved")

    def in_memory(self, model: LoadedModel) -> object:
        assert isinstance(model, TfLiteModel)
        return model._free[0].interpreter


def load(file: Path, options: Mapping[str, Any] | None = None) -> TfLiteModel:
    return TfLiteEngine().load(Artifact(str(file), "demo", 1), options or {})


def infer(model: LoadedModel, signature: str = DEFAULT_SIGNATURE, **inputs: Array) -> Mapping[str, Array]:
    request = TensorRequest(signature, {name: tensor(array) for name, array in inputs.items()})
    return {name: answer.array for name, answer in model.infer(request, CALL).outputs.items()}


def refusal(model: LoadedModel, **inputs: Array) -> DragomanError:
    with pytest.raises(DragomanError) as caught:
        infer(model, **inputs)
    return caught.value


def floats(*values: float) -> Array:
    return np.array(values, np.float32)


@pytest.mark.parametrize(
    ("names", "entry"),
    [
        (["model.tflite", "other.tflite"], "model.tflite"),
        (["mobilenet.tflite", "labels.txt"], "mobilenet.tflite"),
        (["one.tflite", "two.tflite"], None),
    ],
)
def test_it_claims_model_tflite_or_the_only_file(tmp_path: Path, names: list[str], entry: str | None) -> None:
    for name in names:
        (tmp_path / name).touch()
    claim = TfLiteEngine.claim(scan(str(tmp_path)), ModelSettings())
    assert (claim.entry if claim else None) == entry


def test_every_signature_is_there_with_subgraphs_of_their_own(tmp_path: Path) -> None:
    half = (lambda x: {"y": x / 2 + 2}, [spec("x")])
    sums = (lambda a, b: {"sum": a + b}, [spec("a"), spec("b")])
    model = load(write(tmp_path, half=half, sums=sums))
    assert sorted(model.signatures) == ["half", "sums"]
    for _ in range(2):  # neither disturbs the other
        assert infer(model, "half", x=floats(1, 2, 5))["y"].tolist() == [2.5, 3.0, 4.5]
        assert infer(model, "sums", a=floats(1, 2), b=floats(3, 4))["sum"].tolist() == [4, 6]


def test_a_file_without_signatures_has_one_of_the_names_in_its_graph(tmp_path: Path) -> None:
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [2], "x")
        converter = v1.lite.TFLiteConverter.from_session(session, [x], [tf.add(x / 2, 2, "y")])
        model = load(keep(converter.convert(), tmp_path))
    assert list(model.signatures) == [DEFAULT_SIGNATURE]
    assert infer(model, x=floats(1, 2))["y"].tolist() == [2.5, 3.0]


def test_a_batch_of_another_size_gets_room(tmp_path: Path) -> None:
    model = load(write(tmp_path, serving_default=(lambda x: {"y": x * 2}, [spec("x", shape=(None, 2))])))
    for rows in (1, 5, 5, 2, 0):
        assert infer(model, x=np.ones((rows, 2), np.float32))["y"].shape == (rows, 2)


def test_a_size_that_the_file_fixes_is_not_given_up(tmp_path: Path) -> None:
    model = load(write(tmp_path, serving_default=(lambda x: {"y": x * 2}, [spec("x", shape=(1, 4))])))
    assert (
        refusal(model, x=np.ones((2, 4), np.float32)).message == 'input "x": shape (2, 4) does not fit (1, 4)'
    )


def test_shapes_that_do_not_fit_each_other_are_the_callers_fault(tmp_path: Path) -> None:
    model = load(write(tmp_path, serving_default=(lambda a, b: {"sum": a + b}, [spec("a"), spec("b")])))
    error = refusal(model, a=floats(1, 2, 3), b=floats(1, 2))
    assert error.code is Code.INVALID_ARGUMENT
    assert error.message == (
        "model demo version 1 does not accept these shapes: a float32 (3,), b float32 (2,)"
    )
    assert infer(model, a=floats(1, 2), b=floats(1, 2))["sum"].tolist() == [2, 4]


def test_a_model_that_fails_says_so_without_the_runtimes_words(tmp_path: Path) -> None:
    gather = (lambda x: {"y": tf.gather(tf.constant([1.0, 2.0]), x)}, [spec("x", DType.INT32)])
    model = load(write(tmp_path, serving_default=gather))
    error = refusal(model, x=np.array([7], np.int32))
    assert error.code is Code.INTERNAL
    assert error.message == "model demo version 1 failed while it ran on x int32 (1,)"
    assert infer(model, x=np.array([1], np.int32))["y"].tolist() == [2.0]


@pytest.mark.filterwarnings("ignore:Statistics for quantized inputs")
def test_what_is_quantised_is_taken_and_given_as_it_is_stored(tmp_path: Path) -> None:
    function = tf.function(lambda x: {"y": x * 0.5}, input_signature=[spec("x", shape=(1, 4))])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()], function)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    samples = np.random.default_rng(7).uniform(-1, 1, (20, 1, 4)).astype(np.float32)
    converter.representative_dataset = lambda: ([sample] for sample in samples)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    model = load(keep(converter.convert(), tmp_path))
    (signature,) = model.signatures.values()
    specs = {**signature.inputs, **signature.outputs}
    assert {spec.dtype for spec in specs.values()} == {DType.INT8}
    given = np.array([[-128, 0, 1, 127]], np.int8)
    (answer,) = infer(model, signature.name, **dict.fromkeys(signature.inputs, given)).values()
    assert answer.dtype == np.int8


def test_there_are_never_more_interpreters_than_calls_that_overlapped(tmp_path: Path) -> None:
    model = load(write(tmp_path, serving_default=(lambda x: {"y": x * 2}, [spec("x")])), {"interpreters": 3})
    assert model.concurrency == 3

    def one(number: int) -> bool:
        return infer(model, x=floats(number))["y"].tolist() == [2 * number]

    with ThreadPoolExecutor(3) as threads:
        assert all(threads.map(one, range(300)))
    assert 1 <= len(model._free) <= 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"interpreters": -1}, "options.interpreters: the least is 0"),
        ({"threads": 0}, "options.threads: the least is 1"),
        ({"thread": 1}, "options.thread: the engine tflite has no such option; did you mean 'threads'?"),
    ],
)
def test_an_option_that_does_not_fit_is_named(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(DragomanError) as caught:
        load(keep(b"", tmp_path), options)
    assert caught.value.message == message
