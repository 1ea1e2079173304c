"""Every snippet of OpenVINO Model Server's page on clients, as it stands there, but for ports and ellipses.

Each runs against the default listener and against one that is started as that server is, on models of
numbers, texts and images.
"""

import base64
import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from PIL import Image

from tests.clients import my_models
from tests.clients.conftest import run
from tests.clients.environments import Environment
from tests.clients.ovms_server import ovms_serving
from tests.server_process import Addresses

pytestmark = pytest.mark.clients

GUIDE: Final = Path(__file__).parent / "guides" / "openvino_model_server.md"
COLOR: Final = (200, 100, 50)  # red, green, blue
PIXELS: Final = [[[[50.0, 100.0, 200.0]] * 2] * 2]  # of every image that has this colour alone
THOUSAND: Final = [float(number) for number in range(1, 1001)]
AVAILABLE: Final = {"state": "AVAILABLE", "error_code": 0, "error_message": ""}
CLIENTS: Final = ("ovmsclient [GRPC]", "ovmsclient [REST]", "tensorflow-serving-api")
ALL: Final = (*CLIENTS, "curl")


def snippet(heading: str, tab: str) -> str:
    """What the guide shows under a heading in a tab."""
    section = GUIDE.read_text(encoding="utf-8").partition(f"### {heading}\n")[2].partition("\n### ")[0]
    item = section.partition(f"tab-item}} {tab}\n")[2].partition("\n:::")[0]
    found = re.search(r"^```\{code\} \w+\n(.*?)^```$", item, re.M | re.S)
    assert found is not None, f"the guide has no {tab} under {heading}"
    return found[1]


class Servers:
    """The servers of one listener by the kind of values that their `my_model` takes."""

    def __init__(self, listener: str, addresses: Mapping[str, Addresses]) -> None:
        self.listener = listener
        self._addresses = addresses

    def filled(self, text: str, kind: str) -> str:
        """The snippet with this server's ports, and its ellipsis as what it stands for."""
        addresses = self._addresses[kind]
        text = text.replace("localhost:9000", f"localhost:{addresses.grpc.port}")
        text = text.replace("localhost:8000", f"localhost:{addresses.http.port}")
        return text.replace("1.0, 2.0, ..., 1000.0", ", ".join(map(str, THOUSAND)))


@pytest.fixture(scope="module", params=["default", "ovms"])
def servers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    if request.param == "default":
        yield Servers("default", request.getfixturevalue("my_model"))
        return
    folder = tmp_path_factory.mktemp("guide")
    repositories = dict(my_models.write(folder))
    # NumPy makes doubles of the guide's numbers, and that server takes no doubles for floats.
    repositories["numbers"] = folder / "doubles"
    my_models.save(my_models.doubling(np.float64), repositories["numbers"], my_models.NAME)
    with ExitStack() as stack:
        found = {}
        for kind, repository in repositories.items():
            place = tmp_path_factory.mktemp(kind)
            found[kind] = stack.enter_context(ovms_serving(repository, place))
        yield Servers("ovms", found)


@pytest.fixture(scope="module")
def environments(ovmsclient: Environment, tensorflow: Environment) -> Mapping[str, Environment]:
    return dict(zip(CLIENTS, (ovmsclient, ovmsclient, tensorflow), strict=True))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an image, in which snippets run."""
    folder = tmp_path_factory.mktemp("snippets")
    pixels = np.full((24, 32, 3), COLOR, np.uint8)
    Image.fromarray(pixels).save(folder / "img.jpeg", quality=95)
    return folder


@pytest.fixture
def answer(servers: Servers, environments: Mapping[str, Environment], folder: Path) -> Any:
    """What a snippet gives, by its heading and tab, on a model of this kind of values."""

    def answered(heading: str, tab: str, kind: str, variable: str = "results") -> Any:
        text = servers.filled(snippet(heading, tab), kind)
        if tab == "curl":
            return curl(text)
        file = folder / "snippet.py"
        file.write_text(text, encoding="utf-8")
        return run(environments[tab], "guide_snippet.py", file, variable)["result"]

    return answered


def curl(text: str) -> Any:
    """The answer to a call, whose lines the guide breaks where a shell would not go on."""
    command = " ".join(text.split("\n")).replace("curl ", "curl --silent --show-error ")
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def numbers(told: Any) -> list[float]:
    """The elements of an array, whatever its type."""
    elements: list[float] = told["values"]
    return elements


@pytest.mark.parametrize("tab", CLIENTS)
def test_the_status_tells_each_version(tab: str, answer: Any) -> None:
    variable = "model_status" if tab == "tensorflow-serving-api" else "status"
    assert answer("Request Model Status", tab, "numbers", variable) == {"1": AVAILABLE}


def test_curl_is_told_the_status(answer: Any) -> None:
    status = {"error_code": "OK", "error_message": ""}
    version = {"version": "1", "state": "AVAILABLE", "status": status}
    assert answer("Request Model Status", "curl", "numbers")["model_version_status"] == [version]


@pytest.mark.parametrize("kind", ["numbers", "strings", "pictures"])
@pytest.mark.parametrize("tab", CLIENTS)
def test_the_metadata_tells_inputs_and_outputs(tab: str, kind: str, servers: Servers, answer: Any) -> None:
    tensor = {
        "numbers": {"shape": [], "dtype": "DT_DOUBLE" if servers.listener == "ovms" else "DT_FLOAT"},
        "strings": {"shape": [-1], "dtype": "DT_STRING"},
        "pictures": {"shape": [-1, 2, 2, 3], "dtype": "DT_FLOAT"},
    }[kind]
    assert answer("Request Model Metadata", tab, kind, "model_metadata") == {
        "model_version": 1,
        "inputs": {"input_name": tensor},
        "outputs": {"output_name": tensor},
    }


def test_curl_is_told_the_metadata(answer: Any) -> None:
    told = answer("Request Model Metadata", "curl", "pictures")
    assert (told["modelSpec"]["name"], told["modelSpec"]["version"]) == ("my_model", "1")
    signature = told["metadata"]["signature_def"]["signatureDef"]["serving_default"]
    (tensor,) = signature["inputs"].values()
    assert tensor["dtype"] == "DT_FLOAT"
    assert [dim["size"] for dim in tensor["tensorShape"]["dim"]] == ["-1", "2", "2", "3"]


@pytest.mark.parametrize("tab", CLIENTS)
def test_the_bytes_of_an_image_are_its_pixels(tab: str, answer: Any) -> None:
    assert numbers(answer("Request Prediction on a Binary Input", tab, "pictures")) == PIXELS


def test_the_bytes_that_curl_sends_are_no_image(answer: Any) -> None:
    told = answer("Request Prediction on a Binary Input", "curl", "pictures")
    assert told["error"].startswith("Image parsing failed")


def test_the_bytes_that_curl_sends_are_a_text(answer: Any) -> None:
    told = answer("Request Prediction on a Binary Input", "curl", "strings")
    assert told == {"predictions": ["awesome image bytes"]}


def test_curl_sends_an_image(servers: Servers, folder: Path) -> None:
    text = servers.filled(snippet("Request Prediction on a Binary Input", "curl"), "pictures")
    encoded = base64.b64encode((folder / "img.jpeg").read_bytes()).decode()
    assert curl(text.replace("YXdlc29tZSBpbWFnZSBieXRlcw==", encoded)) == {"predictions": PIXELS}


@pytest.mark.parametrize("tab", CLIENTS)
def test_an_array_is_predicted(tab: str, answer: Any) -> None:
    doubled = [2 * number for number in THOUSAND]
    assert numbers(answer("Request Prediction on a Numpy Array", tab, "numbers")) == doubled


def test_curl_sends_numbers(answer: Any) -> None:
    told = answer("Request Prediction on a Numpy Array", "curl", "numbers")
    assert told == {"predictions": [[2.0 * number for number in range(1, 11)]]}


@pytest.mark.parametrize(
    ("tab", "wanted"),
    [
        ("ovmsclient [GRPC]", {"dtype": "bytes64", "values": [{"bytes": "<string>"}]}),
        ("ovmsclient [REST]", {"dtype": "str256", "values": ["<string>"]}),
        ("tensorflow-serving-api", [{"bytes": "<string>"}]),
        ("curl", {"predictions": ["<string>"]}),
    ],
)
def test_a_text_comes_back(tab: str, wanted: Any, answer: Any) -> None:
    assert answer("Request Prediction on a string", tab, "strings") == wanted


def test_no_snippet_is_left_out() -> None:
    tabs = re.findall(r"^:::\{tab-item\} (.+)$", GUIDE.read_text(encoding="utf-8"), re.M)
    assert tabs == [*ALL] * 5
