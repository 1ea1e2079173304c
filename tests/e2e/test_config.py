"""`dragoman serve` by files of settings: our own, and TensorFlow Serving's with its command line."""

import json
import signal
from urllib.parse import urlsplit

import grpc
import pytest

from dragoman.wire.tfs_messages import messages
from tests.conformance import reference_models
from tests.e2e.process import fetch, serving, starting

HALF = json.dumps({"instances": [1.0]})
LIST = """
model_config_list {
  config {
    name: "half" base_path: "%(models)s/half_plus_two" model_platform: "tensorflow"
    model_version_policy { specific { versions: 1 versions: 2 } }
    version_labels { key: "stable" value: 1 } version_labels { key: "canary" value: 2 }
  }
  config { name: "matrix" base_path: "%(models)s/matrix" model_platform: "tensorflow" }
  config { name: "mixed" base_path: "%(models)s/mixed" model_platform: "tensorflow" }
}
"""
FREE_PORTS = ("--host", "127.0.0.1", "--port", "0")
RELOAD = "/tensorflow.serving.ModelService/HandleReloadConfigRequest"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """The reference models."""
    folder = tmp_path_factory.mktemp("models")
    reference_models.write(folder)
    return folder


@pytest.fixture
def models_config(models, tmp_path):
    """TensorFlow Serving's list of three models."""
    path = tmp_path / "models.config"
    path.write_text(LIST % {"models": models})
    return path


@pytest.fixture
def dragoman_yaml(models, tmp_path):
    """Writes a file of settings with one model."""

    def write(text):
        path = tmp_path / "dragoman.yaml"
        path.write_text(text.replace("MODELS", str(models)))
        return path

    return write


def predicted(url, path):
    status, answer = fetch(f"{url}/v1/models/{path}:predict", HALF)
    return answer["predictions"] if status == 200 else status


def grpc_address(server):
    line = next(line for line in server.lines if line.startswith("listening on grpc://"))
    return urlsplit(line.split()[-1]).netloc


def test_an_unchanged_command_line_of_tensorflow_serving_serves_its_models(models_config, tmp_path):
    monitoring = tmp_path / "monitoring.config"
    monitoring.write_text('prometheus_config { enable: true path: "/monitoring/metrics" }')
    command = [
        "--port=8500", "--rest_api_port=8501", f"--model_config_file={models_config}",
        f"--monitoring_config_file={monitoring}", "--enable_batching", "--rest_api_timeout_in_ms=10000",
        "--tensorflow_session_parallelism=1", "--file_system_poll_wait_seconds=0",
    ]  # fmt: skip
    with serving("serve", *FREE_PORTS, "--as", "tfserving", *command) as server:
        url = server.url
        assert predicted(url, "half") == [3.5]
        assert predicted(url, "half/versions/1") == [2.5]
        assert predicted(url, "half/labels/stable") == [2.5]
        assert predicted(url, "half/labels/canary") == [3.5]
        assert fetch(f"{url}/v1/models/matrix")[1]["model_version_status"][0]["state"] == "AVAILABLE"
        assert server.end(signal.SIGTERM) == 0
        assert "3 of 3 models ready; Ctrl-C ends the server" in server.lines


def test_metrics_have_tensorflow_servings_names_at_the_configured_path(models_config, tmp_path):
    monitoring = tmp_path / "monitoring.config"
    monitoring.write_text("prometheus_config { enable: true }")
    command = [f"--model_config_file={models_config}", f"--monitoring_config_file={monitoring}"]
    with serving("serve", *FREE_PORTS, "--as", "tfserving", "--rest_api_port=8501", *command) as server:
        assert predicted(server.url, "half") == [3.5]
        text = page(server.url + "/monitoring/prometheus/metrics")
        assert ':tensorflow:serving:request_count{model_name="half",status="OK"} 1\n' in text


def page(url):
    """A text over HTTP."""
    import urllib.request

    with urllib.request.urlopen(url) as answer:
        return answer.read().decode()


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("--port=http", "dragoman: --port: 'http' is not int"),
        ("--model_config_file=nowhere.config", "dragoman: nowhere.config cannot be read: no such file"),
        ("--use_alts_credentials", "dragoman: --use_alts_credentials: there is no ALTS"),
    ],
)
def test_a_command_line_that_cannot_be_honoured_ends_the_start(models, word, told):
    command = [f"--model_base_path={models}/matrix", word]
    with starting("serve", "--as", "tfserving", *command) as server:
        assert server.process.wait() == 1
        assert server.process.stderr.read().startswith(told)


def test_what_does_nothing_here_is_told_and_the_server_starts(models):
    command = [
        f"--model_base_path={models}/matrix",
        "--rest_api_port=8501",
        "--grpc_max_threads=3",
        "--frob=1",
    ]
    with serving("serve", *FREE_PORTS, "--as", "tfserving", *command) as server:
        assert server.end(signal.SIGTERM) == 0
        assert "dragoman: --grpc_max_threads: ignored: gRPC runs on one event loop" in server.errors
        assert "unknown argument: --frob=1" in server.errors


def reload(server, *models):
    """HandleReloadConfigRequest with these models; the response, or the code and text of the failure."""
    request = messages().ReloadConfigRequest()
    for name, path, labels in models:
        model = request.config.model_config_list.config.add()
        model.name, model.base_path, model.model_platform = name, str(path), "tensorflow"
        for label, version in labels.items():
            model.version_labels[label] = version
    with grpc.insecure_channel(grpc_address(server)) as channel:
        call = channel.unary_unary(RELOAD)
        try:
            return messages().ReloadConfigResponse.FromString(call(request.SerializeToString(), timeout=30))
        except grpc.RpcError as error:
            return error.code(), error.details()


def test_a_list_of_models_over_grpc_is_the_whole_truth(models, models_config):
    command = ["--rest_api_port=8501", f"--model_config_file={models_config}"]
    with serving("serve", *FREE_PORTS, "--as", "tfserving", *command) as server:
        server.read_until("listening on grpc://")
        answer = reload(server, ("new", models / "half_plus_two", {}), ("mixed", models / "mixed", {}))
        assert answer.status.error_code == 0
        assert predicted(server.url, "new") == [3.5]
        assert predicted(server.url, "half") == 404
        unavailable = "Request to assign label to version 1 of model new, which is not currently available"
        code, details = reload(server, ("new", models / "half_plus_two", {"stable": 1}))
        assert (code, details.startswith(unavailable)) == (grpc.StatusCode.FAILED_PRECONDITION, True)
        assert predicted(server.url, "new/labels/stable") == 400
        labelled = reload(server, ("new", models / "half_plus_two", {"stable": 2}))
        assert labelled.status.error_code == 0
        assert predicted(server.url, "new/labels/stable") == [3.5]
        code, details = reload(server, ("gone", models / "nowhere", {}))
        assert details.startswith("1 model(s) did not become available: {{{name: gone} due to error: ")


def test_a_file_of_settings_names_models_and_listeners(dragoman_yaml):
    path = dragoman_yaml("""
        models:
          - {name: half, path: MODELS/half_plus_two, versions: all, labels: {stable: 1}}
        listeners:
          - {port: 0, dialect: tfserving}
        """)
    with serving("serve", str(path)) as server:
        assert predicted(server.url, "half/labels/stable") == [2.5]
        assert list(fetch(f"{server.url}/v1/models/half")[1]) == ["model_version_status"]


def test_settings_with_mistakes_end_the_start_with_all_of_them(dragoman_yaml):
    path = dragoman_yaml("models:\n- {path: half}\nlog: {level: loud}\n")
    with starting("serve", str(path)) as server:
        assert server.process.wait() == 1
        first, second = server.process.stderr.read().splitlines()
        assert first == f"dragoman: {path}:2: models[0].name: this key is required"
        assert second == f"{path}:3: log.level: 'loud' is not one of debug, info, warning, error"


def test_changed_settings_are_taken_over_while_serving_and_broken_ones_change_nothing(dragoman_yaml):
    text = "config_poll_s: 0\nmodels: [{name: NAME, path: MODELS/half_plus_two}]\nlisteners: [{port: 0}]\n"
    path = dragoman_yaml(text.replace("NAME", "first"))
    with serving("serve", str(path)) as server:
        dragoman_yaml(text.replace("NAME", "second"))
        server.process.send_signal(signal.SIGHUP)
        server.read_until("second version 2: ready")
        dragoman_yaml("models: [{name: third}]")
        server.process.send_signal(signal.SIGHUP)
        dragoman_yaml(text.replace("NAME", "fourth"))
        server.process.send_signal(signal.SIGHUP)
        server.read_until("fourth version 2: ready")
        assert predicted(server.url, "fourth") == [3.5]
        assert server.end(signal.SIGTERM) == 0


def test_settings_are_polled(dragoman_yaml):
    text = "config_poll_s: 0.05\nmodels: [{name: NAME, path: MODELS/half_plus_two}]\nlisteners: [{port: 0}]\n"
    path = dragoman_yaml(text.replace("NAME", "first"))
    with serving("serve", str(path)) as server:
        dragoman_yaml(text.replace("NAME", "another"))
        server.read_until("another version 2: ready")
        assert server.end(signal.SIGTERM) == 0


def test_the_environment_and_flags_win_over_the_file(dragoman_yaml, monkeypatch):
    monkeypatch.setenv("DRAGOMAN_HTTP_PORT", "1")
    path = dragoman_yaml("models: [{name: half, path: MODELS/half_plus_two}]\nlisteners: [{port: 2}]\n")
    with serving("serve", str(path), "--port", "0") as server:
        assert urlsplit(server.url).port > 2
        assert predicted(server.url, "half") == [3.5]
