"""The ONNX engine: what every engine keeps, and what is its own."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import TensorRequest
from dragoman.core.signatures import DEFAULT_SIGNATURE
from dragoman.core.tensors import Array, DType
from dragoman.engines.base import Artifact, LoadedModel
from dragoman.engines.onnx import OnnxEngine
from dragoman.engines.onnx.model import OnnxModel
from dragoman.engines.onnx.options import OnnxOptions, default_threads, session_options
from dragoman.repository.tree import scan
from dragoman.settings.model import ModelSettings
from tests.contract.engines import CALL, EngineContract, bits, tensor
from tests.unit.engines.graphs import echo, graph, half_plus_two, identities, save, value


class TestOnnx(EngineContract):
    engine = OnnxEngine()
    entry = "model.onnx"

    def write_echo(self, folder: Path, dtype: DType) -> None:
        save(echo(dtype), folder / self.entry)

    def write_pair(self, folder: Path) -> None:
        inputs = [value("a", DType.FP32, ["N", 3]), value("b", DType.INT64, ["N"])]
        outputs = [value("c", DType.FP32, ["N", 3]), value("d", DType.INT64, ["N"])]
        save(identities(inputs, outputs), folder / self.entry)

    def in_memory(self, model: LoadedModel) -> object:
        assert isinstance(model, OnnxModel)
        return model._run.__self__  # type: ignore[attr-defined]


def load(model: onnx.ModelProto, folder: Path, options: Mapping[str, Any] | None = None) -> OnnxModel:
    path = save(model, folder / "model.onnx")
    return OnnxEngine().load(Artifact(str(path), "demo", 1), options or {})


def infer(model: OnnxModel, **inputs: Array) -> Mapping[str, Array]:
    request = TensorRequest(DEFAULT_SIGNATURE, {name: tensor(array) for name, array in inputs.items()})
    return {name: answer.array for name, answer in model.infer(request, CALL).outputs.items()}


def failure(model: onnx.ModelProto, folder: Path, options: Mapping[str, Any] | None = None) -> DragomanError:
    with pytest.raises(DragomanError) as caught:
        load(model, folder, options)
    assert str(folder) not in caught.value.message
    return caught.value


# Claims


@pytest.mark.parametrize(
    ("names", "entry"),
    [
        (["model.onnx", "other.onnx"], "model.onnx"),
        (["resnet.onnx", "labels.txt"], "resnet.onnx"),
        (["resnet.ort"], "resnet.ort"),
        (["one.onnx", "two.onnx"], None),
        (["model.onnx.data"], None),
    ],
)
def test_it_claims_model_onnx_or_the_only_onnx_file(
    tmp_path: Path, names: list[str], entry: str | None
) -> None:
    for name in names:
        (tmp_path / name).touch()
    claim = OnnxEngine.claim(scan(str(tmp_path)), ModelSettings())
    assert (claim.entry if claim else None) == entry


# Signatures


def test_a_scalar_and_an_open_rank_are_told_apart(tmp_path: Path) -> None:
    inputs = [value("s", DType.FP32, []), value("u", DType.FP32, None)]
    outputs = [value("t", DType.FP32, []), value("v", DType.FP32, None)]
    signature = load(identities(inputs, outputs), tmp_path).signatures[DEFAULT_SIGNATURE]
    assert [spec.shape for spec in signature.inputs.values()] == [(), None]
    assert [spec.shape for spec in signature.outputs.values()] == [(), None]


def test_a_model_of_open_rank_takes_any_rank(tmp_path: Path) -> None:
    model = load(echo(DType.INT16), tmp_path)
    for shape in [(), (3,), (1, 2, 3, 4, 5)]:
        sent = np.ones(shape, np.int16)
        assert infer(model, x=sent)["y"].shape == shape


def test_sizes_without_a_name_are_open_too(tmp_path: Path) -> None:
    signature = load(echo(DType.FP32, [None, "width", 3]), tmp_path).signatures[DEFAULT_SIGNATURE]
    assert signature.inputs["x"].shape == (None, None, 3)


def test_an_output_that_is_no_tensor_is_left_out(tmp_path: Path) -> None:
    sequence = helper.make_tensor_sequence_value_info("q", TensorProto.FLOAT, None)
    nodes = [helper.make_node("SequenceConstruct", ["x"], ["q"]), helper.make_node("Identity", ["x"], ["y"])]
    x, y = value("x", DType.FP32, ["N"]), value("y", DType.FP32, ["N"])
    model = load(graph(nodes, [x], [sequence, y]), tmp_path)
    assert list(infer(model, x=np.ones(2, np.float32))) == ["y"]


def test_a_model_without_an_output_that_can_be_sent_does_not_load(tmp_path: Path) -> None:
    sequence = helper.make_tensor_sequence_value_info("q", TensorProto.FLOAT, None)
    node = helper.make_node("SequenceConstruct", ["x"], ["q"])
    error = failure(graph([node], [value("x", DType.FP32, ["N"])], [sequence]), tmp_path)
    assert error.message == 'model.onnx does not load: its output "q" is a seq(tensor(float))'


def test_operators_of_the_machine_learning_domain_work(tmp_path: Path) -> None:
    node = helper.make_node(
        "Scaler", ["x"], ["y"], domain="ai.onnx.ml", offset=[1.0, 2.0], scale=[10.0, 100.0]
    )
    made = graph([node], [value("x", DType.FP32, ["N", 2])], [value("y", DType.FP32, ["N", 2])])
    made.opset_import.append(helper.make_opsetid("ai.onnx.ml", 3))
    answer = infer(load(made, tmp_path), x=np.array([[2, 3]], np.float32))
    assert answer["y"].tolist() == [[10.0, 100.0]]


# External data


def with_weights(folder: Path) -> Path:
    weights = numpy_helper.from_array(np.arange(1000, dtype=np.float32), "w")
    x, y = value("x", DType.FP32, ["N", 1000]), value("y", DType.FP32, ["N", 1000])
    made = graph([helper.make_node("Add", ["x", "w"], ["y"])], [x], [y], [weights])
    path = folder / "model.onnx"
    onnx.save_model(made, path, save_as_external_data=True, location="weights.bin", size_threshold=16)
    return path


def test_weights_in_a_file_of_their_own_are_read(tmp_path: Path) -> None:
    model = OnnxEngine().load(Artifact(str(with_weights(tmp_path)), "demo", 1), {})
    assert infer(model, x=np.zeros((1, 1000), np.float32))["y"][0, 999] == 999


def test_weights_in_a_file_that_is_missing_are_named(tmp_path: Path) -> None:
    path = with_weights(tmp_path)
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(DragomanError, match=r"its file of external data, weights\.bin, is missing") as caught:
        OnnxEngine().load(Artifact(str(path), "demo", 1), {})
    assert str(tmp_path) not in caught.value.message


@pytest.mark.parametrize("length", [0, 3999])
def test_weights_in_a_file_that_is_cut_off_are_told(tmp_path: Path, length: int) -> None:
    path = with_weights(tmp_path)
    (tmp_path / "weights.bin").write_bytes(bytes(length))
    with pytest.raises(DragomanError, match="its file of external data is truncated") as caught:
        OnnxEngine().load(Artifact(str(path), "demo", 1), {})
    assert str(tmp_path) not in caught.value.message


def test_a_file_of_onnxruntimes_own_kind_that_is_cut_off_is_told(tmp_path: Path) -> None:
    save(half_plus_two(), tmp_path / "model.onnx")
    made = onnxruntime.SessionOptions()
    made.optimized_model_filepath = str(tmp_path / "model.ort")
    made.add_session_config_entry("session.save_model_format", "ORT")
    onnxruntime.InferenceSession(tmp_path / "model.onnx", made, providers=["CPUExecutionProvider"])
    path = tmp_path / "model.ort"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DragomanError, match=r"^model\.ort does not load: .* truncated or damaged$"):
        OnnxEngine().load(Artifact(str(path), "demo", 1), {})


def test_the_estimate_counts_weights_in_a_file_of_their_own(tmp_path: Path) -> None:
    path = with_weights(tmp_path)
    assert OnnxEngine().estimate(Artifact(str(path), "demo", 1)).memory_bytes > 4000


# Causes of failed loads


def unknown_operator() -> onnx.ModelProto:
    return graph([helper.make_node("Foo", ["x"], ["y"])], [value("x", DType.FP32)], [value("y", DType.FP32)])


def newer_format() -> onnx.ModelProto:
    made = half_plus_two()
    made.ir_version = 99
    return made


def newer_operators() -> onnx.ModelProto:
    made = half_plus_two()
    made.opset_import[0].version = 99
    return made


def type_without_operator() -> onnx.ModelProto:
    x, y = value("x", DType.BF16, [2]), value("y", DType.BF16, [2])
    return graph([helper.make_node("Add", ["x", "x"], ["y"])], [x], [y])


def shapes_at_odds() -> onnx.ModelProto:
    weights = numpy_helper.from_array(np.ones((4, 2), np.float32), "w")
    x, y = value("x", DType.FP32, [2, 3]), value("y", DType.FP32, [2, 2])
    return graph([helper.make_node("MatMul", ["x", "w"], ["y"])], [x], [y], [weights])


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (unknown_operator(), "no operator Foo"),
        (newer_format(), "its ONNX IR version 99 is newer than the installed onnxruntime reads"),
        (newer_operators(), "it wants a newer opset of ai.onnx than the installed onnxruntime has"),
        (type_without_operator(), "no implementation of the operator Add"),
        (shapes_at_odds(), "its shapes do not fit together: Incompatible dimensions"),
    ],
    ids=["operator", "format", "opset", "type", "shapes"],
)
def test_a_model_that_does_not_load_tells_why(tmp_path: Path, made: onnx.ModelProto, words: str) -> None:
    error = failure(made, tmp_path)
    assert error.code is Code.INTERNAL
    assert error.message.startswith("model.onnx does not load: ")
    assert words in error.message
    assert "/" not in error.message
    assert "::" not in error.message


# Failed calls


def test_inputs_that_disagree_on_a_named_size_are_refused(tmp_path: Path) -> None:
    a, b, y = (value(name, DType.FP32, ["N"]) for name in "aby")
    model = load(graph([helper.make_node("Add", ["a", "b"], ["y"])], [a, b], [y]), tmp_path)
    with pytest.raises(DragomanError) as caught:
        infer(model, a=np.ones(2, np.float32), b=np.ones(3, np.float32))
    assert caught.value.code is Code.INVALID_ARGUMENT
    assert caught.value.message == 'input "b": size 3 of axis 0 has to be 2, as in input "a"'


def test_values_that_the_runtime_refuses_are_the_callers_fault(tmp_path: Path) -> None:
    table = numpy_helper.from_array(np.ones(4, np.float32), "t")
    x, y = value("x", DType.INT64, ["N"]), value("y", DType.FP32, ["N"])
    model = load(graph([helper.make_node("Gather", ["t", "x"], ["y"])], [x], [y], [table]), tmp_path)
    with pytest.raises(DragomanError) as caught:
        infer(model, x=np.array([99]))
    assert caught.value.code is Code.INVALID_ARGUMENT
    assert caught.value.message == "model demo version 1 does not accept these values: x int64 (1,)"


def test_a_model_that_fails_says_so_without_the_runtimes_words(tmp_path: Path) -> None:
    x, y = value("x", DType.FP32, ["A", "B"]), value("y", DType.FP32, ["A", "A"])
    model = load(graph([helper.make_node("MatMul", ["x", "x"], ["y"])], [x], [y]), tmp_path)
    with pytest.raises(DragomanError) as caught:
        infer(model, x=np.ones((2, 3), np.float32))
    assert caught.value.code is Code.INTERNAL
    assert caught.value.message == "model demo version 1 failed while it ran on x float32 (2, 3)"


def test_text_that_the_model_makes_and_that_is_no_utf8_is_an_error(tmp_path: Path) -> None:
    constant = helper.make_tensor("c", TensorProto.STRING, [1], [b"\xff"])
    x, y = value("x", DType.BYTES, ["N"]), value("y", DType.BYTES, ["M"])
    node = helper.make_node("Concat", ["x", "c"], ["y"], axis=0)
    model = load(graph([node], [x], [y], [constant]), tmp_path)
    with pytest.raises(DragomanError) as caught:
        infer(model, x=np.array([b"a"], object))
    assert caught.value.code is Code.INTERNAL


def test_text_beside_bfloat16_is_refused_at_load(tmp_path: Path) -> None:
    inputs = [value("s", DType.BYTES, ["N"]), value("f", DType.BF16, ["N"])]
    outputs = [value("t", DType.BYTES, ["N"]), value("g", DType.BF16, ["N"])]
    error = failure(identities(inputs, outputs), tmp_path)
    assert "string inputs together with bfloat16 tensors are not supported" in error.message


def test_other_types_beside_bfloat16_come_back(tmp_path: Path) -> None:
    inputs = [value("i", DType.INT8, ["N"]), value("f", DType.BF16, [])]
    outputs = [value("j", DType.INT8, ["N"]), value("g", DType.BF16, [])]
    model = load(identities(inputs, outputs), tmp_path)
    whole, number = np.array([-1, 7], np.int8), np.array(1.5).astype(DType.BF16.numpy)
    answer = infer(model, i=whole, f=number)
    assert bits(answer["j"]) == bits(whole)
    assert bits(answer["g"]) == bits(number)
    assert answer["g"].shape == ()


def test_the_engine_says_what_to_install_where_the_runtime_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    error = failure(half_plus_two(), tmp_path)
    assert error.code is Code.FAILED_PRECONDITION
    assert "needs the package onnxruntime: pip install onnxruntime" in error.message


def test_the_engine_is_imported_without_its_runtime() -> None:
    code = "import sys, dragoman.engines.onnx; sys.exit('onnxruntime' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"intra_op_threads": "many"}, "options.intra_op_threads: Expected `int`, got `str`"),
        ({"intra_op_threads": -1}, "options.intra_op_threads: a number of threads is 0 or more"),
        ({"execution_mode": "fast"}, "options.execution_mode: Invalid enum value 'fast'"),
        (
            {"provider": ["cpu"]},
            "options.provider: the engine onnx has no such option; did you mean 'providers'?",
        ),
        ({"session_config": {"a": 1}}, "options.session_config[...]: Expected `str`, got `int`"),
        (
            {"provider_options": {"cuda": {"a": "1"}}},
            "options.provider_options.CUDAExecutionProvider: not among",
        ),
    ],
)
def test_an_option_that_does_not_fit_is_named(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    error = failure(half_plus_two(), tmp_path, options)
    assert error.code is Code.INVALID_ARGUMENT
    assert message in error.message


def test_a_provider_that_is_not_installed_names_its_package(tmp_path: Path) -> None:
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this machine's onnxruntime has the provider")
    error = failure(half_plus_two(), tmp_path, {"providers": ["cuda", "cpu"]})
    assert error.code is Code.FAILED_PRECONDITION
    assert "no CUDAExecutionProvider; it comes with the package onnxruntime-gpu" in error.message


def test_every_option_reaches_the_session(tmp_path: Path) -> None:
    options = OnnxOptions(
        intra_op_threads=3,
        inter_op_threads=2,
        execution_mode="parallel",
        optimization_level="basic",
        memory_arena=False,
        memory_pattern=False,
        allow_spinning=True,
        log_level="error",
        session_config={"session.set_denormal_as_zero": "1"},
    )
    made = session_options(onnxruntime, options, 0)
    assert (made.intra_op_num_threads, made.inter_op_num_threads) == (3, 2)
    assert made.execution_mode == onnxruntime.ExecutionMode.ORT_PARALLEL
    assert made.graph_optimization_level == onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    assert (made.enable_cpu_mem_arena, made.enable_mem_pattern) == (False, False)
    assert made.log_severity_level == 3
    assert made.get_session_config_entry("session.intra_op.allow_spinning") == "1"
    assert made.get_session_config_entry("session.set_denormal_as_zero") == "1"


def test_threads_that_wait_do_not_spin_unless_asked_to() -> None:
    made = session_options(onnxruntime, OnnxOptions(), 0)
    assert made.get_session_config_entry("session.intra_op.allow_spinning") == "0"


def test_the_default_number_of_threads_follows_the_cores_this_process_may_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    large = 100 << 20
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(2)))
    assert default_threads(large) == 2
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(64)))
    assert default_threads(large) == 4


def test_a_small_model_has_one_thread() -> None:
    assert session_options(onnxruntime, OnnxOptions(), 1 << 20).intra_op_num_threads == 1
