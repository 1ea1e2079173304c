"""`dragoman serve` from its start to its end."""

import contextlib
import json
import os
import shutil
import signal
import socket

import pytest

from tests.e2e.process import DIGITS, dragoman_run, fetch, paste, serving, starting

PREDICT = "/v1/models/digits:predict"
IMAGE = json.dumps({"inputs": [[1.0] * 64]})


@pytest.fixture
def repository(tmp_path):
    """A good model with two versions beside a broken one."""
    shutil.copytree(DIGITS, tmp_path / "digits")
    shutil.copytree(DIGITS / "1", tmp_path / "digits" / "3")
    (tmp_path / "broken" / "1").mkdir(parents=True)
    (tmp_path / "broken" / "1" / "model.onnx").write_bytes(b"this is no model")
    return tmp_path


@pytest.mark.parametrize("path", [DIGITS, DIGITS / "1", DIGITS / "1" / "model.onnx"])
def test_a_models_folder_a_version_and_a_file_are_all_served(path):
    with serving("serve", str(path), "--port", "0") as server:
        line = next(line for line in server.lines if line.startswith("TensorFlow Serving REST: "))
        status, answer = paste(line.partition(": ")[2])
        assert status == 200
        assert len(answer["outputs"]["probabilities"][0]) == 10


def test_each_protocol_is_shown_with_a_request_that_works():
    with serving("serve", str(DIGITS), "--port", "0") as server:
        shown = dict(line.split(": ", 1) for line in server.lines if "curl" in line)
        assert list(shown) == [
            "Open Inference Protocol", "TensorFlow Serving REST", "KServe V1", "TorchServe"
        ]  # fmt: skip
        assert [paste(line)[0] for line in shown.values()] == [200] * len(shown)


@pytest.mark.parametrize(
    ("dialect", "title"),
    [
        ("tfserving", "TensorFlow Serving REST"),
        ("ovms", "OpenVINO Model Server REST"),
        ("kserve", "KServe V1"),
    ],
)
def test_a_strict_listener_is_shown_with_its_own_protocol(dialect, title, tmp_path):
    config = tmp_path / "dragoman.yaml"
    config.write_text(
        f"models: [{{name: digits, path: {DIGITS}}}]\nlisteners: [{{port: 0, dialect: {dialect}}}]\n"
    )
    with serving("serve", str(config)) as server:
        shown = dict(line.split(": ", 1) for line in server.lines if "curl" in line)
        assert title in shown
        assert [paste(line)[0] for line in shown.values()] == [200] * len(shown)


def test_one_line_says_where_the_server_listens_once_the_models_are_loaded(repository):
    with serving("serve", str(repository), "--port", "0") as server:
        assert fetch(server.url + PREDICT, IMAGE)[0] == 200
        assert server.end(signal.SIGTERM) == 0
        assert sum("listening on http://" in line for line in server.lines) == 1


def test_a_broken_model_shows_its_cause_and_the_good_one_serves(repository):
    with serving("serve", str(repository), "--port", "0") as server:
        assert any(line.startswith("broken version 1: failed: ") for line in server.lines)
        assert "1 of 2 models ready; Ctrl-C ends the server" in server.lines
        assert fetch(server.url + PREDICT, IMAGE)[0] == 200
        listed = dragoman_run("models", "--url", server.url)
        assert listed.returncode == 0
        rows = [line.split() for line in listed.stdout.splitlines()]
        assert ["digits", "3"] in [row[:2] for row in rows if row[-1] == "ready"]
        failed = next(i for i, row in enumerate(rows) if row[:2] == ["broken", "1"] and row[-1] == "failed")
        assert rows[failed + 1]


def test_the_listing_as_json_has_states_causes_and_signatures(repository):
    with serving("serve", str(repository), "--port", "0") as server:
        listed = json.loads(dragoman_run("models", "--json", "--url", server.url).stdout)
        models = {model["name"]: model["versions"][-1] for model in listed["models"]}
        assert models["broken"]["state"] == "failed"
        assert models["broken"]["cause"]["message"]
        assert models["digits"]["cause"] is None
        assert len(models["digits"]["signatures"]) == 2


def wait_until_closed(address):
    """Connect until nobody listens any more; the server's watchdog bounds it."""
    with contextlib.suppress(ConnectionError):
        while True:
            socket.create_connection(address).close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_request_in_flight_end_and_takes_no_other(number):
    with (
        serving("serve", str(DIGITS), "--port", "0") as server,
        socket.create_connection(server.address) as client,
    ):
        half = len(IMAGE) // 2
        head = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(IMAGE)}\r\n\r\n"
        client.sendall(head.encode() + IMAGE[:half].encode())
        assert fetch(server.url + PREDICT, IMAGE)[0] == 200  # so the half request has been read, too
        server.process.send_signal(number)
        server.read_until("draining")
        wait_until_closed(server.address)
        client.sendall(IMAGE[half:].encode())
        assert client.makefile("rb").readline().startswith(b"HTTP/1.1 200")
        assert server.process.wait() == 0


def test_a_second_signal_ends_the_server_at_once():
    with (
        serving("serve", str(DIGITS), "--port", "0") as server,
        socket.create_connection(server.address) as client,
    ):
        client.sendall(f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n".encode())
        assert fetch(server.url + PREDICT, IMAGE)[0] == 200
        server.process.send_signal(signal.SIGTERM)
        server.read_until("draining")
        assert server.end(signal.SIGTERM) == -signal.SIGTERM


def test_a_port_in_use_is_told_with_its_owner():
    with socket.create_server(("127.0.0.1", 0)) as occupant:
        port = occupant.getsockname()[1]
        ended = dragoman_run("serve", str(DIGITS), "--port", str(port))
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert f"dragoman: port {port} is in use by process {os.getpid()} (" in ended.stderr
    assert "--port" in ended.stderr


def test_a_host_that_is_not_ours_is_told():
    ended = dragoman_run("serve", str(DIGITS), "--host", "192.0.2.1", "--port", "0")
    assert ended.returncode == 1
    assert ended.stderr.startswith("dragoman: cannot listen on 192.0.2.1:0: ")
    assert "Traceback" not in ended.stderr


def test_the_strict_personality_listens_where_it_is_told():
    with serving("serve", str(DIGITS), "--host", "127.0.0.1", "--port", "0", "--as", "tfserving") as server:
        status, answer = fetch(f"{server.url}/v1/models/digits")
        assert status == 200
        assert list(answer) == ["model_version_status"]


def test_models_names_the_server_that_is_not_there():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # nobody else has the port, and nobody listens on it
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        ended = dragoman_run("models", "--url", url)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"dragoman: no server answers at {url}: ")
    assert len(ended.stderr.splitlines()) == 1


def test_a_signal_while_models_load_ends_the_start(repository):
    with starting("serve", str(repository), "--port", "0") as server:
        server.read_until("broken version 1: loading")
        assert server.end(signal.SIGTERM) == 0
        assert "draining: requests in flight may end" in server.lines
        assert not any("listening on" in line for line in server.lines)


def test_a_file_of_openvino_model_server_is_made_and_served(tmp_path):
    words = ["serve", "--as", "ovms", "--config_path", str(tmp_path)]
    added = dragoman_run(*words, "--add_to_config", "--model_name", "m", "--model_path", str(DIGITS))
    assert added.returncode == 0
    assert added.stdout == f"Model: m added to config: {tmp_path}/config.json\n"
    again = dragoman_run(*words, "--add_to_config", "--model_name", "m", "--model_path", str(DIGITS))
    assert again.returncode == 1
    assert "there is a model 'm' already" in again.stderr
    file = str(tmp_path / "config.json")
    flags = ["--host", "127.0.0.1", "--port", "0", "--as", "ovms", "--config_path", file, "--rest_port", "1"]
    with serving("serve", *flags) as server:
        assert fetch(server.url + "/v1/models/m:predict", IMAGE)[0] == 200
