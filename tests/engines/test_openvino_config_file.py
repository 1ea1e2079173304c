"""A `config.json` of OpenVINO Model Server, whose models OpenVINO runs with the keys as they stand there."""

import base64
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import grpc
import numpy as np
import pytest
from openvino import opset13
from PIL import Image

from dragoman.wire.protobuf import message_class
from tests.e2e.process import fetch
from tests.server_process import Addresses, serving
from tests.unit.engines import graphs
from tests.unit.engines.openvino.files import Shape, given, write, write_strings
from tests.unit.engines.openvino.test_formats import frozen, saved, small_tflite

OURS: Final = ("--grpc-port", "0", "--as", "ovms", "--rest_port", "1", "--port", "2")
BY_OPENVINO: Final = "engine: openvino\n"


def doubled(folder: Path, shape: Shape) -> None:
    """An IR: y is twice x."""
    x = given("x", shape=shape)
    write(folder, [x], {"y": opset13.add(x, x).output(0)})


def colours(folder: Path) -> None:
    """An IR for images of three by two pixels, channels first: y is x."""
    x = given("x", shape=(1, 3, 2, 3))
    write(folder, [x], {"y": opset13.relu(x).output(0)})


def weighed(folder: Path) -> None:
    """An IR: y is the three values of x by a matrix."""
    x = given("x", shape=(-1, 3))
    weights = opset13.constant(np.ones((3, 2), np.float32))
    write(folder, [x], {"y": opset13.matmul(x, weights, False, False).output(0)})


def of_others(models: Path) -> None:
    """Models of other frameworks, which their `model.yaml` gives to OpenVINO."""
    graphs.save(graphs.half_plus_two(), models / "onnx" / "1" / "model.onnx")
    saved(models / "saved" / "1")
    for name, make in (("frozen", frozen), ("tflite", small_tflite)):
        version = models / name / "1"
        version.mkdir(parents=True)
        made = make(models / name)
        made.rename(version / made.name)
    shutil.rmtree(models / "tflite" / "saved")
    for name in ("onnx", "saved", "frozen", "tflite"):
        (models / name / "model.yaml").write_text(BY_OPENVINO)


# Each model: what writes it, and its keys beside name and path.
MODELS: Final[dict[str, tuple[Any, dict[str, Any]]]] = {
    "any": (lambda folder: doubled(folder, (1, 3)), {"shape": "auto"}),
    "ranged": (lambda folder: doubled(folder, (1, 3)), {"shape": {"x": "(2:4,3)"}, "nireq": 2}),
    "fixed": (lambda folder: doubled(folder, (-1, 3)), {"shape": "(2,3)"}),
    "four": (lambda folder: doubled(folder, (1, 3)), {"batch_size": "4"}),
    "tuned": (
        lambda folder: doubled(folder, (-1, 3)),
        {"target_device": "CPU", "nireq": 3, "plugin_config": {"NUM_STREAMS": "2", "PERF_COUNT": "YES"}},
    ),
    "turned": (colours, {"layout": "NHWC:NCHW"}),
    "strings": (lambda folder: write_strings(folder, (-1,)), {}),
    "misfit": (weighed, {"shape": "(1,5)"}),
    "untuned": (lambda folder: doubled(folder, (-1, 3)), {"plugin_config": {"NO_SUCH": "1"}}),
    **{name: (None, {}) for name in ("onnx", "saved", "frozen", "tflite")},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ovms")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Addresses]:
    """All of them, with compiled models kept in a folder."""
    models = folder / "models"
    of_others(models)
    entries = []
    for name, (make, keys) in MODELS.items():
        if make is not None:
            (models / name / "1").mkdir(parents=True)
            make(models / name / "1")
        entries.append({"config": {"name": name, "base_path": str(models / name), **keys}})
    config = folder / "config.json"
    config.write_text(json.dumps({"model_config_list": entries}))
    command = [*OURS, "--config_path", str(config), "--cache_dir", str(folder / "cache")]
    with serving(command, folder / "server.log") as addresses:
        yield addresses


def asked(server: Addresses, model: str, values: Any) -> tuple[int, Any]:
    url = f"http://{server.http.host}:{server.http.port}/v1/models/{model}:predict"
    return fetch(url, json.dumps({"instances": values}))


def rows(count: int) -> list[list[float]]:
    return [[1.0, 2.0, 3.0]] * count


def twice(count: int) -> dict[str, Any]:
    return {"predictions": [[2.0, 4.0, 6.0]] * count}


def shape_of(server: Addresses, model: str) -> list[int]:
    url = f"http://{server.http.host}:{server.http.port}/v1/models/{model}/metadata"
    signatures = fetch(url)[1]["metadata"]["signature_def"]["signatureDef"]
    return [int(dim["size"]) for dim in signatures["serving_default"]["inputs"]["x"]["tensorShape"]["dim"]]


@pytest.mark.parametrize(
    ("model", "count"),
    [
        ("any", 1),
        ("any", 7),
        ("ranged", 2),
        ("ranged", 4),
        ("fixed", 2),
        ("four", 4),
        ("tuned", 1),
        ("tuned", 9),
    ],
)
def test_a_model_takes_as_many_rows_as_its_keys_say(server: Addresses, model: str, count: int) -> None:
    assert asked(server, model, rows(count)) == (200, twice(count))


@pytest.mark.parametrize(("model", "count"), [("ranged", 1), ("ranged", 5), ("fixed", 1), ("four", 1)])
def test_and_no_others(server: Addresses, model: str, count: int) -> None:
    status, answer = asked(server, model, rows(count))
    assert status == 400, answer
    assert answer["error"].startswith("Invalid ")


@pytest.mark.parametrize(
    ("model", "shape"), [("any", [-1, -1]), ("ranged", [-1, 3]), ("four", [4, 3]), ("turned", [1, 2, 3, 3])]
)
def test_metadata_has_the_shape_that_the_keys_give(server: Addresses, model: str, shape: list[int]) -> None:
    assert shape_of(server, model) == shape


def test_a_layout_turns_tensors_and_images_alike(server: Addresses) -> None:
    pixels = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    seen = pixels[..., ::-1]  # blue, green, red
    expected = 200, {"predictions": [seen.transpose(2, 0, 1).astype(float).tolist()]}
    assert asked(server, "turned", [seen.tolist()]) == expected
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    assert asked(server, "turned", [{"b64": base64.b64encode(file.getvalue()).decode()}]) == expected


def test_strings_come_back_over_rest_and_grpc(server: Addresses) -> None:
    assert asked(server, "strings", ["a", "bc"]) == (200, {"predictions": ["a", "bc"]})
    request = message_class("tensorflow.serving.PredictRequest")()
    request.model_spec.name = "strings"
    request.inputs["x"].dtype = 7
    request.inputs["x"].tensor_shape.dim.add(size=2)
    request.inputs["x"].string_val.extend([b"\xff\x00", b""])
    response = message_class("tensorflow.serving.PredictResponse")
    with grpc.insecure_channel(f"{server.grpc.host}:{server.grpc.port}") as channel:
        call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
        answer = response.FromString(call(request.SerializeToString(), timeout=30))
    assert list(answer.outputs["y"].string_val) == [b"\xff\x00", b""]


@pytest.mark.parametrize(
    ("model", "values", "answer"),
    [
        ("onnx", [1.0, 2.0, 5.0], [2.5, 3.0, 4.5]),
        ("saved", [[1.0, 2.0]], [[21.0]]),
        ("frozen", [1.0], [2.5]),
        ("tflite", [1.0, 2.0, 5.0], [2.5, 3.0, 4.5]),
    ],
)
def test_files_of_other_frameworks_are_read_by_openvino(
    server: Addresses, model: str, values: Any, answer: Any
) -> None:
    assert asked(server, model, values) == (200, {"predictions": answer})


@pytest.mark.parametrize("model", ["misfit", "untuned"])
def test_a_model_that_does_not_take_its_keys_does_not_serve(server: Addresses, model: str) -> None:
    status, answer = fetch(f"http://{server.http.host}:{server.http.port}/v1/models/{model}")
    assert status == 200, answer
    assert answer["model_version_status"][0]["state"] != "AVAILABLE"
    assert asked(server, model, rows(1))[0] in (404, 503)


def test_compiled_models_are_kept(server: Addresses, folder: Path) -> None:
    assert asked(server, "any", rows(1))[0] == 200
    assert list((folder / "cache").glob("*.blob"))
