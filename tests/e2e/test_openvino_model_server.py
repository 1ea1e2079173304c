"""A server in OpenVINO Model Server's place: how it starts, or does not, and its metrics."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import grpc
import pytest

from dragoman.wire.protobuf import message_classes
from dragoman.wire.tfs_messages import messages
from tests.conformance import reference_models
from tests.e2e.process import dragoman_run
from tests.server_process import Addresses, serving

PREDICTION: Final = "/tensorflow.serving.PredictionService"
PROTOS: Final = message_classes("tensorflow.serving", ["PredictRequest"])
CHAIN: Final = {
    "name": "chain",
    "inputs": ["in"],
    "nodes": [
        {
            "name": "half",
            "type": "DL model",
            "model_name": "half",
            "inputs": [{"x": {"node_name": "request", "data_item": "in"}}],
            "outputs": [{"data_item": "y", "alias": "y"}],
        }
    ],
    "outputs": [{"out": {"node_name": "half", "data_item": "y"}}],
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    reference_models.write(folder)
    return folder


@pytest.fixture
def addresses(models: Path, tmp_path: Path) -> Iterator[Addresses]:
    half = {"config": {"name": "half", "base_path": str(models / "half_plus_two")}}
    families = ["ovms_requests_success", "ovms_requests_fail", "ovms_request_time_us"]
    families += ["ovms_inference_time_us", "ovms_infer_req_queue_size"]
    config = {
        "model_config_list": [half],
        "pipeline_config_list": [CHAIN],
        "monitoring": {"metrics": {"enable": True, "metrics_list": families}},
    }
    file = tmp_path / "config.json"
    file.write_text(json.dumps(config))
    flags = ["--as", "ovms", "--rest_port", "1", "--port", "2", "--config_path", str(file)]
    with serving(flags, tmp_path / "log") as found:
        yield found


def ask(addresses: Addresses, path: str, body: Any = None) -> int:
    """The status of the answer over REST."""
    data = None if body is None else json.dumps(body).encode()
    url = f"http://{addresses.http.host}:{addresses.http.port}{path}"
    try:
        with urlopen(Request(url, data)) as answer:
            return answer.status
    except HTTPError as error:
        return error.code


def scraped(addresses: Addresses) -> dict[str, int]:
    """The values of the page whose names are the reference's."""
    with urlopen(f"http://{addresses.http.host}:{addresses.http.port}/metrics") as answer:
        page = answer.read().decode()
    lines = [line.rpartition(" ") for line in page.splitlines() if line.startswith("ovms_")]
    return {name: int(value) for name, _, value in lines}


def count(outcome: str, api: str, interface: str, method: str, name: str, version: str = "2") -> str:
    """The name of a counter."""
    labels = {"api": api, "interface": interface, "method": method, "name": name}
    labels |= {"version": version} if version else {}
    inside = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return f"ovms_requests_{outcome}{{{inside}}}"


def test_requests_are_counted_as_the_reference_counts_them(addresses: Addresses) -> None:
    before = scraped(addresses)
    assert ask(addresses, "/v1/models/half:predict", {"inputs": [1.0]}) == 200
    assert ask(addresses, "/v1/models/half:predict", {"inputs": "a"}) == 400
    assert ask(addresses, "/v1/models/half:predict", [1]) == 400
    assert ask(addresses, "/v1/models/chain/versions/7:predict", {"inputs": {"in": [1.0]}}) == 200
    assert ask(addresses, "/v1/models/nobody:predict", {"inputs": [1.0]}) == 404
    assert ask(addresses, "/v1/models/half/metadata") == 200
    assert ask(addresses, "/v1/models/half") == 200
    infer = {"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [1.0]}]}
    assert ask(addresses, "/v2/models/half/infer", infer) == 200
    assert ask(addresses, "/v2/models/half/ready") == 200
    with grpc.insecure_channel(f"{addresses.grpc.host}:{addresses.grpc.port}") as channel:
        tensor = {"dtype": 1, "tensor_shape": {"dim": [{"size": 1}]}, "float_val": [1.0]}
        request = PROTOS["PredictRequest"](model_spec={"name": "half"})
        request.inputs["x"].CopyFrom(type(request.inputs["x"])(**tensor))
        channel.unary_unary(f"{PREDICTION}/Predict")(request.SerializeToString())
        asked = messages().GetModelMetadataRequest(model_spec={"name": "half"}, metadata_field=["other"])
        with pytest.raises(grpc.RpcError):
            channel.unary_unary(f"{PREDICTION}/GetModelMetadata")(asked.SerializeToString())
    after = scraped(addresses)
    assert before.keys() == after.keys()
    families = {name.partition("{")[0] for name, value in before.items() if value}
    assert families == {"ovms_infer_req_queue_size"}
    grown = {name: value for name, value in after.items() if value and name.startswith("ovms_requests_")}
    assert grown == {
        count("success", "TensorFlowServing", "REST", "Predict", "half"): 1,
        count("fail", "TensorFlowServing", "REST", "Predict", "half"): 2,
        count("success", "TensorFlowServing", "REST", "Predict", "chain", "1"): 1,
        count("success", "TensorFlowServing", "REST", "GetModelMetadata", "half"): 1,
        count("success", "TensorFlowServing", "REST", "GetModelStatus", "half", ""): 1,
        count("success", "KServe", "REST", "ModelInfer", "half"): 1,
        count("success", "KServe", "REST", "ModelReady", "half", ""): 1,
        count("success", "TensorFlowServing", "gRPC", "Predict", "half"): 1,
        count("fail", "TensorFlowServing", "gRPC", "GetModelMetadata", "half"): 1,
    }
    times = "ovms_request_time_us_count"
    assert after[f'{times}{{interface="REST",name="half",version="2"}}'] == 2
    assert after[f'{times}{{interface="gRPC",name="half",version="2"}}'] == 1
    assert after[f'{times}{{interface="REST",name="chain",version="1"}}'] == 1
    assert after['ovms_inference_time_us_count{name="half",version="2"}'] == 4  # the pipeline's, too
    assert not any(name.startswith(("ovms_streams", "ovms_wait")) for name in after)


def one_model(place: Path) -> subprocess.CompletedProcess[str]:
    """A start that is to fail."""
    flags = ("--as", "ovms", "--rest_port", "1", "--model_name", "m", "--model_path", str(place))
    return dragoman_run("serve", "--host", "127.0.0.1", "--port", "0", *flags)


def test_the_one_model_of_a_command_line_has_to_load(tmp_path: Path) -> None:
    ended = one_model(tmp_path / "nowhere")
    assert ended.returncode == 1
    assert "listening on" not in ended.stdout
    assert "m: there is no such file or folder as its path names" in ended.stderr.splitlines()[-1]
    (tmp_path / "m" / "1").mkdir(parents=True)
    ended = one_model(tmp_path / "m")
    assert ended.returncode == 1
    assert "listening on" not in ended.stdout
    assert "m/1 is empty: " in ended.stderr.splitlines()[-1]


def test_a_file_with_models_that_do_not_load_starts_all_the_same(tmp_path: Path) -> None:
    config = {"model_config_list": [{"config": {"name": "m", "base_path": str(tmp_path / "nowhere")}}]}
    (tmp_path / "config.json").write_text(json.dumps(config))
    flags = ["--as", "ovms", "--rest_port", "1", "--port", "2"]
    with serving([*flags, "--config_path", str(tmp_path / "config.json")], tmp_path / "log") as found:
        assert ask(found, "/v1/config") == 200


@pytest.mark.parametrize("text", [None, "{", "[]", '{"models": []}'])
def test_a_file_that_is_none_ends_the_start(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "config.json"
    if text is not None:
        file.write_text(text)
    ended = dragoman_run("serve", "--as", "ovms", "--rest_port", "1", "--config_path", str(file))
    assert ended.returncode != 0
    assert str(file) in ended.stderr
