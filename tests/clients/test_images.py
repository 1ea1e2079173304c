"""Files of images as inputs, sent by released clients as published guides do it."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from PIL import Image

from tests.clients.conftest import Package, run
from tests.clients.environments import Environment
from tests.clients.test_curl import curl
from tests.server_process import Addresses

pytestmark = pytest.mark.clients

COLOR: Final = (200, 100, 50)  # red, green, blue
SEEN: Final = [[[[50.0, 100.0, 200.0]] * 2] * 2]  # of every image that has this colour alone


@pytest.fixture(scope="module")
def jpeg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image of one colour, not of the model's size."""
    file = tmp_path_factory.mktemp("jpeg") / "img.jpeg"
    Image.fromarray(np.full((24, 32, 3), COLOR, np.uint8)).save(file, quality=95)
    return file


def at(addresses: Addresses, transport: str) -> str:
    return f"localhost:{getattr(addresses, transport).port}"


@pytest.mark.parametrize("transport", ["grpc", "http"])
def test_ovmsclient_sends_an_image(
    transport: str, package: Package, my_model: Mapping[str, Addresses], jpeg: Path
) -> None:
    address = at(my_model["pictures"], transport)
    told = run(package, "ovmsclient_my_model.py", package.name, transport, address, address, jpeg)
    assert told["predict_image"]["values"] == SEEN


@pytest.mark.parametrize("transport", ["grpc", "http"])
def test_ovmsclient_is_told_what_is_no_image(
    transport: str, package: Package, my_model: Mapping[str, Addresses], image: Path
) -> None:
    address = at(my_model["pictures"], transport)
    told = run(package, "ovmsclient_my_model.py", package.name, transport, address, address, image)
    with pytest.raises(
        AssertionError, match=r'InvalidInputError: .*: Image parsing failed - input "input_name"'
    ):
        told["predict_image"]


def test_tensorflow_serving_api_sends_an_image(
    tensorflow: Environment, my_model: Mapping[str, Addresses], jpeg: Path
) -> None:
    address = at(my_model["pictures"], "grpc")
    told = run(tensorflow, "tensorflow_my_model.py", address, address, jpeg)
    assert told["predict_image"] == {"dtype": "float32", "values": SEEN}


@pytest.mark.parametrize("call", ["over_http", "over_grpc"])
def test_tritonclient_sends_an_image(
    call: str, tritonclient: Environment, my_model: Mapping[str, Addresses], jpeg: Path
) -> None:
    pictures = my_model["pictures"]
    told = run(tritonclient, "tritonclient_images.py", at(pictures, "http"), at(pictures, "grpc"), jpeg)
    assert told[call] == {"dtype": "float32", "values": SEEN}


def test_curl_sends_an_image(my_model: Mapping[str, Addresses], jpeg: Path) -> None:
    encoded = base64.b64encode(jpeg.read_bytes()).decode()
    body = json.dumps({"instances": [{"input_name": {"b64": encoded}}]})
    assert curl(my_model["pictures"].http, "my_model:predict", body) == {"predictions": SEEN}


def test_curl_is_told_what_is_no_image(my_model: Mapping[str, Addresses]) -> None:
    body = '{"instances": [{"input_name": {"b64":"YXdlc29tZSBpbWFnZSBieXRlcw=="}}]}'
    answer = curl(my_model["pictures"].http, "my_model:predict", body)
    assert answer["error"].startswith('Image parsing failed - input "input_name", row 0: this is no JPEG')
