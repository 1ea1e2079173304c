"""What the pages on clients show works as it stands there, but for the ports."""

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.clients.conftest import ready
from tests.clients.environments import DEEPLOY, Environment
from tests.server_process import Addresses

pytestmark = pytest.mark.clients

DOCS = Path(__file__).parents[2] / "docs"
DOUBLED = "[2. 4. 6.]"
STATUS = "{1: {'state': 'AVAILABLE', 'error_code': 0, 'error_message': ''}}"


def example(page: str, heading: str, addresses: Addresses) -> str:
    """The first block of code below that heading, at the ports of this server."""
    section = (DOCS / page).read_text(encoding="utf-8").partition(f"# {heading}\n")[2]
    found = re.search(r"^```\w+\n(.*?)^```$", section, re.M | re.S)
    assert found is not None
    block = found[1]
    for port, address in {8000: addresses.http, 8001: addresses.grpc}.items():
        block = block.replace(f"localhost:{port}", f"localhost:{address.port}")
    return block


def printed(*command: object) -> str:
    """What the command prints; the test fails with its complaints where it fails."""
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_example_of_tensorflow_serving_api_works(
    tensorflow: Environment, my_model: Mapping[str, Addresses]
) -> None:
    code = example("clients.md", "tensorflow-serving-api", my_model["numbers"])
    assert printed(tensorflow.python, "-c", code).strip() == DOUBLED


def test_the_example_of_ovmsclient_works(ovmsclient: Environment, my_model: Mapping[str, Addresses]) -> None:
    code = example("clients.md", "ovmsclient", my_model["numbers"])
    lines = printed(ovmsclient.python, "-c", code).splitlines()
    assert lines[2] == lines[5] == DOUBLED
    assert lines[0] == lines[3] == STATUS


def test_the_example_of_its_successor_works(my_model: Mapping[str, Addresses]) -> None:
    code = example("ovmsclient.md", "ovmsclient, and what takes its place", my_model["numbers"])
    lines = printed(sys.executable, "-c", code).splitlines()
    assert lines[2] == lines[5] == DOUBLED
    assert lines[0] == lines[3] == STATUS


def test_the_calls_with_curl_work(my_model: Mapping[str, Addresses]) -> None:
    code = example("clients.md", "curl", my_model["numbers"])
    answers = printed("bash", "-euc", code.replace("curl ", "curl --silent --fail "))
    assert '"AVAILABLE"' in answers
    assert '"signature_def"' in answers
    assert answers.endswith('{"predictions":[[2.0,4.0,6.0]]}')


def test_the_example_of_kserve_works(kserve: Environment, my_model: Mapping[str, Addresses]) -> None:
    shown = example("clients.md", "kserve", my_model["numbers"])
    lines = printed(kserve.python, "-c", shown).splitlines()
    assert lines == ["True", "{'predictions': [2.0, 4.0]}", DOUBLED, DOUBLED]


def test_the_example_of_mlserver_works(mlserver: Environment, my_model: Mapping[str, Addresses]) -> None:
    shown = example("clients.md", "mlserver", my_model["numbers"])
    assert printed(mlserver.python, "-c", shown).strip() == DOUBLED


def test_the_example_of_tritonclient_works(
    tritonclient: Environment, my_model: Mapping[str, Addresses]
) -> None:
    shown = example("clients.md", "tritonclient", my_model["numbers"])
    assert printed(tritonclient.python, "-c", shown).splitlines() == [DOUBLED, DOUBLED]


def test_the_example_of_deeploys_client_works(reference: Addresses) -> None:
    shown = example("protocols/deeploy.md", "Start", reference)
    lines = printed(ready(DEEPLOY).python, "-c", shown).splitlines()
    assert lines == ["{'predictions': [3.5, 4.0, 5.5]}", "{'explanations': [0.5, 1.0, 2.5]}"]


def test_deeploys_calls_with_curl_give_what_is_shown(reference: Addresses) -> None:
    text = (DOCS / "protocols" / "deeploy.md").read_text(encoding="utf-8").replace("\\\n", "")
    shown = re.findall(r"^    (curl localhost:8000/deployments/.*)\n    (\{.*\})$", text, re.M)
    assert len(shown) == 3
    for command, answer in shown:
        here = command.replace("localhost:8000", f"localhost:{reference.http.port}")
        assert printed("bash", "-c", here.replace("curl", "curl --silent --fail")) == answer
