"""Live servers, and the environments of the clients that call them."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from tests.clients import inference_models, my_models
from tests.clients.environments import (
    KSERVE,
    MLSERVER,
    OPENAPI,
    OVMSCLIENT,
    TENSORFLOW,
    TRITONCLIENT,
    Environment,
    is_made,
)
from tests.clients.ovms_server import ovms_serving
from tests.conformance import reference_models
from tests.server_process import Addresses, serving

PROGRAMS: Final = Path(__file__).parent / "programs"
PATIENCE_S: Final = 120
BEHIND_A_PREFIX: Final = """
version: 1
listeners:
  - {port: 0, mounts: [{prefix: /serving, target: /}]}
  - {port: 0, transport: grpc}
"""
OURS: Final = "dragoman.client.ovms"


@pytest.fixture(scope="session")
def tensorflow() -> Environment:
    return ready(TENSORFLOW)


@pytest.fixture(scope="session")
def ovmsclient() -> Environment:
    return ready(OVMSCLIENT)


@pytest.fixture(scope="session")
def tritonclient() -> Environment:
    return ready(TRITONCLIENT)


@pytest.fixture(scope="session")
def kserve() -> Environment:
    return ready(KSERVE)


@pytest.fixture(scope="session")
def mlserver() -> Environment:
    return ready(MLSERVER)


@pytest.fixture(scope="session")
def openapi() -> Environment:
    return ready(OPENAPI)


def ready(environment: Environment) -> Environment:
    """The environment, which has to be there: a client that is skipped goes untested unnoticed."""
    assert is_made(environment), f"there is no environment {environment.name}: run scripts/clients"
    return environment


@pytest.fixture(scope="session")
def my_model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Addresses]]:
    """A default server for each kind of `my_model`."""
    folder = tmp_path_factory.mktemp("my_model")
    with ExitStack() as stack:
        yield {
            kind: stack.enter_context(serving([str(repository)], folder / f"{kind}.log"))
            for kind, repository in my_models.write(folder).items()
        }


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    """A default server of the reference models, and of one that is slow."""
    folder = tmp_path_factory.mktemp("reference")
    reference_models.write(folder / "models")
    my_models.save(my_models.slow(), folder / "models", "slow")
    with serving([str(folder / "models")], folder / "log") as addresses:
        yield addresses


@pytest.fixture(scope="session")
def inference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    """A default server of the models for the Open Inference Protocol, also behind /serving."""
    folder = tmp_path_factory.mktemp("inference")
    inference_models.write(folder / "models")
    (folder / "dragoman.yaml").write_text(BEHIND_A_PREFIX, encoding="utf-8")
    arguments = [str(folder / "models"), "--trust-code", "--config", str(folder / "dragoman.yaml")]
    with serving(arguments, folder / "log") as addresses:
        yield addresses


@pytest.fixture(scope="session")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    """A server of the reference models in TensorFlow Serving's own dialect."""
    folder = tmp_path_factory.mktemp("strict")
    reference_models.write(folder / "models")
    with serving([str(folder / "models"), "--as", "tfserving"], folder / "log") as addresses:
        yield addresses


TWICE: Final = {
    "name": "twice",
    "inputs": ["in"],
    "nodes": [
        {
            "name": name,
            "model_name": "half_plus_two",
            "type": "DL model",
            "inputs": [{"x": {"node_name": source, "data_item": item}}],
            "outputs": [{"data_item": "y", "alias": "halved"}],
        }
        for name, source, item in [("first", "request", "in"), ("second", "first", "halved")]
    ],
    "outputs": [{"out": {"node_name": "second", "data_item": "halved"}}],
}


@pytest.fixture(scope="session")
def ovms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    """The same models and a pipeline, on a server that is started as OpenVINO Model Server is."""
    folder = tmp_path_factory.mktemp("ovms")
    reference_models.write(folder / "models")
    my_models.save(my_models.slow(), folder / "models", "slow")
    with ovms_serving(folder / "models", folder, TWICE) as addresses:
        yield addresses


class Package(NamedTuple):
    """A package that has ovmsclient's calls, and the interpreter that knows it."""

    name: str
    python: Path

    @property
    def is_ours(self) -> bool:
        """Whether it is the one that comes with the server."""
        return self.name == OURS


@pytest.fixture(scope="session", params=["ovmsclient", OURS])
def package(request: pytest.FixtureRequest) -> Package:
    """ovmsclient itself, and the package that takes its place."""
    if request.param == OURS:
        return Package(OURS, Path(sys.executable))
    return Package(request.param, ready(OVMSCLIENT).python)


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that starts as a JPEG does and is no text."""
    file = tmp_path_factory.mktemp("image") / "img.jpeg"
    file.write_bytes(b"\xff\xd8\xff\xe0 not a picture \0\1\2\3")
    return file


class Told:
    """What a program told of each of its functions."""

    def __init__(self, told: Mapping[str, Mapping[str, Any]]) -> None:
        self._told = told

    def __getitem__(self, function: str) -> Any:
        """What it gave; the test fails with its traceback where it failed."""
        told = self._told[function]
        assert "gave" in told, told["failed"]
        return told["gave"]


def run(environment: Environment | Package, program: str, *arguments: object) -> Told:
    """Run a program of `programs` in a client's environment."""
    command = [environment.python, PROGRAMS / program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr
    return Told(json.loads(done.stdout.splitlines()[-1]))
