"""The REST interface of OpenVINO Model Server as its page on it tells it: every request, every sentence."""

import contextlib
import json
import shutil

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.conformance import reference_models
from tests.conformance.reference_models import build, tensor
from tests.e2e.process import fetch, serving

OK = {"error_code": "OK", "error_message": ""}
NO_FILE = {"error": "Config file not found or cannot open."}
BAD_FILE = {"error": "Reloading config file failed. Check server logs for more info."}
BAD_VERSIONS = {"error": "Reloading models versions failed. Check server logs for more info."}
TWICE = {
    "name": "twice",
    "inputs": ["in"],
    "nodes": [
        {
            "name": name,
            "model_name": "half",
            "type": "DL model",
            "inputs": [{"x": {"node_name": source, "data_item": item}}],
            "outputs": [{"data_item": "y", "alias": "halved"}],
        }
        for name, source, item in [("first", "request", "in"), ("second", "first", "halved")]
    ],
    "outputs": [{"out": {"node_name": "second", "data_item": "halved"}}],
}


def detector():
    """Takes an image of 400 x 600 pixels and finds the same 200 boxes in each."""
    boxes = numpy_helper.from_array(np.zeros((1, 1, 200, 7), np.float32), "boxes")
    nodes = [
        helper.make_node("ReduceMean", ["data"], ["mean"], keepdims=1),
        helper.make_node("Add", ["boxes", "mean"], ["detection_out"]),
    ]
    given, found = [1, 3, 400, 600], [1, 1, 200, 7]
    ends = [tensor("data", TensorProto.FLOAT, given)], [tensor("detection_out", TensorProto.FLOAT, found)]
    return build(nodes, *ends, [boxes])


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """The models that the tests put into their repositories."""
    folder = tmp_path_factory.mktemp("models")
    reference_models.write(folder)
    (folder / "person-detection" / "1").mkdir(parents=True)
    onnx.save(detector(), folder / "person-detection" / "1" / "model.onnx")
    return folder


class Guided:
    """A folder of models with a config.json, and a server of it that looks nowhere unless it is asked to."""

    def __init__(self, root, models):
        self.root = root
        self.models = models
        self.url = None

    def place(self, source, name, version=1):
        """Put a version of a model in its place."""
        shutil.copytree(self.models / source, self.root / name / str(version))

    def write(self, *names, pipelines=(), **more):
        """The config file: models by their names, each in the folder of its name."""
        entries = [{"config": {"name": name, "base_path": name} | more} for name in names]
        document = {"model_config_list": entries, "pipeline_config_list": list(pipelines)}
        (self.root / "config.json").write_text(json.dumps(document), encoding="utf-8")

    @contextlib.contextmanager
    def started(self, *flags):
        """The server, of the config file unless flags say otherwise."""
        given = flags or ("--config_path", str(self.root / "config.json"))
        quiet = ("--file_system_poll_wait_seconds", "0")
        ports = ("--host", "127.0.0.1", "--port", "0", "--as", "ovms", "--rest_port", "8001")
        with serving("serve", *ports, *quiet, *given) as server:
            self.url = server.url
            yield self

    def get(self, path):
        return fetch(f"{self.url}{path}")

    def post(self, path, body=None):
        return fetch(f"{self.url}{path}", "" if body is None else json.dumps(body))

    def reload(self):
        return self.post("/v1/config/reload")


def states(**models):
    """What both calls of the config answer, for versions and their states by model."""
    return {
        name: {
            "model_version_status": [
                {"version": version, "state": state, "status": OK} for version, state in versions.items()
            ]
        }
        for name, versions in models.items()
    }


@pytest.fixture
def guided(models, tmp_path):
    return Guided(tmp_path, models)


@pytest.fixture(scope="module")
def detecting(models, tmp_path_factory):
    """A server of the guide's own model, and of one with two versions."""
    guided = Guided(tmp_path_factory.mktemp("detecting"), models)
    guided.place("person-detection/1", "person-detection")
    guided.place("half_plus_two/1", "half")
    guided.place("half_plus_two/2", "half", 2)
    guided.write("person-detection", "half", model_version_policy={"all": {}})
    with guided.started() as server:
        yield server


def test_the_status_of_a_version(detecting):
    version = {"version": "1", "state": "AVAILABLE", "status": OK}
    answer = detecting.get("/v1/models/person-detection/versions/1")
    assert answer == (200, {"model_version_status": [version]})


def test_the_status_of_all_versions(detecting):
    status, answer = detecting.get("/v1/models/half")
    assert status == 200
    assert answer == states(half={"1": "AVAILABLE", "2": "AVAILABLE"})["half"]


@pytest.mark.parametrize("version", ["/versions/1", ""])
def test_the_metadata(detecting, version):
    status, answer = detecting.get(f"/v1/models/person-detection{version}/metadata")
    assert status == 200
    spec = answer["modelSpec"]
    assert (spec["name"], spec["version"]) == ("person-detection", "1")
    holder = answer["metadata"]["signature_def"]
    assert holder["@type"] == "type.googleapis.com/tensorflow.serving.SignatureDefMap"
    signature = holder["signatureDef"]["serving_default"]
    assert signature["methodName"] == "tensorflow/serving/predict"
    shapes = {
        name: [dim["size"] for dim in described["tensorShape"]["dim"]]
        for name, described in (signature["inputs"] | signature["outputs"]).items()
    }
    assert shapes == {"data": ["1", "3", "400", "600"], "detection_out": ["1", "1", "200", "7"]}
    assert (
        signature["inputs"]["data"]["dtype"] == signature["outputs"]["detection_out"]["dtype"] == "DT_FLOAT"
    )


def test_an_image_as_numbers_is_predicted(detecting):
    body = {"inputs": {"data": np.ones((1, 3, 400, 600), int).tolist()}}
    status, answer = detecting.post("/v1/models/person-detection/versions/1:predict", body)
    assert status == 200
    assert answer == {"outputs": np.ones((1, 1, 200, 7)).tolist()}


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({"instances": [1.0, 2.0]}, {"predictions": [3.5, 4.0]}),
        ({"instances": [{"x": 1.0}, {"x": 2.0}]}, {"predictions": [3.5, 4.0]}),
        ({"inputs": [1.0, 2.0]}, {"outputs": [3.5, 4.0]}),
        ({"inputs": {"x": [1.0, 2.0]}}, {"outputs": [3.5, 4.0]}),
        ({"signature_name": "serving_default", "instances": [1.0]}, {"predictions": [3.5]}),
    ],
)
def test_the_answer_is_in_the_requests_form(detecting, body, answer):
    assert detecting.post("/v1/models/half:predict", body) == (200, answer)


@pytest.mark.parametrize("body", [{"instances": [1.0], "inputs": [1.0]}, {"signature_name": "x"}])
def test_a_request_has_one_of_the_two_forms(detecting, body):
    status, answer = detecting.post("/v1/models/half/versions/2:predict", body)
    assert status == 400
    assert answer == {"error": "Invalid JSON structure. Could not detect row or column format"}


def test_the_config_tells_the_status_of_models_and_pipelines(guided):
    guided.place("half_plus_two/1", "half")
    guided.place("two_out/1", "other", 3)
    guided.write("half", "other", pipelines=[TWICE])
    with guided.started() as server:
        expected = states(half={"1": "AVAILABLE"}, other={"3": "AVAILABLE"}, twice={"1": "AVAILABLE"})
        assert server.get("/v1/config") == (200, expected)


def test_a_changed_file_is_taken_up_by_a_reload_alone(guided):
    guided.place("half_plus_two/1", "half")
    guided.place("two_out/1", "other")
    guided.write("half")
    with guided.started() as server:
        guided.write("half", "other")
        assert server.get("/v1/config") == (200, states(half={"1": "AVAILABLE"}))
        both = states(half={"1": "AVAILABLE"}, other={"1": "AVAILABLE"})
        assert server.reload() == (201, both)
        assert server.reload() == (200, both)
        assert server.get("/v1/config") == (200, both)


def test_a_new_version_is_taken_up_and_pipelines_with_it(guided):
    guided.place("half_plus_two/1", "half")
    guided.write("half", pipelines=[TWICE])
    with guided.started() as server:
        assert server.post("/v1/models/twice:predict", {"inputs": [4.0]}) == (200, {"outputs": [4.0]})
        guided.place("half_plus_two/2", "half", 2)
        changed = states(half={"1": "END", "2": "AVAILABLE"}, twice={"1": "AVAILABLE"})
        assert server.reload() == (201, changed)
        assert server.post("/v1/models/twice:predict", {"inputs": [4.0]}) == (200, {"outputs": [5.5]})


def test_of_one_model_nothing_has_to_be_reloaded(guided):
    guided.place("half_plus_two/1", "half")
    flags = ("--model_name", "half", "--model_path", str(guided.root / "half"))
    with guided.started(*flags) as server:
        assert server.reload() == (200, states(half={"1": "AVAILABLE"}))


def test_a_file_that_is_gone_changes_nothing(guided):
    guided.place("half_plus_two/1", "half")
    guided.write("half")
    with guided.started() as server:
        (guided.root / "config.json").unlink()
        assert server.reload() == (500, NO_FILE)
        assert server.get("/v1/config") == (200, states(half={"1": "AVAILABLE"}))


def test_a_file_that_is_no_json_changes_nothing(guided):
    guided.place("half_plus_two/1", "half")
    guided.write("half")
    with guided.started() as server:
        (guided.root / "config.json").write_text('{"model_config_list": [')
        assert server.reload() == (412, BAD_FILE)
        assert server.get("/v1/config") == (200, states(half={"1": "AVAILABLE"}))


def test_a_model_that_cannot_be_loaded_leaves_the_others_working(guided):
    guided.place("half_plus_two/1", "half")
    guided.write("half")
    with guided.started() as server:
        guided.write("half", "nowhere")
        assert server.reload() == (400, BAD_FILE)
        assert server.post("/v1/models/half:predict", {"inputs": [4.0]}) == (200, {"outputs": [4.0]})
        status, answer = server.get("/v1/config")
        assert status == 200
        assert answer["half"] == states(half={"1": "AVAILABLE"})["half"]


def test_a_pipeline_that_is_wrong_leaves_its_models_working(guided):
    guided.place("half_plus_two/1", "half")
    guided.write("half")
    with guided.started() as server:
        guided.write(
            "half", pipelines=[TWICE | {"outputs": [{"out": {"node_name": "third", "data_item": "y"}}]}]
        )
        assert server.reload() == (500, BAD_FILE)
        (version,) = server.get("/v1/config")[1]["twice"]["model_version_status"]
        assert (version["state"], version["status"]["error_code"]) == ("LOADING", "FAILED_PRECONDITION")
        assert server.post("/v1/models/half:predict", {"inputs": [4.0]}) == (200, {"outputs": [4.0]})


def test_a_models_folder_that_is_gone_is_told(guided):
    guided.place("half_plus_two/1", "half")
    guided.place("two_out/1", "other")
    guided.write("half", "other")
    with guided.started() as server:
        shutil.rmtree(guided.root / "other")
        assert server.reload() == (400, BAD_VERSIONS)
        expected = states(half={"1": "AVAILABLE"}, other={"1": "AVAILABLE"})
        assert server.get("/v1/config") == (200, expected)
