"""What a caller says beside a request's tensors reaches a Python model, whichever form it is said in."""

import json

import pytest

from dragoman.client import Client
from tests.e2e.process import fetch, serving

MODEL = """
import json

class Model:
    inputs = {"x": ("float32", [None])}
    outputs = {"heard": "bytes"}

    def predict(self, inputs, call):
        return {"heard": [json.dumps(dict(call.parameters), sort_keys=True)]}
"""
SAID = {"temperature": 0.5, "greedy": False, "top": 3, "stop": "."}
READ_BY_THE_PROTOCOL = {"priority": 1, "timeout": 10, "binary_data_output": False}
X = {"name": "x", "shape": [1], "datatype": "FP32", "data": [1.0]}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "listener"
    folder.mkdir()
    (folder / "model.py").write_text(MODEL)
    with serving("serve", str(folder), "--port", "0", "--grpc-port", "0") as running:
        yield running


def test_parameters_of_an_inference_request(server):
    body = {"inputs": [X], "parameters": SAID | READ_BY_THE_PROTOCOL}
    status, answer = fetch(f"{server.url}/v2/models/listener/infer", json.dumps(body))
    assert (status, json.loads(answer["outputs"][0]["data"][0])) == (200, SAID)


def test_parameters_beside_the_inputs_of_a_generate_call(server):
    body = {"x": 1.0, "temperature": 0.5, "id": "7", "parameters": {"top": 3}}
    status, answer = fetch(f"{server.url}/v2/models/listener/generate", json.dumps(body))
    assert (status, json.loads(answer["heard"])) == (200, {"temperature": 0.5, "top": 3})


def test_who_says_nothing_is_heard_to(server):
    status, answer = fetch(f"{server.url}/v2/models/listener/infer", json.dumps({"inputs": [X]}))
    assert (status, json.loads(answer["outputs"][0]["data"][0])) == (200, {})
    status, answer = fetch(f"{server.url}/v1/models/listener:predict", json.dumps({"inputs": [1.0]}))
    assert (status, json.loads(answer["outputs"][0])) == (200, {})


@pytest.mark.parametrize("transport", ["http", "grpc"])
def test_parameters_of_the_python_client(server, transport):
    listening = f"listening on {transport}:"
    while not any(line.startswith(listening) for line in server.lines):
        server.read_until("listening on ")
    url = next(line.split()[-1] for line in server.lines if line.startswith(listening))
    with Client(url) as client:
        result = client.infer("listener", {"x": [1.0]}, parameters=SAID)
        assert json.loads(result["heard"][0]) == SAID
