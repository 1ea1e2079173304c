"""The TensorFlow engine: what every engine keeps, and what is its own."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import Kind, TensorRequest
from dragoman.core.signatures import DEFAULT_SIGNATURE, Method, Signature
from dragoman.core.tensors import Array, DType
from dragoman.engines.base import Artifact, LoadedModel
from dragoman.engines.tensorflow import TensorFlowEngine
from dragoman.engines.tensorflow.model import TensorFlowModel
from dragoman.engines.tensorflow.options import TensorFlowOptions, session_config
from dragoman.repository.tree import scan
from dragoman.settings.model import ModelSettings
from tests.contract.engines import CALL, EngineContract, tensor
from tests.unit.engines.tensorflow.saved_models import (
    echo,
    half_plus_two,
    pair,
    placeholder,
    predict,
    v1,
    write_graph,
)


class TestTensorFlow(EngineContract):
    engine = TensorFlowEngine()
    entry = "saved_model.pb"

    def write_echo(self, folder: Path, dtype: DType) -> None:
        write_graph(folder / "made", partial(echo, dtype))
        move_up(folder)

    def write_pair(self, folder: Path) -> None:
        write_graph(folder / "made", pair)
        move_up(folder)

    def in_memory(self, model: LoadedModel) -> object:
        assert isinstance(model, TensorFlowModel)
        return model._entries[DEFAULT_SIGNATURE].run._session  # type: ignore[attr-defined]


def move_up(folder: Path) -> None:
    """TensorFlow writes into a new folder only."""
    for path in (folder / "made").iterdir():
        path.rename(folder / path.name)
    (folder / "made").rmdir()


def load(file: Path, options: Mapping[str, Any] | None = None) -> TensorFlowModel:
    return TensorFlowEngine().load(Artifact(str(file), "demo", 1), options or {})


def made(
    folder: Path, build: Callable[[], Mapping[str, Any]], options: Mapping[str, Any] | None = None
) -> TensorFlowModel:
    return load(write_graph(folder / "1", build), options)


def infer(model: LoadedModel, signature: str = DEFAULT_SIGNATURE, **inputs: Any) -> Mapping[str, Array]:
    request = TensorRequest(signature, {name: tensor(array) for name, array in inputs.items()})
    return {name: answer.array for name, answer in model.infer(request, CALL).outputs.items()}


def refusal(model: LoadedModel, signature: str = DEFAULT_SIGNATURE, **inputs: Any) -> DragomanError:
    with pytest.raises(DragomanError) as caught:
        infer(model, signature, **inputs)
    return caught.value


def failure(file: Path, options: Mapping[str, Any] | None = None) -> DragomanError:
    with pytest.raises(DragomanError) as caught:
        load(file, options)
    assert str(file.parent) not in caught.value.message
    return caught.value


def texts(*values: bytes) -> Array:
    array = np.empty(len(values), np.object_)
    array[:] = values
    return array


def serialized(**features: float) -> bytes:
    made = {
        name: tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
        for name, value in features.items()
    }
    data: bytes = tf.train.Example(features=tf.train.Features(feature=made)).SerializeToString()
    return data


# Signatures


def test_every_signature_of_a_saved_model_is_there(tmp_path: Path) -> None:
    signatures = made(tmp_path, half_plus_two).signatures
    methods = {name: signature.method for name, signature in signatures.items()}
    assert methods == {
        "classify_x_to_y": Method.CLASSIFY,
        "regress_x2_to_y3": Method.REGRESS,
        "regress_x_to_y": Method.REGRESS,
        "serving_default": Method.PREDICT,
    }


def test_a_signature_that_parses_examples_takes_examples_and_serialized_ones(tmp_path: Path) -> None:
    signatures = made(tmp_path, half_plus_two).signatures
    assert signatures["regress_x_to_y"].accepts == {Kind.TENSORS, Kind.EXAMPLES}
    assert signatures["serving_default"].accepts == {Kind.TENSORS}


def test_the_graphs_own_tensor_names_are_told(tmp_path: Path) -> None:
    signature = made(tmp_path, half_plus_two).signatures["regress_x_to_y"]
    assert signature.inputs["inputs"].tensor_name == "tf_example:0"
    assert signature.outputs["outputs"].tensor_name == "y:0"


def test_predict_regress_and_classify_answer(tmp_path: Path) -> None:
    model = made(tmp_path, half_plus_two)
    examples = texts(serialized(x=1.0), serialized(x=5.0))
    assert infer(model, x=np.array([[1], [5]], np.float32))["y"].tolist() == [[2.5], [4.5]]
    assert infer(model, "regress_x_to_y", inputs=examples)["outputs"].tolist() == [[2.5], [4.5]]
    assert infer(model, "regress_x2_to_y3", inputs=examples)["outputs"].tolist() == [[3.0], [3.0]]
    assert infer(model, "classify_x_to_y", inputs=examples)["scores"].tolist() == [[2.5], [4.5]]


def test_a_missing_feature_is_named_in_the_graphs_own_words(tmp_path: Path) -> None:
    error = refusal(made(tmp_path, half_plus_two), "regress_x_to_y", inputs=texts(serialized(z=1.0)))
    assert error.code is Code.INVALID_ARGUMENT
    assert error.message.endswith("Feature: x (data type: float) is required but could not be found.")


def test_bytes_that_are_no_example_are_the_callers_fault(tmp_path: Path) -> None:
    error = refusal(made(tmp_path, half_plus_two), "regress_x_to_y", inputs=texts(b"\xff"))
    assert error.code is Code.INVALID_ARGUMENT
    assert error.message == "Could not parse example input, value: '\\xff'"


def test_a_shape_that_the_graph_takes_is_taken_whatever_the_signature_says(tmp_path: Path) -> None:
    # The reference's best-known request sends rows of () to an input of (?, 1).
    answer = infer(made(tmp_path, half_plus_two), x=np.array([1, 2, 5], np.float32))
    assert answer["y"].tolist() == [2.5, 3.0, 4.5]


def test_scalars_come_back_as_tensors(tmp_path: Path) -> None:
    def build() -> Mapping[str, Any]:
        x, s = placeholder(DType.FP32, [None], "x"), placeholder(DType.BYTES, [], "s")
        return {
            "serving_default": predict({"x": x, "s": s}, {"sum": tf.reduce_sum(x), "same": tf.identity(s)})
        }

    answer = infer(made(tmp_path, build), x=np.ones(3, np.float32), s=np.array(b"a\x00", np.object_))
    assert answer["sum"].shape == answer["same"].shape == ()
    assert (answer["sum"].item(), answer["same"].item()) == (3.0, b"a\x00")


def test_two_names_for_one_tensor_both_answer(tmp_path: Path) -> None:
    def build() -> Mapping[str, Any]:
        x = placeholder(DType.FP32, [None], "x")
        y = tf.identity(x)
        return {"serving_default": predict({"x": x}, {"one": y, "two": y})}

    answer = infer(made(tmp_path, build), x=np.ones(2, np.float32))
    assert answer["one"].tolist() == answer["two"].tolist() == [1, 1]


def test_a_large_answer_does_not_share_memory_with_the_request(tmp_path: Path) -> None:
    model = made(tmp_path, partial(echo, DType.FP32))
    given = np.ones(
        1 << 20, np.float32
    )  # so large that it begins on a page, where TensorFlow uses it in place
    assert not np.may_share_memory(infer(model, x=given)["y"], given)


def test_the_default_of_an_input_is_told(tmp_path: Path) -> None:
    def build() -> Mapping[str, Any]:
        x, scale = placeholder(DType.FP32, [None], "x"), placeholder(DType.FP32, [], "scale")
        definition = predict({"x": x, "scale": scale}, {"y": x * scale})
        definition.defaults["scale"].CopyFrom(tf.make_tensor_proto(2.5))
        return {"serving_default": definition}

    inputs = made(tmp_path, build).signatures[DEFAULT_SIGNATURE].inputs
    assert inputs["x"].default is None
    default = inputs["scale"].default
    assert default is not None
    assert (default.dtype, default.array.shape, default.array.item()) == (DType.FP32, (), 2.5)


def test_a_tensor_that_cannot_be_sent_leaves_its_output_or_its_signature_out(tmp_path: Path) -> None:
    def build() -> Mapping[str, Any]:
        x, c = placeholder(DType.FP32, [None], "x"), v1.placeholder(tf.complex64, [None], "c")
        outputs = {"y": tf.identity(x), "z": tf.cast(x, tf.complex64)}
        return {
            "serving_default": predict({"x": x}, outputs),
            "other": predict({"c": c}, {"r": tf.math.real(c)}),
        }

    signatures = made(tmp_path, build).signatures
    assert list(signatures) == ["serving_default"]
    assert list(signatures["serving_default"].outputs) == ["y"]


def test_a_model_without_a_signature_does_not_load(tmp_path: Path) -> None:
    error = failure(write_graph(tmp_path / "1", lambda: (placeholder(DType.FP32, [], "x"), {})[1]))
    assert error.code is Code.FAILED_PRECONDITION
    assert error.message == "saved_model.pb does not load: it has no signature whose tensors can be sent"


# Kinds of SavedModels


def words(folder: Path) -> Mapping[str, Any]:
    """Words to numbers by a table whose words are an asset, and back to upper case."""
    file = folder / "words.txt"
    file.write_text("red\ngreen\nblue\n")
    text = placeholder(DType.BYTES, [None], "text")
    whole_line, number = tf.lookup.TextFileIndex.WHOLE_LINE, tf.lookup.TextFileIndex.LINE_NUMBER
    lines = tf.lookup.TextFileInitializer(str(file), tf.string, whole_line, tf.int64, number)
    table = v1.lookup.StaticHashTable(lines, -1)
    return {
        "serving_default": predict({"text": text}, {"id": table.lookup(text), "loud": tf.strings.upper(text)})
    }


def test_lookup_tables_assets_and_operators_on_text_work(tmp_path: Path) -> None:
    file = write_graph(tmp_path / "1", partial(words, tmp_path))
    (tmp_path / "words.txt").unlink()  # what counts is the copy among the model's assets
    answer = infer(load(file), text=texts(b"blue", b"red", b"mauve"))
    assert answer["id"].tolist() == [2, 0, -1]
    assert answer["loud"].tolist() == [b"BLUE", b"RED", b"MAUVE"]


class Scaled(tf.Module):  # type: ignore[misc]
    """A model of TensorFlow 2 with two functions, a variable and a table."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = tf.Variable(3.0)
        pairs = tf.lookup.KeyValueTensorInitializer([b"a", b"b"], [1.0, 2.0])
        self.table = tf.lookup.StaticHashTable(pairs, 0.0)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])  # type: ignore[misc]
    def times(self, x: Any) -> Any:
        return {"y": self.scale * x, "z": x + 1.0}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "key")])  # type: ignore[misc]
    def find(self, key: Any) -> Any:
        return {"value": self.scale * self.table.lookup(key)}


@pytest.fixture(scope="module")
def scaled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scaled") / "1"
    model = Scaled()
    tf.saved_model.save(model, str(folder), {"serving_default": model.times, "find": model.find})
    return folder / "saved_model.pb"


def test_functions_variables_and_tables_of_tensorflow_2_work(scaled: Path) -> None:
    model = load(scaled)
    assert sorted(model.signatures) == [
        "find",
        "serving_default",
    ]  # and not the initialiser that is listed too
    answer = infer(model, x=np.array([1, 2], np.float32))
    assert (answer["y"].tolist(), answer["z"].tolist()) == ([3, 6], [2, 3])
    assert infer(model, "find", key=texts(b"b", b"?"))["value"].tolist() == [6, 0]


def test_outputs_of_one_operation_are_told_apart_by_their_numbers(scaled: Path) -> None:
    outputs = load(scaled).signatures[DEFAULT_SIGNATURE].outputs
    assert {spec.tensor_name for spec in outputs.values()} == {
        "StatefulPartitionedCall_1:0",
        "StatefulPartitionedCall_1:1",
    }


def test_a_saved_model_in_text_form_is_claimed_and_loads(tmp_path: Path) -> None:
    file = write_graph(tmp_path / "1", half_plus_two, as_text=True)
    claim = TensorFlowEngine.claim(scan(str(file.parent)), ModelSettings())
    assert claim is not None
    assert claim.entry == "saved_model.pbtxt"
    assert infer(load(file), x=np.ones(1, np.float32))["y"].tolist() == [2.5]


def test_the_graph_with_the_wanted_tags_is_loaded(tmp_path: Path) -> None:
    file = write_graph(tmp_path / "1", half_plus_two, tags=("serve", "gpu"))
    assert load(file, {"saved_model_tags": ["gpu", "serve"]}).signatures
    error = failure(file)
    assert error.message.startswith(
        "saved_model.pb does not load: it has no graph with the tags 'serve'; it has"
    )
    assert "options.saved_model_tags" in error.message


def test_unknown_shapes_are_told(tmp_path: Path) -> None:
    signature: Signature = made(tmp_path, partial(echo, DType.FP32)).signatures[DEFAULT_SIGNATURE]
    assert signature.inputs["x"].shape is None


# Failures


def test_missing_variables_are_named(scaled: Path, tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(scaled.read_bytes())
    error = failure(tmp_path / "saved_model.pb")
    assert error.code is Code.INTERNAL
    assert error.message == "saved_model.pb does not load: its folder variables is missing or incomplete"


VARIABLES = "variables/variables.data-00000-of-00001"


@pytest.fixture
def copied(scaled: Path, tmp_path: Path) -> Path:
    """A folder with a SavedModel that may be damaged."""
    (tmp_path / "variables").mkdir()
    for file in (scaled, *scaled.parent.glob("variables/*")):
        (tmp_path / file.relative_to(scaled.parent)).write_bytes(file.read_bytes())
    return tmp_path


def test_a_missing_file_of_variables_is_named(copied: Path) -> None:
    (copied / VARIABLES).unlink()
    error = failure(copied / "saved_model.pb")
    assert error.message.endswith("does not load: its file variables.data-00000-of-00001 is missing")


@pytest.mark.parametrize("name", [VARIABLES, "variables/variables.index"])
def test_truncated_variables_are_told(copied: Path, name: str) -> None:
    (copied / name).write_bytes((copied / name).read_bytes()[:-5])
    error = failure(copied / "saved_model.pb")
    assert error.message.endswith("does not load: the files of its variables are truncated or damaged")


def test_an_unknown_operator_is_named(scaled: Path, tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(scaled.read_bytes().replace(b"AddV2", b"AddV7"))
    error = failure(tmp_path / "saved_model.pb")
    assert error.message == "saved_model.pb does not load: the installed TensorFlow has no operator AddV7"


def test_an_index_out_of_range_is_the_callers_fault(tmp_path: Path) -> None:
    def build() -> Mapping[str, Any]:
        x = placeholder(DType.INT64, [None], "x")
        return {"serving_default": predict({"x": x}, {"y": tf.gather([1.0, 2.0], x)})}

    error = refusal(made(tmp_path, build), x=np.array([7]))
    assert error.code is Code.INVALID_ARGUMENT
    assert error.message == "indices[0] = 7 is not in [0, 2)"


def test_a_model_that_reads_a_file_which_is_not_there_fails_without_naming_it(tmp_path: Path) -> None:
    def build() -> Mapping[str, Any]:
        x = placeholder(DType.BYTES, [], "x")
        return {"serving_default": predict({"x": x}, {"y": tf.io.read_file(x)})}

    error = refusal(made(tmp_path, build), x=np.array(b"/no/such/file", np.object_))
    assert error.code is Code.INTERNAL
    assert error.message == "model demo version 1 failed while it ran on x bytes ()"


def test_a_signature_that_is_not_there_is_named(tmp_path: Path) -> None:
    error = refusal(made(tmp_path, pair), "no_such", a=np.ones(1, np.float32))
    assert error.message == "there is no signature 'no_such'; the model has serving_default"


# Options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"inter_op_threads": -1}, "options.inter_op_threads: a number of threads is 0 or more"),
        ({"intra_op_threads": "two"}, "options.intra_op_threads: Expected `int`, got `str`"),
        ({"gpu_memory_fraction": 1.5}, "options.gpu_memory_fraction: a fraction is from 0 to 1"),
        ({"saved_model_tags": []}, "options.saved_model_tags: at least one tag is needed"),
        ({"tags": ["serve"]}, "options.tags: the engine tensorflow has no such option"),
    ],
)
def test_an_option_that_does_not_fit_is_named(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    error = failure(write_graph(tmp_path / "1", pair), options)
    assert error.code is Code.INVALID_ARGUMENT
    assert message in error.message


def test_operators_run_in_the_calling_thread_unless_a_model_asks_for_threads() -> None:
    default = session_config(tf, TensorFlowOptions())
    assert (default.inter_op_parallelism_threads, default.use_per_session_threads) == (-1, False)
    config = session_config(tf, TensorFlowOptions(inter_op_threads=3, intra_op_threads=2))
    assert (config.inter_op_parallelism_threads, config.use_per_session_threads) == (3, True)
    assert config.intra_op_parallelism_threads == 2


def test_the_memory_of_gpus_is_taken_as_it_is_needed_unless_a_fraction_is_asked_for() -> None:
    assert session_config(tf, TensorFlowOptions()).gpu_options.allow_growth
    options = session_config(tf, TensorFlowOptions(gpu_memory_fraction=0.5)).gpu_options
    assert (options.allow_growth, options.per_process_gpu_memory_fraction) == (False, 0.5)


def test_a_model_with_threads_of_its_own_answers(tmp_path: Path) -> None:
    model = made(tmp_path, half_plus_two, {"inter_op_threads": 2})
    assert infer(model, x=np.ones(1, np.float32))["y"].tolist() == [2.5]
