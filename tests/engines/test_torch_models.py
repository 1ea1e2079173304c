"""Models of PyTorch on a live server: three forms of one perceptron, and what is special to each form."""

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, NamedTuple

import grpc
import numpy as np
import pytest
import torch

from dragoman.client import Client, ServerError
from dragoman.core.tensors import DType
from dragoman.wire.protobuf import message_class
from tests.conformance.grpc_messages import tensor_array
from tests.e2e.process import fetch
from tests.engines.torch_programs import write_perceptrons
from tests.server_process import serving
from tests.unit.engines.torch.programs import MLP, Half, N, Pair, export, made, script

FORMS: Final = ("exported", "scripted", "classed")
ROWS: Final = (0, 1, 2, 33)
TOGETHER: Final = 6
BATCHED: Final = f"batching: {{max_size: {TOGETHER}, delay_ms: 60000}}\n"  # it waits until it is full


class Two(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x + 1, x.sum(dim=1)


class Live(NamedTuple):
    """A server, clients of it, and the perceptron that it serves."""

    url: str
    channel: grpc.Channel
    http: Client
    rpc: Client
    model: Any


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("torch_models")
    models = folder / "models"
    model = write_perceptrons(models)
    write_others(models)
    with (
        serving([str(models), "--trust-code"], folder / "log") as (http, rpc, *_),
        grpc.insecure_channel(f"{rpc.host}:{rpc.port}") as channel,
        Client(f"http://{http.host}:{http.port}") as over_http,
        Client(f"grpc://{rpc.host}:{rpc.port}") as over_grpc,
    ):
        yield Live(f"http://{http.host}:{http.port}", channel, over_http, over_grpc, model)


def write_others(models: Path) -> None:
    """A model of each other kind that is asked here; none has to say that it is trusted."""
    for name in ("untyped", "tuple", "batched", "pickle"):
        (models / name).mkdir()
    script(models / "untyped" / "model.pt", Pair())
    export(models / "tuple" / "model.pt2", Two(), [torch.zeros(2, 3)], {"x": {0: N}})
    export(models / "batched" / "model.pt2", made(MLP), [torch.zeros(2, 3)], {"x": {0: N}})
    (models / "batched" / "model.yaml").write_text(BATCHED, encoding="utf-8")
    torch.save(Half(), models / "pickle" / "model.pt")


Way = Callable[[Live, str, Any], Any]


def tfs_rest(live: Live, model: str, x: Any) -> Any:
    """TensorFlow Serving's predict."""
    status, answer = fetch(f"{live.url}/v1/models/{model}:predict", json.dumps({"inputs": {"x": x.tolist()}}))
    assert status == 200, answer
    return np.array(answer["outputs"], np.float32).reshape(len(x), 2)


def tfs_grpc(live: Live, model: str, x: Any) -> Any:
    """The same over gRPC."""
    request = message_class("tensorflow.serving.PredictRequest")()
    request.model_spec.name = model
    request.inputs["x"].dtype = 1
    for size in x.shape:
        request.inputs["x"].tensor_shape.dim.add(size=size)
    request.inputs["x"].tensor_content = x.tobytes()
    call = live.channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
    answer = message_class("tensorflow.serving.PredictResponse").FromString(
        call(request.SerializeToString(), timeout=30)
    )
    return tensor_array(answer.outputs["y"])


WAYS: Final[Mapping[str, Way]] = {
    "TensorFlow Serving REST": tfs_rest,
    "TensorFlow Serving gRPC": tfs_grpc,
    "V2 REST, binary": lambda live, model, x: live.http.infer(model, {"x": x})["y"],
    "V2 gRPC": lambda live, model, x: live.rpc.infer(model, {"x": x})["y"],
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("way", WAYS)
def test_every_form_answers_in_every_way_what_the_model_does(live: Live, form: str, way: str) -> None:
    for rows in ROWS:
        if (
            rows == 0 and way == "TensorFlow Serving REST"
        ):  # an empty list does not tell how wide its rows are
            continue
        x = np.linspace(-3, 3, rows * 3, dtype=np.float32).reshape(rows, 3)
        with torch.inference_mode():
            wanted = live.model(torch.from_numpy(x)).numpy()
        assert np.array_equal(WAYS[way](live, form, x), wanted), rows


@pytest.mark.parametrize("form", FORMS)
def test_the_metadata_tells_what_each_takes_and_gives(live: Live, form: str) -> None:
    told = live.http.metadata(form)
    tensors = {**told.inputs, **told.outputs}
    assert {name: (each.dtype, each.shape) for name, each in tensors.items()} == {
        "x": (DType.FP32, (None, 3)),
        "y": (DType.FP32, (None, 2)),
    }


@pytest.mark.parametrize("form", FORMS)
def test_a_shape_that_does_not_fit_is_refused_with_the_inputs_name(live: Live, form: str) -> None:
    status, answer = fetch(f"{live.url}/v1/models/{form}:predict", json.dumps({"instances": [[1.0, 2.0]]}))
    assert (status, answer) == (400, {"error": 'input "x": shape (1, 2) does not fit (?, 3)'})
    with pytest.raises(ServerError, match=r"'x'.*Expected \[-1,3\], got \[1,2\]"):
        live.http.infer(form, {"x": np.zeros((1, 2), np.float32)})


def test_without_declared_types_typed_tensors_are_taken_and_others_refused(live: Live) -> None:
    sent = {"a": np.array([[1, 2]], np.int16), "b": np.array([0.5], np.float64)}
    for client in (live.http, live.rpc):
        back = client.infer("untyped", sent)
        assert {name: (back[name].dtype, back[name].tolist()) for name in "cd"} == {
            "c": (np.dtype(np.int16), [[1, 2]]),
            "d": (np.dtype(np.float64), [0.5]),
        }
        with pytest.raises(ServerError, match='input "b" is missing'):
            client.infer("untyped", {"a": sent["a"]})
    status, answer = fetch(f"{live.url}/v1/models/untyped:predict", json.dumps({"inputs": {"a": 1, "b": 2}}))
    assert status == 400
    assert "the model does not say of what types its inputs are" in answer["error"]


def test_the_parts_of_a_tuple_are_numbered_in_every_protocol(live: Live) -> None:
    status, answer = fetch(
        f"{live.url}/v1/models/tuple:predict", json.dumps({"instances": [[1.0, 2.0, 3.0]]})
    )
    assert (status, answer) == (200, {"predictions": [{"output0": [2.0, 3.0, 4.0], "output1": 6.0}]})
    result = live.rpc.infer("tuple", {"x": np.ones((2, 3), np.float32)})
    assert result["output1"].tolist() == [3.0, 3.0]


def test_a_pickle_fails_alone_and_says_what_to_do(live: Live) -> None:
    _, answer = fetch(f"{live.url}/v1/models/pickle")
    (version,) = answer["model_version_status"]
    assert version["status"]["error_code"] == "FAILED_PRECONDITION"
    assert "it is a pickle, as torch.save writes" in version["status"]["error_message"]


def test_requests_are_joined_where_that_is_declared(live: Live) -> None:
    rows = np.linspace(-1, 1, TOGETHER * 3, dtype=np.float32).reshape(TOGETHER, 1, 3)

    def ask(row: Any) -> Any:
        with Client(live.url) as client:
            return client.infer("batched", {"x": row})["output0"]

    before = counts(live)
    with ThreadPoolExecutor(TOGETHER) as threads:
        answers = list(threads.map(ask, rows))
    after = counts(live)
    with torch.inference_mode():
        wanted = live.model(torch.from_numpy(rows[:, 0])).numpy()
    assert np.allclose(np.concatenate(answers), wanted, rtol=1e-5, atol=1e-6)
    assert [now - then for now, then in zip(after, before, strict=True)] == [TOGETHER, 1]


def counts(live: Live) -> tuple[int, int]:
    """The rows that were answered, and the calls of the model that it took."""
    _, answer = fetch(f"{live.url}/v2/models/batched/stats")
    (model,) = answer["model_stats"]
    return int(model["inference_count"]), int(model["execution_count"])
