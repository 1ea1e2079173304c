"""The OpenVINO engine: what every engine keeps, and what is its own."""

import gc
import json
import os
import weakref
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import pytest
from openvino import opset13
from openvino.op.util import Variable, VariableInfo

from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import TensorRequest
from dragoman.core.signatures import DEFAULT_SIGNATURE
from dragoman.core.tensors import Array, DType
from dragoman.engines.base import Artifact, LoadedModel
from dragoman.engines.openvino import OpenVinoEngine
from dragoman.engines.openvino.model import OpenVinoModel
from dragoman.engines.openvino.requests import MOST_COPIED
from dragoman.repository.loader import ModelLoader
from dragoman.repository.source import Candidate
from dragoman.settings.model import ModelSettings
from tests.contract.engines import CALL, EngineContract, tensor
from tests.unit.engines.openvino.files import Shape, given, keep, named, same, write, write_strings


class TestOpenVino(EngineContract):
    engine = OpenVinoEngine()
    entry = "model.xml"
    # Of these the extremes are refused or, of float64, rounded: OpenVINO computes 32 bits.
    dtypes = tuple(set(DType) - {DType.INT64, DType.UINT64, DType.UINT32, DType.FP64})

    def write_echo(self, folder: Path, dtype: DType) -> None:
        if dtype is DType.BYTES:
            write_strings(folder, (-1, -1))
            return
        x = given("x", dtype, (-1, -1))
        write(folder, [x], {"y": same(x)})

    def write_pair(self, folder: Path) -> None:
        a, b = given("a", DType.FP32, (-1, 3)), given("b", DType.INT64)
        write(folder, [a, b], {"c": same(a), "d": same(b)})

    @pytest.mark.parametrize("dtype", sorted(set(dtypes) - {DType.BYTES}, key=lambda dtype: dtype.value))
    def test_a_batch_of_no_rows_comes_back_empty(self, tmp_path: Path, dtype: DType) -> None:
        super().test_a_batch_of_no_rows_comes_back_empty(tmp_path, dtype)  # strings: see below

    def in_memory(self, model: LoadedModel) -> object:
        assert isinstance(model, OpenVinoModel)
        return model._requests.free[0].request


def load(file: Path, **options: Any) -> OpenVinoModel:
    return OpenVinoEngine().load(Artifact(str(file), "demo", 1), options)


def infer(model: LoadedModel, **inputs: Array) -> Mapping[str, Array]:
    request = TensorRequest(DEFAULT_SIGNATURE, {name: tensor(array) for name, array in inputs.items()})
    return {name: answer.array for name, answer in model.infer(request, CALL).outputs.items()}


def refusal(model: LoadedModel, **inputs: Array) -> DragomanError:
    with pytest.raises(DragomanError) as caught:
        infer(model, **inputs)
    return caught.value


def unloaded(file: Path, **options: Any) -> DragomanError:
    with pytest.raises(DragomanError) as caught:
        load(file, **options)
    assert str(file.parent) not in caught.value.message
    return caught.value


def floats(*values: float) -> Array:
    return np.array(values, np.float32)


def strings(*values: bytes) -> Array:
    return np.array(values, object)


def doubled(folder: Path, shape: Shape = (-1,), dtype: DType = DType.FP32) -> Path:
    """Output y is twice input x."""
    x = given("x", dtype, shape)
    return write(folder, [x], {"y": opset13.add(x, x).output(0)})


def test_a_file_is_served_by_itself_and_by_its_folder(tmp_path: Path) -> None:
    file = doubled(tmp_path).rename(tmp_path / "twice.xml")
    (tmp_path / "model.bin").rename(tmp_path / "twice.bin")
    loader = ModelLoader({"openvino": OpenVinoEngine()})
    for path in (file, tmp_path):
        loaded = loader.load(Candidate("twice", 1, str(path), "twice", ModelSettings()))
        assert infer(loaded.model, x=floats(3))["y"].tolist() == [6]


# Names


def test_a_tensor_with_several_names_is_called_by_the_first_of_them(tmp_path: Path) -> None:
    x = named(given("x"), "zebra", "input", "x:0")
    y = named(opset13.relu(x).output(0), "out", "output")
    signature = load(write(tmp_path, [x], [y])).signatures[DEFAULT_SIGNATURE]
    assert list(signature.inputs) == ["input"]
    assert list(signature.outputs) == ["out"]


def test_inputs_and_outputs_are_in_the_models_order(tmp_path: Path) -> None:
    z, a = given("z"), given("a")
    file = write(
        tmp_path, [z, a], {"sum": opset13.add(z, a).output(0), "difference": opset13.subtract(z, a).output(0)}
    )
    signature = load(file).signatures[DEFAULT_SIGNATURE]
    assert list(signature.inputs) == ["z", "a"]
    assert list(signature.outputs) == ["sum", "difference"]


def test_an_output_that_is_there_twice_is_given_once(tmp_path: Path) -> None:
    x = given("x")
    y = named(opset13.relu(x).output(0), "y")
    model = load(write(tmp_path, [x], [y, y]))
    assert {name: array.tolist() for name, array in infer(model, x=floats(-1, 2)).items()} == {"y": [0, 2]}


def test_mapping_config_renames_what_it_names(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {"inputs": {"x": "image", "nowhere": "lost"}, "outputs": {"y": "label"}}
    (tmp_path / "mapping_config.json").write_text(json.dumps(names))
    model = load(doubled(tmp_path), shape={"image": "(3)"})
    assert infer(model, image=floats(1, 2, 3))["label"].tolist() == [2, 4, 6]
    assert "nowhere" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["{", "[]", '{"inputs": {"x": 1}}'])
def test_a_mapping_config_that_is_none_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "mapping_config.json").write_text(text)
    error = unloaded(doubled(tmp_path))
    assert error.code is Code.INVALID_ARGUMENT
    assert error.message.startswith("mapping_config.json: ")


# Types


def test_64_bit_integers_come_and_go_where_32_bits_hold_them(tmp_path: Path) -> None:
    for dtype in (DType.INT64, DType.UINT64, DType.UINT32):
        model = load(doubled(tmp_path / dtype.value, dtype=dtype))
        answer = infer(model, x=np.array([0, 7, 2**30], dtype.numpy))["y"]
        assert answer.dtype == dtype.numpy
        assert answer.tolist()[:2] == [0, 14]


@pytest.mark.parametrize(
    ("dtype", "value"),
    [(DType.INT64, 2**31), (DType.INT64, -(2**31) - 1), (DType.UINT64, 2**40), (DType.UINT32, 2**31)],
)
def test_an_integer_that_openvino_would_cut_off_is_refused(tmp_path: Path, dtype: DType, value: int) -> None:
    error = refusal(load(doubled(tmp_path, dtype=dtype)), x=np.array([1, value], dtype.numpy))
    assert error.code is Code.INVALID_ARGUMENT
    assert error.message == 'input "x": a value needs more than 32 bits, which OpenVINO computes with'


def test_float64_is_computed_in_32_bits(tmp_path: Path) -> None:
    answer = infer(load(doubled(tmp_path, dtype=DType.FP64)), x=np.array([0.1]))["y"]
    assert answer.dtype == np.float64
    assert answer[0] == pytest.approx(0.2, rel=1e-6)


def test_scalars_come_and_go(tmp_path: Path) -> None:
    answer = infer(load(doubled(tmp_path, shape=())), x=np.float32(3).reshape(()))["y"]
    assert (answer.shape, answer.tolist()) == ((), 6)


def test_an_output_of_a_type_that_cannot_be_sent_is_left_out(tmp_path: Path) -> None:
    x = given("x")
    small = opset13.convert(x, "f8e4m3").output(0)
    model = load(write(tmp_path, [x], {"small": small, "y": opset13.relu(x).output(0)}))
    assert infer(model, x=floats(-1, 2))["y"].tolist() == [0, 2]
    assert list(model.signatures[DEFAULT_SIGNATURE].outputs) == ["y"]


def test_a_model_whose_tensors_cannot_be_sent_says_so(tmp_path: Path) -> None:
    x = opset13.parameter([2], openvino.Type.f8e4m3, name="x")
    error = unloaded(write(tmp_path, [x.output(0)], {"y": opset13.convert(x, "f32").output(0)}))
    assert error.code is Code.FAILED_PRECONDITION
    assert error.message == 'model.xml does not load: its input "x" is of type f8e4m3'


# Strings


def test_strings_of_earlier_calls_are_never_seen_again(tmp_path: Path) -> None:
    model = load(write_strings(tmp_path, (-1,)), nireq=1, num_streams=1)
    assert infer(model, x=strings(b"a secret", b"another"))["y"].tolist() == [b"a secret", b"another"]
    assert infer(model, x=strings(b"", b""))["y"].tolist() == [b"", b""]
    assert infer(model, x=strings(b"x"))["y"].tolist() == [b"x"]
    assert refusal(model, x=strings()).message == (
        'input "x": shape (0,) holds no string, and OpenVINO needs one'
    )


def test_one_long_string_among_many_takes_no_more_room_than_it_has_bytes(tmp_path: Path) -> None:
    given_strings = strings(b"x" * 4_000_000, *[b"short"] * 50_000)
    answer = infer(load(write_strings(tmp_path, (-1,))), x=given_strings)["y"]
    assert answer.tolist() == given_strings.tolist()


def test_strings_beside_numbers_keep_their_places(tmp_path: Path) -> None:
    tag, number = given("tag", DType.BYTES), given("number", DType.INT64)
    mapping = {"outputs": {"tag": "label"}}
    (tmp_path / "mapping_config.json").write_text(json.dumps(mapping))
    model = load(write(tmp_path, [tag, number], [tag, named(opset13.add(number, number).output(0), "twice")]))
    answer = infer(model, tag=strings(b"a", b"b"), number=np.array([1, 2]))
    assert {name: array.tolist() for name, array in answer.items()} == {
        "label": [b"a", b"b"],
        "twice": [2, 4],
    }
    assert refusal(model, tag=np.array([1]), number=np.array([1])).message == (
        'input "tag": int64 given, bytes expected'
    )


# Memory


def large(rows: int = 64) -> Array:
    """More than what is copied, in memory that cannot be written to."""
    data = np.random.default_rng(7).standard_normal((rows, 1024)).astype(np.float32).tobytes()
    return np.frombuffer(data, np.float32).reshape(rows, 1024)


@pytest.mark.parametrize("shape", [(-1, 1024), (64, 1024)])
def test_a_large_input_is_used_where_it_lies_and_stays_as_it_was(tmp_path: Path, shape: Shape) -> None:
    x = given("x", shape=shape)
    model = load(write(tmp_path, [x], {"y": opset13.relu(x).output(0)}), nireq=1)
    array = large()
    assert array.nbytes > MOST_COPIED
    before = array.copy()
    answer = infer(model, x=array)["y"]
    assert (answer == np.maximum(before, 0)).all()
    assert (array == before).all()
    if shape[0] == -1:
        assert infer(model, x=before[:1])["y"].tolist() == np.maximum(before[:1], 0).tolist()


def test_a_large_input_that_is_not_aligned_is_copied(tmp_path: Path) -> None:
    aligned = large()
    array = np.frombuffer(b"." + aligned.tobytes(), np.float32, offset=1).reshape(aligned.shape)
    assert not array.flags.aligned
    assert (infer(load(doubled(tmp_path, (-1, 1024))), x=array)["y"] == aligned * 2).all()


def test_a_request_keeps_nothing_of_a_large_input(tmp_path: Path) -> None:
    model = load(doubled(tmp_path, (-1, 1024)), nireq=1)
    array = large().copy()
    kept = weakref.ref(array)
    infer(model, x=array)
    del array
    gc.collect()
    assert kept() is None


@pytest.mark.parametrize("shape", [(-1, 1024), (64, 1024)])
def test_an_answer_does_not_change_with_the_next_call(tmp_path: Path, shape: Shape) -> None:
    model = load(doubled(tmp_path, shape), nireq=1)
    array = large()
    first = infer(model, x=array)["y"]
    assert (infer(model, x=np.zeros_like(array))["y"] == 0).all()
    assert (first == array * 2).all()


def test_shapes_may_change_from_call_to_call(tmp_path: Path) -> None:
    model = load(doubled(tmp_path, (-1, 2)), nireq=1)
    for rows in (1, 5, 5, 0, 2, 9000, 1):
        assert infer(model, x=np.full((rows, 2), 3, np.float32))["y"].tolist() == [[6, 6]] * rows


def test_there_are_never_more_infer_requests_than_calls_that_overlapped(tmp_path: Path) -> None:
    model = load(doubled(tmp_path), nireq=3)
    assert model.concurrency == 3

    def one(number: int) -> bool:
        return infer(model, x=floats(number))["y"].tolist() == [2 * number]

    with ThreadPoolExecutor(3) as threads:
        assert all(threads.map(one, range(300)))
    assert 1 <= len(model._requests.free) <= 3


def test_a_model_with_a_state_answers_each_call_as_if_it_were_the_first(tmp_path: Path) -> None:
    x = given("x", shape=(1,))
    info = VariableInfo()
    info.data_shape, info.data_type, info.variable_id = openvino.PartialShape([1]), openvino.Type.f32, "sum"
    variable = Variable(info)
    so_far = opset13.read_value(opset13.constant(floats(0)), variable)
    total = opset13.add(x, so_far)
    kept = opset13.assign(total, variable)
    result = opset13.result(named(total.output(0), "y"))
    file = keep(openvino.Model([result], [kept], [x.get_node()], "stateful"), tmp_path)
    model = load(file, nireq=1)
    assert [infer(model, x=floats(3))["y"].tolist() for _ in range(3)] == [[3], [3], [3]]


# One row


def weighed(folder: Path, shape: Shape = (-1, 3), width: int = 2) -> Path:
    """Output y is input x by a matrix of ones."""
    x = given("x", shape=shape)
    weights = opset13.constant(np.ones((shape[-1], width), np.float32))
    return write(folder, [x], {"y": opset13.matmul(x, weights, False, False).output(0)})


def calls_of_one_row(model: OpenVinoModel) -> Sequence[tuple[int, ...]] | None:
    """The shapes that a model is compiled for besides."""
    return model._one_row and model._one_row.shapes


def test_a_small_model_that_takes_any_number_of_rows_is_compiled_for_one_besides(tmp_path: Path) -> None:
    model = load(weighed(tmp_path))
    assert calls_of_one_row(model) == [(1, 3)]
    for rows in (1, 2, 1, 0, 5, 1):
        assert infer(model, x=np.full((rows, 3), rows, np.float32))["y"].tolist() == [[3 * rows] * 2] * rows
    assert refusal(model, x=np.ones((1, 4), np.float32)).message == (
        'input "x": shape (1, 4) does not fit (?, 3)'
    )


@pytest.mark.parametrize(
    "options",
    [{"shape": "(4,3)"}, {"shape": "(2:8,3)"}, {"target_device": "AUTO:CPU"}],
    ids=["fixed", "never-one", "device-of-devices"],
)
def test_a_model_that_never_gets_one_row_or_runs_elsewhere_is_not(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    assert calls_of_one_row(load(weighed(tmp_path), **options)) is None


def test_a_large_model_or_one_with_strings_is_not(tmp_path: Path) -> None:
    assert calls_of_one_row(load(weighed(tmp_path / "large", (-1, 1024), 1024))) is None
    assert calls_of_one_row(load(write_strings(tmp_path, (-1,)))) is None


def test_a_model_that_one_row_does_not_suit_serves_the_others(tmp_path: Path) -> None:
    x = given("x", shape=(-1, 3))
    halves = opset13.reshape(x, opset13.constant(np.array([2, -1])), special_zero=False)
    model = load(write(tmp_path, [x], {"y": opset13.reduce_sum(halves, 1).output(0)}))
    assert calls_of_one_row(model) is None
    assert infer(model, x=np.ones((2, 3), np.float32))["y"].tolist() == [3, 3]
    assert refusal(model, x=np.ones((1, 3), np.float32)).code is Code.INVALID_ARGUMENT


def test_calls_of_one_row_and_of_more_overlap(tmp_path: Path) -> None:
    model = load(weighed(tmp_path), nireq=3)

    def one(number: int) -> bool:
        rows = number % 3
        answer = infer(model, x=np.full((rows, 3), number, np.float32))["y"]
        return answer.tolist() == [[3 * number] * 2] * rows

    with ThreadPoolExecutor(3) as threads:
        assert all(threads.map(one, range(300)))


# Failures


def test_shapes_that_do_not_fit_each_other_are_the_callers_fault(tmp_path: Path) -> None:
    a, b = given("a"), given("b")
    model = load(write(tmp_path, [a, b], {"sum": opset13.add(a, b).output(0)}))
    error = refusal(model, a=floats(1, 2, 3), b=floats(1, 2))
    assert error.code is Code.INVALID_ARGUMENT
    assert error.message == (
        "model demo version 1 does not accept these shapes: a float32 (3,), b float32 (2,)"
    )
    assert infer(model, a=floats(1, 2), b=floats(1, 2))["sum"].tolist() == [2, 4]


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (
            lambda folder: (folder / "model.bin").unlink(),
            "its weights are missing: the file of the same name",
        ),
        (
            lambda folder: (folder / "model.bin").write_bytes(b"abc"),
            "its weights, the file that ends in .bin, are",
        ),
        (
            lambda folder: swap(folder, b'"MatMul"', b'"MatTwo"'),
            "the installed OpenVINO has no operator MatTwo",
        ),
        (lambda folder: swap(folder, b"<net ", b"<html "), "it is no model that OpenVINO reads: the file is"),
    ],
)
def test_a_broken_file_says_what_is_broken(
    tmp_path: Path, damage: Callable[[Path], object], why: str
) -> None:
    x = given("x", shape=(-1, 3))
    weights = opset13.constant(np.ones((3, 2), np.float32))
    file = write(tmp_path, [x], {"y": opset13.matmul(x, weights, False, False).output(0)})
    damage(tmp_path)
    error = unloaded(file)
    assert error.code is Code.INTERNAL
    assert error.message.startswith(f"model.xml does not load: {why}")


def swap(folder: Path, old: bytes, new: bytes) -> None:
    file = folder / "model.xml"
    file.write_bytes(file.read_bytes().replace(old, new))


# Devices and their properties


@pytest.mark.parametrize(("before", "after"), [(None, "0"), ("1", "1")])
def test_threads_stay_where_the_kernel_puts_them_unless_the_owner_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str | None, after: str
) -> None:
    monkeypatch.delenv("HWLOC_THISSYSTEM", raising=False)
    if before is not None:
        monkeypatch.setenv("HWLOC_THISSYSTEM", before)
    load(doubled(tmp_path))
    assert os.environ["HWLOC_THISSYSTEM"] == after


@pytest.mark.parametrize("device", ["XPU", "HETERO:XPU,CPU", "XPU.1"])
def test_a_device_that_is_not_there_is_named(tmp_path: Path, device: str) -> None:
    error = unloaded(doubled(tmp_path), target_device=device)
    assert error.code is Code.FAILED_PRECONDITION
    assert error.message.startswith("options.target_device: OpenVINO finds no device XPU")
    assert "it finds CPU" in error.message


def test_no_device_at_all_is_refused(tmp_path: Path) -> None:
    assert unloaded(doubled(tmp_path), target_device="").code is Code.INVALID_ARGUMENT


@pytest.mark.parametrize("device", ["CPU", "AUTO", "AUTO:CPU", "MULTI:CPU", "HETERO:CPU", "BATCH:CPU(4)"])
def test_devices_made_of_others_serve(tmp_path: Path, device: str) -> None:
    model = load(doubled(tmp_path, (1, 2)), target_device=device)
    assert infer(model, x=np.array([[1, 2]], np.float32))["y"].tolist() == [[2, 4]]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"NO_SUCH": 1}, "options.plugin_config.NO_SUCH: CPU does not take 1"),
        ({"PERFORMANCE_HINT": "FAST"}, "options.plugin_config.PERFORMANCE_HINT: CPU does not take 'FAST'"),
        (
            {"NUM_STREAMS": 1, "PERF_COUNT": "maybe"},
            "options.plugin_config.PERF_COUNT: CPU does not take 'maybe'",
        ),
    ],
)
def test_a_property_that_the_device_does_not_take_is_named(
    tmp_path: Path, config: dict[str, Any], message: str
) -> None:
    error = unloaded(doubled(tmp_path), plugin_config=config)
    assert error.code is Code.INVALID_ARGUMENT
    assert error.message == message


def test_as_many_calls_overlap_as_there_are_streams_unless_nireq_says_more(tmp_path: Path) -> None:
    assert load(doubled(tmp_path), num_streams=1).concurrency == 1
    assert load(doubled(tmp_path), plugin_config={"NUM_STREAMS": 1}).concurrency == 1
    assert load(doubled(tmp_path), num_streams=1, nireq=5).concurrency == 5


def test_compiled_models_are_kept_where_the_owner_says(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    model = load(doubled(tmp_path / "model"), cache_dir=str(cache))
    assert list(cache.glob("*.blob"))
    model.close()
    assert infer(load(tmp_path / "model" / "model.xml", cache_dir=str(cache)), x=floats(2))["y"].tolist() == [
        4
    ]
