"""curl and requests, as TorchServe's page of its inference API calls it, against handlers in archives."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
import requests
from openapi_spec_validator import OpenAPIV30SpecValidator
from PIL import Image

from tests.clients import handler_models
from tests.server_process import serving

pytestmark = pytest.mark.clients

CAT: Final = {"class": "n02123045 tabby, tabby cat", "probability": 0.42514491081237793}
DOG: Final = {"class": "n02110063 malamute", "probability": 0.42514491081237793}
SETTINGS: Final = """
every_model: {{versions: {{all: true}}}}
repeated_parts: {repeated}
listeners:
- {{dialect: {dialect}}}
- {{transport: grpc}}
"""
KFSERVE: Final = {
    "instances": [{"data": "iVBORw0eKGgoAAAANSUhEUgAAABwAAAAcCAAAAABXZoBIAAAAw0lEQVR4nGNgGFggVVj4"}]
}


class Page(NamedTuple):
    """A server, and the folder of the page's own files."""

    address: str
    folder: Path

    def curl(self, path: str, *arguments: str) -> bytes:
        """What the command prints."""
        command = ["curl", "--silent", "--show-error", "--fail", f"{self.address}{path}", *arguments]
        done = subprocess.run(command, capture_output=True, check=False, cwd=self.folder)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def answer(self, path: str, *arguments: str) -> Any:
        """The same as JSON."""
        return json.loads(self.curl(path, *arguments))


@contextmanager
def served(folder: Path, **settings: str) -> Iterator[Page]:
    """A server of the page's models, with the page's files beside it."""
    (folder / "settings.yaml").write_text(SETTINGS.format(**settings), encoding="utf-8")
    Image.new("RGB", (64, 48), (200, 120, 40)).save(folder / "kitten_small.jpg")
    Image.new("RGB", (64, 48), (20, 60, 200)).save(folder / "dogs-before.jpg")
    (folder / "mnist.json").write_text(json.dumps(KFSERVE), encoding="utf-8")
    store = handler_models.write(folder / "store")
    arguments = [str(store), "--trust-code", "--config", str(folder / "settings.yaml")]
    with serving(arguments, folder / "log") as addresses:
        yield Page(f"http://{addresses.http.host}:{addresses.http.port}", folder)


@pytest.fixture(scope="module", params=["torchserve", "superset"])
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with served(tmp_path_factory.mktemp("page"), dialect=request.param, repeated="last") as found:
        yield found


@pytest.fixture(scope="module")
def default(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with served(tmp_path_factory.mktemp("default"), dialect="superset", repeated="last") as found:
        yield found


@pytest.fixture(scope="module")
def keeping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A server whose handlers get all files of one name."""
    with served(tmp_path_factory.mktemp("keeping"), dialect="torchserve", repeated="all") as found:
        yield found


def test_the_description_is_an_openapi_document(page: Page) -> None:
    found = page.answer("", "-X", "OPTIONS")
    assert found["openapi"] == "3.0.1"
    OpenAPIV30SpecValidator(found).validate()


def test_ping_says_that_all_is_well(page: Page) -> None:
    assert page.answer("/ping") == {"status": "Healthy"}


@pytest.mark.parametrize("version", ["", "/2.0"])
@pytest.mark.parametrize("sent", [("-T", "kitten_small.jpg"), ("-F", "data=@kitten_small.jpg")])
def test_an_image_is_classified(page: Page, version: str, sent: tuple[str, str]) -> None:
    assert page.answer(f"/predictions/resnet-18{version}", *sent) == CAT


def test_of_two_files_of_one_name_the_handler_gets_the_last(page: Page) -> None:
    files = ("-F", "data=@dogs-before.jpg", "-F", "data=@kitten_small.jpg")
    assert page.answer("/predictions/squeezenet1_1", *files) == CAT


def test_where_all_are_wanted_it_gets_both(keeping: Page) -> None:
    files = ("-F", "data=@dogs-before.jpg", "-F", "data=@kitten_small.jpg")
    assert keeping.answer("/predictions/squeezenet1_1", *files) == [DOG, CAT]
    assert keeping.answer("/predictions/squeezenet1_1", *files[2:]) == CAT
    names = ["dogs-before.jpg", "kitten_small.jpg"]
    sent = [("data", (name, (keeping.folder / name).read_bytes())) for name in names]
    answer = requests.post(f"{keeping.address}/predictions/squeezenet1_1", files=sent, timeout=30)
    assert answer.json() == [DOG, CAT]


def test_requests_reads_each_part_of_a_stream_by_itself(page: Page) -> None:
    url = f"{page.address}/predictions/echo_stream"
    response = requests.post(url, data="foo", stream=True, timeout=30)
    assert response.headers["Transfer-Encoding"] == "chunked"
    prediction = [chunk.decode() for chunk in response.iter_content(chunk_size=None) if chunk]
    assert str(" ".join(prediction)) == "hello hello hello hello world "


def test_an_image_is_explained(page: Page) -> None:
    answer = page.answer("/explanations/mnist", "-T", "kitten_small.jpg")
    assert answer == [[[0.004570948731989492, 0.006216969640322402]]]


def test_on_the_default_listener_kserves_paths_choose_its_envelope(default: Page) -> None:
    sent = ("-H", "Content-Type: application/json", "--data", "@mnist.json")
    assert default.answer("/v1/models/mnist:predict", *sent) == {"predictions": [2]}
    explained = default.answer("/v1/models/mnist:explain", *sent)
    assert explained == {"explanations": [[[[0.004570948731989492, 0.006216969640322402]]]]}


def test_connections_are_kept_between_predictions(page: Page) -> None:
    with requests.Session() as session:
        for _ in range(3):
            answer = session.post(f"{page.address}/predictions/mnist", data=b"x", timeout=30)
            assert answer.text == "2"
