"""Files of other frameworks through OpenVINO's own front ends; TensorFlow makes some of them."""

import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import TensorRequest
from dragoman.core.signatures import DEFAULT_SIGNATURE
from dragoman.core.tensors import Array, DType
from dragoman.engines.base import Artifact
from dragoman.engines.openvino import OpenVinoEngine
from dragoman.engines.openvino.model import OpenVinoModel
from dragoman.engines.tensorflow import TensorFlowEngine
from dragoman.engines.tflite import TfLiteEngine
from dragoman.repository.loader import LoadedVersion, ModelLoader
from dragoman.repository.source import Candidate
from dragoman.settings.model import ModelSettings
from tests.contract.engines import CALL, tensor
from tests.unit.engines import graphs
from tests.unit.engines.tensorflow.saved_models import half_plus_two, tf, v1, write_graph
from tests.unit.engines.tflite.files import write as write_tflite

ENGINES = {engine.name: engine for engine in (TensorFlowEngine(), TfLiteEngine(), OpenVinoEngine())}


class Weighed(tf.Module):  # type: ignore[misc]
    """A variable that a signature multiplies with, and a second signature."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = tf.Variable(np.array([[1.0], [10.0]], np.float32))

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, "x")])
    def weighed(self, x: Any) -> Mapping[str, Any]:
        return {"y": x @ self.weights}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
    def raised(self, text: Any) -> Mapping[str, Any]:
        return {"upper": tf.strings.upper(text)}


def saved(folder: Path, default: str = "weighed") -> Path:
    """A SavedModel of TensorFlow 2 with one of the two as its default signature."""
    module = Weighed()
    made = {DEFAULT_SIGNATURE: getattr(module, default), "other": module.weighed}
    tf.saved_model.save(module, str(folder), signatures=made)
    return folder / "saved_model.pb"


def frozen(folder: Path) -> Path:
    """A frozen graph: y = x / 2 + 2."""
    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, [None], "x")
        tf.add(x / 2, 2, "y")
    file = folder / "frozen.pb"
    file.write_bytes(graph.as_graph_def().SerializeToString())
    return file


def small_tflite(folder: Path) -> Path:
    """y = x / 2 + 2."""
    half = (lambda x: {"y": x / 2 + 2}, [tf.TensorSpec([None], tf.float32, "x")])
    return write_tflite(folder, serving_default=half)


def with_weights_beside(folder: Path) -> Path:
    """`m.onnx`: y = x, by a matrix in `w.bin`."""
    weights = onnx.numpy_helper.from_array(np.eye(2, dtype=np.float32), "w")
    nodes = [onnx.helper.make_node("MatMul", ["x", "w"], ["y"])]
    values = graphs.value("x", DType.FP32, [1, 2]), graphs.value("y", DType.FP32, [1, 2])
    made = graphs.graph(nodes, [values[0]], [values[1]], [weights])
    onnx.save(made, folder / "m.onnx", save_as_external_data=True, location="w.bin", size_threshold=0)
    return folder / "m.onnx"


def load(file: Path, **options: Any) -> OpenVinoModel:
    return OpenVinoEngine().load(Artifact(str(file), "demo", 1), options)


def infer(model: Any, **inputs: Array) -> Mapping[str, Array]:
    request = TensorRequest(DEFAULT_SIGNATURE, {name: tensor(array) for name, array in inputs.items()})
    return {name: answer.array for name, answer in model.infer(request, CALL).outputs.items()}


def choose(folder: Path, engine: str | None = None) -> LoadedVersion:
    """What the repository does with a version folder."""
    return ModelLoader(ENGINES).load(
        Candidate("demo", 1, str(folder), "demo/1", ModelSettings(engine=engine))
    )


X = np.array([[1, 2]], np.float32)


def test_an_onnx_file_is_read(tmp_path: Path) -> None:
    model = load(graphs.save(graphs.half_plus_two(), tmp_path / "model.onnx"))
    assert infer(model, x=np.array([1, 2, 5], np.float32))["y"].tolist() == [2.5, 3.0, 4.5]


def test_an_onnx_file_with_weights_beside_it_is_read(tmp_path: Path) -> None:
    assert infer(load(with_weights_beside(tmp_path)), x=X)["y"].tolist() == X.tolist()


def test_a_saved_model_answers_by_its_default_signature(tmp_path: Path) -> None:
    model = load(saved(tmp_path))
    assert list(model.signatures) == [DEFAULT_SIGNATURE]
    assert infer(model, x=X)["y"].tolist() == [[21]]


def test_a_frozen_graph_keeps_the_names_of_its_tensors(tmp_path: Path) -> None:
    model = load(frozen(tmp_path))
    signature = model.signatures[DEFAULT_SIGNATURE]
    assert {name: spec.tensor_name for name, spec in signature.inputs.items()} == {"x:0": "x:0"}
    assert infer(model, **{"x:0": np.array([1], np.float32)})["y:0"].tolist() == [2.5]


def test_a_tflite_file_is_read(tmp_path: Path) -> None:
    model = load(small_tflite(tmp_path))
    (name,) = model.signatures[DEFAULT_SIGNATURE].inputs
    (answer,) = infer(model, **{name: np.array([1, 2, 5], np.float32)}).values()
    assert answer.tolist() == [2.5, 3.0, 4.5]


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda folder: saved(folder, "raised"), "OpenVINO has no conversion for StringUpper"),
        (
            lambda folder: write_graph(folder / "half", partial(half_plus_two, 2.0)),
            "its default signature does not begin at the graph's inputs, and leaves tf_example open",
        ),
    ],
)
def test_a_saved_model_that_openvino_cannot_convert_says_why_and_who_can(
    tmp_path: Path, make: Any, why: str
) -> None:
    with pytest.raises(DragomanError) as caught:
        load(make(tmp_path))
    assert caught.value.code is Code.INTERNAL
    assert caught.value.message == (
        f"saved_model.pb does not load: {why}; the engine tensorflow reads more "
        f"(pip install 'dragoman[tensorflow]')"
    )


@pytest.mark.parametrize(
    "name", ["model.onnx", "model.tflite", "saved_model.pb", "frozen.pb", "model.pdmodel"]
)
@pytest.mark.parametrize("content", [b"", b"\xff" * 99, b"<html></html>"], ids=["empty", "garbage", "html"])
def test_a_file_that_is_no_model_is_named_and_its_place_is_not(
    tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DragomanError, match=f"^{name} does not load: ") as caught:
        load(tmp_path / name)
    assert str(tmp_path) not in caught.value.message


def test_a_saved_model_whose_variables_are_gone_says_so(tmp_path: Path) -> None:
    file = saved(tmp_path)
    for part in (tmp_path / "variables").iterdir():
        part.unlink()
    with pytest.raises(DragomanError, match="its folder variables is missing or incomplete"):
        load(file)


INDEX, DATA = "variables/variables.index", "variables/variables.data-00000-of-00001"
DAMAGED = "saved_model.pb does not load: the files of its variables are truncated or damaged"


@pytest.mark.parametrize("filling", [b"\x00", b"\xff"], ids=["zeros", "ones"])
def test_an_index_of_variables_that_would_end_the_process_is_refused(tmp_path: Path, filling: bytes) -> None:
    file = saved(tmp_path)
    whole = (tmp_path / INDEX).read_bytes()
    for at in range(0, len(whole) - 64, 5):  # OpenVINO died of 12 in 100 of these, and never let go of some
        (tmp_path / INDEX).write_bytes(whole[:at] + filling * 16 + whole[at + 16 :])
        with pytest.raises(DragomanError) as caught:
            load(file)
        assert caught.value.message == DAMAGED


@pytest.mark.parametrize("part", [INDEX, DATA])
def test_variables_that_are_cut_off_are_told(tmp_path: Path, part: str) -> None:
    file = saved(tmp_path)
    whole = (tmp_path / part).read_bytes()
    for length in (0, 1, len(whole) // 2, len(whole) - 1):
        (tmp_path / part).write_bytes(whole[:length])
        with pytest.raises(DragomanError) as caught:
            load(file)
        assert caught.value.message == DAMAGED


def test_a_tflite_file_that_is_cut_off_is_not_sent_to_another_engine(tmp_path: Path) -> None:
    file = small_tflite(tmp_path)
    file.write_bytes(file.read_bytes()[:-64])
    with pytest.raises(DragomanError, match=r"the file is truncated, damaged, of another kind or too new$"):
        load(file)


def test_weights_beside_an_onnx_file_that_are_cut_off_are_named(tmp_path: Path) -> None:
    file = with_weights_beside(tmp_path)
    (tmp_path / "w.bin").write_bytes(bytes(15))
    with pytest.raises(DragomanError) as caught:
        load(file)
    assert caught.value.message == (
        "m.onnx does not load: its file of external data, w.bin, is missing or truncated"
    )


# Who serves what


@pytest.mark.parametrize(("engine", "expected"), [(None, "tensorflow"), ("openvino", "openvino")])
def test_a_saved_model_is_tensorflows_unless_model_yaml_says_openvino(
    tmp_path: Path, engine: str | None, expected: str
) -> None:
    saved(tmp_path)
    loaded = choose(tmp_path, engine)
    assert loaded.engine == expected
    assert infer(loaded.model, x=X)["y"].tolist() == [[21]]


@pytest.mark.parametrize(
    ("package", "write"), [(TensorFlowEngine.package, saved), (TfLiteEngine.package, small_tflite)]
)
def test_where_their_own_package_is_missing_openvino_serves_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, write: Callable[[Path], Path]
) -> None:
    write(tmp_path)
    monkeypatch.setitem(sys.modules, package, None)
    assert choose(tmp_path).engine == "openvino"


def test_where_no_package_is_there_their_own_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(tmp_path)
    for package in ("tensorflow", "openvino"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(DragomanError, match=r"pip install 'dragoman\[tensorflow\]'"):
        choose(tmp_path)
