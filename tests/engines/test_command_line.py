"""A command line of TensorFlow Serving with models of several kinds, as it stands in a start script."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import grpc
import pytest

from dragoman.wire.protobuf import message_class
from tests.conformance import reference_models
from tests.e2e.process import Server, fetch, serving
from tests.unit.engines.tensorflow.saved_models import half_plus_two, write_graph

LIST = """
model_config_list {
  config {
    name: "half" base_path: "%(models)s/half" model_platform: "tensorflow"
    model_version_policy { all {} }
    version_labels { key: "stable" value: 1 } version_labels { key: "canary" value: 2 }
  }
  config { name: "mixed" base_path: "%(models)s/mixed" model_platform: "tensorflow" }
  config { name: "matrix" base_path: "%(models)s/matrix" model_platform: "tensorflow" }
}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A SavedModel in two versions with labels, and two ONNX models."""
    models = tmp_path_factory.mktemp("models")
    reference_models.write(models)
    for version, offset in ((1, 2.0), (2, 3.0)):
        write_graph(models / "half" / str(version), partial(half_plus_two, offset))
    listed = models / "models.config"
    listed.write_text(LIST % {"models": models})
    command = ["--port=8500", "--rest_api_port=8501", f"--model_config_file={listed}", "--enable_batching"]
    ours = ["--host", "127.0.0.1", "--port", "0"]
    with serving("serve", *ours, "--as", "tfserving", *command) as running:
        yield running


def asked(server: Server, path: str, body: object) -> Any:
    status, answer = fetch(f"{server.url}/v1/models/{path}", json.dumps(body))
    assert status == 200, answer
    return answer


@pytest.mark.parametrize(
    ("path", "answer"),
    [("half", 3.5), ("half/versions/1", 2.5), ("half/labels/stable", 2.5), ("half/labels/canary", 3.5)],
)
def test_a_saved_model_answers_predict_by_version_and_label(server: Server, path: str, answer: float) -> None:
    assert asked(server, f"{path}:predict", {"instances": [1.0]}) == {"predictions": [answer]}


def test_a_saved_models_other_signatures_answer_classify_and_regress(server: Server) -> None:
    examples = {"examples": [{"x": 80.0}, {"x": 20.0}]}
    regress = {"signature_name": "regress_x_to_y", **examples}
    classify = {"signature_name": "classify_x_to_y", **examples}
    assert asked(server, "half/versions/1:regress", regress) == {"results": [42.0, 12.0]}
    assert asked(server, "half/versions/1:classify", classify) == {"results": [[["", 42.0]], [["", 12.0]]]}


def test_an_onnx_model_of_the_same_list_answers_beside_it(server: Server) -> None:
    transposed = asked(server, "matrix:predict", {"inputs": [[1, 2], [3, 4]]})
    assert transposed == {"outputs": [[1.0, 3.0], [2.0, 4.0]]}


def test_all_of_them_answer_over_grpc(server: Server) -> None:
    address = urlsplit(server.read_until("listening on grpc://").split()[-1]).netloc
    request = message_class("tensorflow.serving.PredictRequest")()
    response = message_class("tensorflow.serving.PredictResponse")
    request.model_spec.name = "half"
    request.model_spec.version_label = "stable"
    request.inputs["x"].dtype = 1
    request.inputs["x"].float_val.append(4.0)
    request.inputs["x"].tensor_shape.dim.add(size=1)
    with grpc.insecure_channel(address) as channel:
        call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
        answer = response.FromString(call(request.SerializeToString(), timeout=30))
    assert list(answer.outputs["y"].float_val) == [4.0]
    assert answer.model_spec.version.value == 1
