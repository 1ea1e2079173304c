"""What docs/clients.md shows works as it stands there, but for the ports."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.clients.environments import Environment
from tests.server_process import Addresses

pytestmark = pytest.mark.clients

PAGE = Path(__file__).parents[2] / "docs" / "clients.md"
DOUBLED = "[2. 4. 6.]"


def example(section: str, language: str, addresses: Addresses) -> str:
    """The only block in that language in a section of the page, at the ports of this server."""
    (text,) = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    (block,) = re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)
    ports = {"localhost:8000": addresses.http.port, "localhost:8001": addresses.grpc.port}
    for place, port in ports.items():
        block = block.replace(place, f"localhost:{port}")
    return block


def printed(*command: object) -> str:
    """What the command prints; the test fails with its complaints where it fails."""
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_example_of_tensorflow_serving_api_works(
    tensorflow: Environment, my_model: Mapping[str, Addresses]
) -> None:
    shown = example("tensorflow-serving-api", "python", my_model["numbers"])
    assert printed(tensorflow.python, "-c", shown).strip() == DOUBLED


def test_the_example_of_ovmsclient_works(ovmsclient: Environment, my_model: Mapping[str, Addresses]) -> None:
    shown = example("ovmsclient", "python", my_model["numbers"])
    lines = printed(ovmsclient.python, "-c", shown).splitlines()
    assert lines[2] == lines[5] == DOUBLED
    assert lines[0] == lines[3] == "{1: {'state': 'AVAILABLE', 'error_code': 0, 'error_message': ''}}"


def test_the_calls_with_curl_work(my_model: Mapping[str, Addresses]) -> None:
    shown = example("curl", "sh", my_model["numbers"])
    answers = printed("bash", "-euc", shown.replace("curl ", "curl --silent --fail "))
    assert '"AVAILABLE"' in answers
    assert '"signature_def"' in answers
    assert answers.endswith('{"predictions":[[2.0,4.0,6.0]]}')


def test_the_example_of_kserve_works(kserve: Environment, my_model: Mapping[str, Addresses]) -> None:
    shown = example("kserve", "python", my_model["numbers"])
    lines = printed(kserve.python, "-c", shown).splitlines()
    assert lines == ["True", "{'predictions': [2.0, 4.0]}", DOUBLED, DOUBLED]


def test_the_example_of_mlserver_works(mlserver: Environment, my_model: Mapping[str, Addresses]) -> None:
    shown = example("mlserver", "python", my_model["numbers"])
    assert printed(mlserver.python, "-c", shown).strip() == DOUBLED


def test_the_example_of_tritonclient_works(
    tritonclient: Environment, my_model: Mapping[str, Addresses]
) -> None:
    shown = example("tritonclient", "python", my_model["numbers"])
    assert printed(tritonclient.python, "-c", shown).splitlines() == [DOUBLED, DOUBLED]
