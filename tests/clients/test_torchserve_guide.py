"""Every snippet of TorchServe's page on its inference API, as it stands there, but for ports and pictures.

Each runs against the usual listener, against TorchServe's own, and against a server that is started as
TorchServe is, on handlers of Python and Pillow.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic
from types import SimpleNamespace
from typing import Any, Final

import pytest
import requests
from openapi_spec_validator import OpenAPIV30SpecValidator

from tests.clients.torchserve_guide import (
    DIGIT,
    LISTENERS,
    PATIENCE_S,
    STARTED_AS,
    Answer,
    Live,
    archive,
    code,
    digit,
    lines,
    live,
    live_as_torchserve,
    png,
    section,
    write_files,
)

pytestmark = pytest.mark.clients

# Whether a picture is rather red or blue, as an image classifier of TorchServe's answers.
CLASSIFIER: Final = """
import io
from PIL import Image

LABELS = ("tabby", "golden_retriever")

class Classifier:
    def initialize(self, context):
        self.version = context.manifest["model"]["modelVersion"]

    def handle(self, data, context):
        return [self.classified(row.get("data") or row.get("body")) for row in data]

    def classified(self, given):
        if isinstance(given, list):
            return [self.classified(each) for each in given]
        red, _, blue = Image.open(io.BytesIO(given)).resize((1, 1)).getpixel((0, 0))
        scores = {"tabby": red / (red + blue), "golden_retriever": blue / (red + blue)}
        found = sorted(scores, key=scores.get, reverse=True)
        return {**{label: scores[label] for label in found}, "version": self.version}
"""

# The digit that a picture is most like; explained by the share of each pixel.
MNIST: Final = """
import base64
import io
import os
from PIL import Image, ImageChops, ImageStat

class Digits:
    def initialize(self, context):
        folder = context.system_properties["model_dir"]
        self.known = [Image.open(os.path.join(folder, f"{number}.png")) for number in range(10)]

    def handle(self, data, context):
        images = [self.opened(row.get("data") or row.get("body")) for row in data]
        if context.get_request_header(0, "explain") == "True":
            return [self.explained(image, row.get("target") or 0) for image, row in zip(images, data)]
        return [self.recognized(image) for image in images]

    def opened(self, given):
        return Image.open(io.BytesIO(base64.b64decode(given) if isinstance(given, str) else given))

    def recognized(self, image):
        return min(range(10), key=lambda number: self.distance(image, number))

    def distance(self, image, number):
        return ImageStat.Stat(ImageChops.difference(image, self.known[number])).sum[0]

    def explained(self, image, target):
        common = ImageChops.multiply(image, self.known[target])
        return [[[common.getpixel((x, y)) / 255 for x in range(28)] for y in range(28)]]
"""

ECHO: Final = """
from ts.handler_utils.utils import send_intermediate_predict_response

def handle(data, context):
    if type(data) is list:
        for _ in range(3):
            send_intermediate_predict_response(["hello"], context.request_ids, "ok", 200, context)
        return ["hello world "]
"""

# Goes on when the client says that it has got the first part.
PATIENT: Final = """
from ts.handler_utils.utils import send_intermediate_predict_response

def handle(data, context):
    if data is None:
        return None
    send_intermediate_predict_response(["first"], context.request_ids, "ok", 200, context)
    with open(data[0]["body"].decode()) as pipe:
        return [pipe.read()]
"""

HANDLER: Final = "from ts.handler_utils.utils import send_intermediate_predict_response\n"
# Loads once; its worker ends when it is called, and no other can load it.
MORTAL: Final = """
import os

class Mortal:
    def initialize(self, context):
        self.mark = os.path.join(context.system_properties["model_dir"], "called")
        if os.path.exists(self.mark):
            raise RuntimeError("once is enough")

    def handle(self, data, context):
        open(self.mark, "w").close()
        os._exit(1)
"""


def write_store(store: Path) -> Path:
    """The archives that the page's calls are of; the folder."""
    for version in ("1.0", "2.0"):
        archive(store, "resnet-18", {"handler.py": CLASSIFIER}, version)
    archive(store, "squeezenet1_1", {"handler.py": CLASSIFIER})
    archive(store, "mnist", {"handler.py": MNIST, **{f"{n}.png": png(digit(n)) for n in range(10)}})
    archive(store, "echo_stream", {"handler.py": ECHO})
    archive(store, "patient", {"handler.py": PATIENT})
    pages = code(HANDLER)
    archive(store, "new_home", {"handler.py": pages})
    older = pages.replace(
        HANDLER, HANDLER.replace("ts.handler_utils.utils", "ts.protocol.otf_message_handler")
    )
    archive(store, "old_home", {"handler.py": older})
    return store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_store(tmp_path_factory.mktemp("archives") / "store")


@pytest.fixture(scope="module", params=[*LISTENERS, STARTED_AS])
def server(
    request: pytest.FixtureRequest, store: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Live]:
    folder = write_files(tmp_path_factory.mktemp(request.param))
    by_flags = request.param == STARTED_AS
    started = live_as_torchserve(store, folder) if by_flags else live(request.param, store, folder)
    with started as found:
        yield found


def test_the_api_is_described(server: Live) -> None:
    (line,) = lines("API Description")
    answer = server.curl(line)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json["openapi"] == "3.0.1"
    assert answer.json["info"]["title"] == "TorchServe APIs"
    assert list(OpenAPIV30SpecValidator(answer.json).iter_errors()) == []
    # Those of the description that the page links to.
    assert answer.json["paths"].keys() >= {
        "/",
        "/ping",
        "/v1/models/{model_name}:predict",
        "/v2/models/{model_name}/infer",
        "/predictions/{model_name}",
        "/predictions/{model_name}/{model_version}",
        "/api-description",
        "/metrics",
    }


def test_a_server_that_runs_is_healthy(server: Live) -> None:
    (line,) = lines("Health check API")
    answer = server.curl(line)
    documented = re.search(r"```json\n(.*?)```", section("Health check API"), re.S)
    assert documented is not None
    assert (answer.status, answer.json) == (200, json.loads(documented[1]))


def best(answer: Answer) -> Any:
    """The likeliest class, its probability, and the version that says so."""
    assert answer.status == 200, answer.body
    label, probability = next(iter(answer.json.items()))
    return label, round(probability, 1), answer.json["version"]


@pytest.mark.parametrize("index", [0, 1, 3, 4], ids=["-T", "-F", "2.0 -T", "2.0 -F"])
def test_a_kitten_is_a_tabby(server: Live, index: int) -> None:
    line = lines("Predictions API")[index]
    assert "resnet-18" in line
    version = "2.0" if "/2.0" in line else server.usual_version
    assert best(server.curl(line)) == ("tabby", 0.7, version)


def test_another_version_is_called_by_its_name(server: Live) -> None:
    line = lines("Predictions API")[3]
    assert best(server.curl(line.replace("/2.0", "/1.0"))) == ("tabby", 0.7, "1.0")


def two_images() -> str:
    """The call with two pictures of one name."""
    line = lines("Predictions API")[2]
    assert line.count("-F") == 2
    return line


def test_of_two_pictures_of_one_name_the_last_counts(server: Live) -> None:
    assert best(server.curl(two_images()))[:2] == ("tabby", 0.7)


@pytest.mark.parametrize("listener", LISTENERS)
def test_both_pictures_come_where_repeated_parts_are_wanted(
    listener: str, store: Path, tmp_path: Path
) -> None:
    write_files(tmp_path)
    with live(listener, store, tmp_path, repeated_parts="all") as server:
        answer = server.curl(two_images())
        assert [next(iter(each)) for each in answer.json] == ["golden_retriever", "tabby"]
        pictures = [tmp_path / "docs" / "images" / name for name in ("dogs-before.jpg", "kitten_small.jpg")]
        files = [("data", (picture.name, picture.read_bytes())) for picture in pictures]
        url = f"{server.url}/predictions/squeezenet1_1"
        assert requests.post(url, files=files, timeout=PATIENCE_S).json() == answer.json
        assert best(server.curl(lines("Predictions API")[1])) == ("tabby", 0.7, "2.0")


def test_requests_sends_the_one_file_that_a_dict_keeps(server: Live) -> None:
    program = server.filled(code("import requests\n\nres = ")) + "print(res.status_code, res.text)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=server.folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    status, _, body = done.stdout.partition(" ")
    assert (status, next(iter(json.loads(body)))) == ("200", "tabby")


def test_the_pages_client_reads_a_stream_in_parts(server: Live) -> None:
    told: list[tuple[str, ...]] = []
    names: dict[str, Any] = {
        "requests": requests,
        "TF_INFERENCE_API": server.url,
        # The page's test starts a server of its own and fetches the archive; here both are there.
        "test_utils": SimpleNamespace(
            start_torchserve=lambda **_: None,
            register_model=lambda *names: told.append(names),
            unregister_model=lambda *names: told.append(names),
        ),
    }
    exec(code("def test_echo_stream_inference():"), names)
    names["test_echo_stream_inference"]()
    assert [name for name, *_ in told] == ["echo_stream", "echo_stream"]


@pytest.mark.parametrize("home", ["new_home", "old_home"])
def test_each_part_of_the_pages_handler_is_a_chunk(server: Live, home: str) -> None:
    with requests.post(
        f"{server.url}/predictions/{home}", data="foo", stream=True, timeout=PATIENCE_S
    ) as answer:
        assert (answer.status_code, answer.headers["Transfer-Encoding"]) == (200, "chunked")
        chunks = list(answer.iter_content(chunk_size=None))
    assert chunks == [b"intermediate_response"] * 3 + [b"hello world "]


def test_a_chunk_comes_before_the_next_is_made(server: Live, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    url = f"{server.url}/predictions/patient"
    with requests.post(url, data=str(pipe), stream=True, timeout=PATIENCE_S) as answer:
        chunks = answer.iter_content(chunk_size=None)
        assert next(chunks) == b"first"
        pipe.write_text("second", encoding="utf-8")
        assert list(chunks) == [b"second"]


def test_a_connection_is_kept_between_predictions(server: Live) -> None:
    picture = (server.folder / "kitten_small.jpg").read_bytes()
    with closing(HTTPConnection(server.url.removeprefix("http://"), timeout=PATIENCE_S)) as connection:
        connection.connect()
        first = connection.sock
        for _ in range(3):
            connection.request("POST", "/predictions/resnet-18", picture)
            with connection.getresponse() as answer:
                assert answer.status == 200
                answer.read()
            assert connection.sock is first


def depth(value: Any) -> tuple[int, ...]:
    """The shape of nested lists."""
    return (len(value), *depth(value[0])) if isinstance(value, list) else ()


def test_a_digit_is_explained(server: Live) -> None:
    (line,) = lines("Explanations API")
    answer = server.curl(line)
    assert (answer.status, depth(answer.json)) == (200, (1, 28, 28))


def test_kserves_path_recognizes_the_digit(server: Live) -> None:
    (line,) = lines("KServe Inference API")
    answer = server.curl(line)
    assert (answer.status, answer.json) == (200, {"predictions": [DIGIT]})


def test_kserves_path_explains_the_digit(server: Live) -> None:
    (line,) = lines("KServe Explanations API")
    answer = server.curl(line)
    assert answer.status == 200
    assert answer.json.keys() == {"explanations"}
    assert depth(answer.json["explanations"]) == (1, 1, 28, 28)


def test_no_call_of_the_page_is_left_out() -> None:
    counts = {
        "API Description": 1,
        "Health check API": 1,
        "Predictions API": 5,
        "Explanations API": 1,
        "KServe Inference API": 1,
        "KServe Explanations API": 1,
    }
    assert {heading: len(lines(heading)) for heading in counts} == counts


def mortal(window_s: int, folder: Path) -> Path:
    """A store of two models, of which one's worker can be ended; the time in which it may come back."""
    store = folder / "store"
    held = {"handler.py": MORTAL, "model-config.yaml": f"maxRetryTimeoutInSec: {window_s}\n"}
    archive(store, "mortal", held, configFile="model-config.yaml")
    archive(store, "echo_stream", {"handler.py": ECHO})
    return store


def end_worker(server: Live) -> None:
    """Call the model whose worker ends then."""
    answer = server.curl("curl http://localhost:8080/predictions/mortal -d x")
    assert (answer.status, answer.json["type"]) == (500, "InternalServerException")


@pytest.mark.parametrize("listener", LISTENERS)
def test_a_server_is_healthy_while_a_dead_worker_may_come_back(listener: str, tmp_path: Path) -> None:
    with live(listener, mortal(300, tmp_path), tmp_path / "server") as server:
        end_worker(server)
        answer = server.curl(lines("Health check API")[0])
        assert (answer.status, answer.json) == (200, {"status": "Healthy"})


@pytest.mark.parametrize("listener", LISTENERS)
def test_a_server_is_unhealthy_once_a_dead_worker_is_given_up(listener: str, tmp_path: Path) -> None:
    with live(listener, mortal(0, tmp_path), tmp_path / "server") as server:
        (line,) = lines("Health check API")
        assert server.curl(line).json == {"status": "Healthy"}
        end_worker(server)
        given_up_s = monotonic() + PATIENCE_S
        while (answer := server.curl(line)).status == 200:
            assert monotonic() < given_up_s, "the server is healthy still"
        assert (answer.status, answer.json) == (500, {"status": "Unhealthy"})
