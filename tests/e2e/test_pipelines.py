"""Pipelines of a server that runs: the example, changed settings, models that come and go."""

import json
import signal
import subprocess
import sys

import pytest

from tests.conformance import reference_models
from tests.e2e.process import dragoman_run, fetch, serving
from tests.meta.contracts import TREE

EXAMPLE = TREE / "examples" / "pipelines"
CHAIN = """
config_poll_s: 0.05
polling: {poll_s: 0.05, settle_s: 0.05}
models: [{name: half, path: MODELS/half_plus_two, versions: [1]}]
pipelines:
- name: chain
  inputs: [in]
  nodes:
  - {name: first, model: half, inputs: {x: request.in}}
  - {name: second, model: half, inputs: {x: first.y}}
  outputs: {out: second.y}
listeners: [{port: 0}]
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """The reference models."""
    folder = tmp_path_factory.mktemp("models")
    reference_models.write(folder)
    return folder


@pytest.fixture
def settings(models, tmp_path):
    """Writes a file of settings."""

    def write(text):
        path = tmp_path / "dragoman.yaml"
        path.write_text(text.replace("MODELS", str(models)))
        return path

    return write


def predicted(server, name="chain"):
    status, answer = fetch(f"{server.url}/v1/models/{name}:predict", json.dumps({"instances": [2.0]}))
    return answer["predictions"] if status == 200 else status


def state(server, name="chain"):
    return fetch(f"{server.url}/v1/models/{name}")[1]["model_version_status"][0]["state"]


def test_the_example_reads_numbers():
    with serving("serve", str(EXAMPLE / "dragoman.yaml"), "--port", "0") as server:

        def ask(number):
            command = [sys.executable, str(EXAMPLE / "ask.py"), number, server.url]
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout.rstrip("\n")

        assert ask("20 26") == "2026"
        assert ask("7") == "7"
        assert ask("  ") == 'node "cut": Pipeline execution aborted due to no content from custom node'
        assert fetch(f"{server.url}/v1/models/number:predict", json.dumps({"inputs": [[1.0] * 9] * 8})) == (
            400,
            {"error": 'node "cut": the strip is 9 pixels long, which is no multiple of 8'},
        )
        shown = dragoman_run("show", "number", "--url", server.url).stdout.splitlines()
        assert [line.split() for line in shown[1:]] == [
            ["version", "1:", "ready,", "pipeline"],
            ["serving_default", "(predict)"],
            ["in", "strip", "float32", "[8,", "?]"],
            ["out", "number", "bytes", "[1]"],
        ]
        assert server.end(signal.SIGTERM) == 0


def test_a_pipeline_follows_its_models_and_its_settings(settings):
    path = settings(CHAIN)
    with serving("serve", str(path)) as server:
        assert predicted(server) == [3.5]
        settings(CHAIN.replace("versions: [1]", "versions: [2]"))
        server.read_until("half version 2: ready")
        server.read_until("chain version 1: ready")
        assert predicted(server) == [5.0]
        settings(CHAIN.replace("half, path", "other, path"))
        server.read_until(
            "chain version 1: failed: Pipeline definition has reference to missing model - node"
        )
        assert (predicted(server), state(server)) == (503, "END")
        settings(CHAIN)
        server.read_until("half version 1: ready")
        server.read_until("chain version 1: ready")
        assert predicted(server) == [3.5]
        settings(CHAIN.replace("x: first.y", "x: second.y"))
        server.read_until("chain version 1: failed: Pipeline definition contains a cycle - nodes second")
        settings(CHAIN.replace("name: chain", "name: other"))
        server.read_until("other version 1: ready")
        assert predicted(server, "other") == [3.5]
        assert server.end(signal.SIGTERM) == 0


def test_operators_unload_and_load_a_pipeline_and_its_models(settings):
    with serving("serve", str(settings(CHAIN))) as server:

        def verb(*words):
            return dragoman_run(*words, "--url", server.url).returncode

        assert verb("unload", "chain") == 0
        assert predicted(server) == 503
        assert verb("load", "chain") == 0
        assert predicted(server) == [3.5]
        assert verb("unload", "half") == 0
        server.read_until("chain version 1: failed")
        assert verb("load", "half") == 0
        server.read_until("chain version 1: ready")
        assert predicted(server) == [3.5]
