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


def examples(language: str, addresses: Addresses) -> list[str]:
    """The page's blocks in that language, at the ports of this server."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    ports = {"localhost:8000": addresses.http.port, "localhost:8001": addresses.grpc.port}
    for place, port in ports.items():
        blocks = [block.replace(place, f"localhost:{port}") for block in blocks]
    return blocks


def printed(*command: object) -> str:
    """What the command prints; the test fails with its complaints where it fails."""
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_example_of_tensorflow_serving_api_works(
    tensorflow: Environment, my_model: Mapping[str, Addresses]
) -> None:
    example, *_ = examples("python", my_model["numbers"])
    assert printed(tensorflow.python, "-c", example).strip() == DOUBLED


def test_the_example_of_ovmsclient_works(ovmsclient: Environment, my_model: Mapping[str, Addresses]) -> None:
    _, example, *_ = examples("python", my_model["numbers"])
    lines = printed(ovmsclient.python, "-c", example).splitlines()
    assert lines[2] == lines[5] == DOUBLED
    assert lines[0] == lines[3] == "{1: {'state': 'AVAILABLE', 'error_code': 0, 'error_message': ''}}"


def test_the_example_of_tritonclient_works(
    tritonclient: Environment, my_model: Mapping[str, Addresses]
) -> None:
    *_, example = examples("python", my_model["numbers"])
    assert printed(tritonclient.python, "-c", example).splitlines() == [DOUBLED, DOUBLED]


def test_the_calls_with_curl_work(my_model: Mapping[str, Addresses]) -> None:
    (example,) = examples("sh", my_model["numbers"])
    answers = printed("bash", "-euc", example.replace("curl ", "curl --silent --fail "))
    assert '"AVAILABLE"' in answers
    assert '"signature_def"' in answers
    assert answers.endswith('{"predictions":[[2.0,4.0,6.0]]}')
