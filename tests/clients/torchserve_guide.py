"""TorchServe's page on its inference API: its snippets as they stand there, but for ports, on live servers.

What the page's snippets send is made here, under the names that they have there.
"""

import base64
import io
import json
import re
import subprocess
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from PIL import Image, ImageDraw, ImageFont

from tests.server_process import Address, serving_listeners

GUIDE: Final = Path(__file__).parent / "guides" / "torchserve_inference_api.md"
LISTENERS: Final = ("default", "torchserve")
STARTED_AS: Final = "--as torchserve"
PROPERTIES: Final = """
inference_address=http://127.0.0.1:0
grpc_inference_port=0
grpc_management_port=0
enable_metrics_api=false
metrics_mode=prometheus
service_envelope=kserve
load_models=all
model_store={store}
"""
PATIENCE_S: Final = 60
KITTEN: Final = (200, 150, 90)
DOGS: Final = (40, 60, 180)
DIGIT: Final = 2  # of the body for KServe's paths, whose answer is the page's own


class Answer(NamedTuple):
    """What curl was told."""

    status: int
    headers: Mapping[str, str]  # by names in lower case
    body: bytes

    @property
    def json(self) -> Any:
        """The body's value."""
        return json.loads(self.body)


def section(heading: str) -> str:
    """What the page has under a heading."""
    return GUIDE.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def lines(heading: str) -> list[str]:
    """The calls of curl under a heading, without those that fetch a picture."""
    found = [line.strip() for line in section(heading).splitlines() if line.strip().startswith("curl ")]
    return [line for line in found if not line.startswith("curl -O ")]


def code(start: str) -> str:
    """The lines from the one that starts so to the end of its block."""
    text = GUIDE.read_text(encoding="utf-8")
    found = re.search(rf"^{re.escape(start)}.*?(?=^```)", text, re.M | re.S)
    assert found is not None, f"the page has no {start}"
    return found[0]


class Live:
    """A server that answers the page's calls, which are made in a folder.

    `usual_version` = which is called where none is named: the highest, or that which TorchServe loads first.
    """

    def __init__(self, address: Address, folder: Path, usual_version: str) -> None:
        self.usual_version = usual_version
        self.url = f"http://localhost:{address.port}"
        self.folder = folder

    def filled(self, text: str) -> str:
        """The snippet with this server's port."""
        return re.sub(r"http://(localhost|127\.0\.0\.1):8080", self.url, text)

    def curl(self, line: str) -> Answer:
        """What a line of the page is answered with."""
        command = self.filled(line).replace("curl ", "curl --silent --show-error --include ", 1)
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.folder, capture_output=True, timeout=PATIENCE_S, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        while head.startswith(b"HTTP/1.1 100"):
            head, _, body = body.partition(b"\r\n\r\n")
        first, *rest = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in rest)
        return Answer(int(first.split()[1]), {name.lower(): value for name, value in headers.items()}, body)


def write_files(folder: Path) -> Path:
    """The pictures and the body that the page's calls send; the folder."""
    images = folder / "docs" / "images"
    images.mkdir(parents=True)
    Image.new("RGB", (64, 48), KITTEN).save(folder / "kitten_small.jpg", quality=95)
    Image.new("RGB", (64, 48), KITTEN).save(images / "kitten_small.jpg", quality=95)
    Image.new("RGB", (48, 64), DOGS).save(images / "dogs-before.jpg", quality=95)
    digits = folder / "examples" / "image_classifier" / "mnist" / "test_data"
    digits.mkdir(parents=True)
    (digits / "0.png").write_bytes(png(digit(0)))
    bodies = folder / "kubernetes" / "kserve" / "kf_request_json" / "v1"
    bodies.mkdir(parents=True)
    instance = {"data": base64.b64encode(png(digit(DIGIT))).decode(), "target": 0}
    (bodies / "mnist.json").write_text(json.dumps({"instances": [instance]}, indent=2), encoding="utf-8")
    return folder


def digit(number: int) -> Image.Image:
    """A digit as MNIST has them: 28 by 28, white on black."""
    image = Image.new("L", (28, 28))
    font = ImageFont.load_default(22)
    ImageDraw.Draw(image).text((14, 14), str(number), fill=255, font=font, anchor="mm")
    return image


def png(image: Image.Image) -> bytes:
    """The picture as a file."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def archive(
    store: Path, name: str, held: Mapping[str, str | bytes], version: str = "1.0", **model: str
) -> Path:
    """A `.mar` of a model of this name, with these members; `model` is what its manifest says besides."""
    store.mkdir(exist_ok=True)
    told = {"modelName": name, "modelVersion": version, "handler": "handler.py", **model}
    path = store / f"{name}-{version}.mar"
    with zipfile.ZipFile(path, "w") as written:
        written.writestr("MAR-INF/MANIFEST.json", json.dumps({"runtime": "python", "model": told}))
        for member, data in held.items():
            written.writestr(member, data)
    return path


@contextmanager
def live(listener: str, store: Path, folder: Path, **settings: Any) -> Iterator[Live]:
    """A server of a store of archives with the usual listener, or with TorchServe's own.

    The latter is as TorchServe has to be for KServe's paths: with an envelope for all that it serves.
    """
    models: dict[str, Any] = {"versions": {"all": True}}
    dialect: dict[str, str] = {}
    if listener == "torchserve":
        models["handler"] = {"service_envelope": "kserve"}
        dialect["dialect"] = "torchserve"
    settings |= {"listeners": [{"port": 0, **dialect}], "every_model": models}
    folder.mkdir(exist_ok=True)
    config = folder / "dragoman.yaml"
    config.write_text(json.dumps(settings), encoding="utf-8")
    with started([str(store), "--trust-code", "--config", str(config)], folder) as found:
        yield found


@contextmanager
def live_as_torchserve(store: Path, folder: Path) -> Iterator[Live]:
    """A server that is started as TorchServe is for KServe's paths."""
    config = folder / "config.properties"
    config.write_text(PROPERTIES.format(store=store), encoding="utf-8")
    flags = ["--start", "--foreground", "--ncs", "--disable-token-auth", "--ts-config", str(config)]
    with started(["--as", "torchserve", *flags], folder, usual_version="1.0") as found:
        yield found


@contextmanager
def started(arguments: Sequence[str], folder: Path, usual_version: str = "2.0") -> Iterator[Live]:
    """A server with these arguments."""
    with serving_listeners(arguments, folder / "log", ["http"]) as addresses:
        yield Live(addresses[0], folder, usual_version)
