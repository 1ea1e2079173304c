"""curl, as published guides call it, on `my_model`."""

import json
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest

from tests.server_process import Address, Addresses

pytestmark = pytest.mark.clients


def curl(address: Address, path: str, body: str | None = None) -> Any:
    """The answer to a GET, or to a POST of this body, as JSON."""
    command = ["curl", "--silent", "--show-error", f"http://localhost:{address.port}/v1/models/{path}"]
    if body is not None:
        command += ["-X", "POST", "-H", "Content-Type: application/json", "-d", body]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_status_of_my_model_is_read(my_model: Mapping[str, Addresses]) -> None:
    answer = curl(my_model["numbers"].http, "my_model")
    assert answer["model_version_status"] == [
        {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    ]


def test_the_metadata_of_my_model_is_read(my_model: Mapping[str, Addresses]) -> None:
    answer = curl(my_model["numbers"].http, "my_model/metadata")
    signature = answer["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert signature["inputs"]["input_name"]["dtype"] == "DT_FLOAT"


def test_numbers_are_predicted(my_model: Mapping[str, Addresses]) -> None:
    body = '{"instances": [{"input_name": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}]}'
    answer = curl(my_model["numbers"].http, "my_model:predict", body)
    assert answer == {"predictions": [[2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 16.0, 18.0, 20.0]]}


def test_a_text_goes_through(my_model: Mapping[str, Addresses]) -> None:
    body = '{"instances": [{"input_name": "<string>"}]}'
    answer = curl(my_model["strings"].http, "my_model:predict", body)
    assert answer == {"predictions": ["<string>"]}


def test_base64_goes_in_as_bytes(my_model: Mapping[str, Addresses]) -> None:
    body = '{"instances": [{"input_name": {"b64": "YXdlc29tZSBpbWFnZSBieXRlcw=="}}]}'
    answer = curl(my_model["strings"].http, "my_model:predict", body)
    assert answer == {"predictions": ["awesome image bytes"]}
