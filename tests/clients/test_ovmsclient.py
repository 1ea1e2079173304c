"""The released ovmsclient, unchanged, against a live server over gRPC and over HTTP.

Over HTTP it knows no types: what comes back has those that NumPy gives to Python's numbers and texts. What
the client itself gets wrong is told in docs/clients.md; the tests of its name hold that page to the truth.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Told, run
from tests.clients.environments import Environment
from tests.server_process import Addresses

pytestmark = pytest.mark.clients

AVAILABLE = {"state": "AVAILABLE", "error_code": 0, "error_message": ""}


@pytest.fixture(scope="module", params=["grpc", "http"])
def transport(request: pytest.FixtureRequest) -> str:
    return request.param


def at(addresses: Addresses, transport: str) -> str:
    return f"localhost:{getattr(addresses, transport).port}"


@pytest.fixture(scope="module")
def guide(ovmsclient: Environment, my_model: Mapping[str, Addresses], image: Path, transport: str) -> Told:
    """The calls of published guides, on my_model."""
    numbers, strings = at(my_model["numbers"], transport), at(my_model["strings"], transport)
    return run(ovmsclient, "ovmsclient_my_model.py", transport, numbers, strings, image)


@pytest.fixture(scope="module")
def calls(ovmsclient: Environment, reference: Addresses, transport: str) -> Told:
    """All other calls."""
    return run(ovmsclient, "ovmsclient_calls.py", transport, at(reference, transport))


@pytest.fixture(scope="module")
def grpc_calls(ovmsclient: Environment, reference: Addresses) -> Told:
    return run(ovmsclient, "ovmsclient_calls.py", "grpc", at(reference, "grpc"))


@pytest.fixture(scope="module")
def http_calls(ovmsclient: Environment, reference: Addresses) -> Told:
    return run(ovmsclient, "ovmsclient_calls.py", "http", at(reference, "http"))


def values(told: Any) -> Any:
    """The elements of the arrays, without their types; bytes as the text that they are."""
    if isinstance(told, list):
        return [values(item) for item in told]
    if isinstance(told, dict) and told.keys() == {"dtype", "values"}:
        return values(told["values"])
    if isinstance(told, dict) and told.keys() == {"bytes"}:
        return told["bytes"].encode("latin-1").decode()
    if isinstance(told, dict):
        return {name: values(item) for name, item in told.items()}
    return told


def test_the_status_of_my_model_is_read(guide: Told) -> None:
    assert guide["status"] == {"1": AVAILABLE}


def test_the_metadata_of_my_model_is_read(guide: Told) -> None:
    tensor = {"shape": [], "dtype": "DT_FLOAT"}
    assert guide["metadata"] == {
        "model_version": 1,
        "inputs": {"input_name": tensor},
        "outputs": {"output_name": tensor},
    }


def test_an_array_of_doubles_is_predicted(guide: Told) -> None:
    assert values(guide["predict_array"]) == [2.0 * value for value in range(1, 1001)]


def test_strings_go_through(guide: Told) -> None:
    assert values(guide["predict_strings"]) == ["<string>"]


def test_an_image_goes_through_as_one_string(guide: Told, transport: str, image: Path) -> None:
    sent = image.read_bytes()
    if transport == "grpc":
        wanted: Any = {"bytes": sent.decode("latin-1")}
    else:
        wanted = {"b64": "/9j/4CBub3QgYSBwaWN0dXJlIAABAgM="}  # the client leaves them so
    assert guide["predict_image"]["values"] == [wanted]


def test_version_0_is_the_latest(calls: Told) -> None:
    latest = [3.5, 4.0, 5.5]
    assert values(calls["predict_by_version"]) == {"0": latest, "1": [2.5, 3.0, 4.5], "2": latest}


def test_python_values_feed_the_types_that_the_client_makes_of_them(calls: Told) -> None:
    assert values(calls["predict_python_values"]) == {
        "floats": [3.5, 4.0],
        "one float": [5.0],
        "integers": [1, 2],
        "long integers": [2**40],
        "truth": [True, False],
        "text": ["one"],
        "texts": [["one", "two"], ["three", "\N{SNOWMAN}"]],
    }


def test_several_outputs_come_by_name(calls: Told) -> None:
    assert values(calls["predict_several_outputs"]) == {"sum": [4.0], "diff": [2.0]}


def test_several_inputs_go_by_name(calls: Told) -> None:
    assert values(calls["predict_several_inputs"]) == {
        "tag_out": ["a", "b"],
        "signal_out": [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]],
        "sensor_out": [[[0, 1], [2, 3]], [[4, 5], [6, 7]]],
    }


def test_every_dtype_comes_back(calls: Told) -> None:
    assert calls["predict_every_dtype"] == {}


def test_the_metadata_of_a_version_is_read(calls: Told) -> None:
    tensor = {"shape": [-1], "dtype": "DT_FLOAT"}
    assert calls["metadata_by_version"] == {
        "model_version": 1,
        "inputs": {"x": tensor},
        "outputs": {"y": tensor},
    }


def test_the_status_of_version_0_is_that_of_all(calls: Told) -> None:
    assert calls["status_by_version"] == {"0": {"1": AVAILABLE, "2": AVAILABLE}, "1": {"1": AVAILABLE}}


ERRORS = {
    "unknown model": "ModelNotFoundError",
    "unknown version": "ModelNotFoundError",
    "wrong name": "InvalidInputError",
    "wrong dtype": "InvalidInputError",
    "status of an unknown model": "ModelNotFoundError",
    "status of an unknown version": "ModelNotFoundError",
    "metadata of an unknown model": "ModelNotFoundError",
}


def test_mistakes_raise_the_exceptions_that_the_client_documents(calls: Told) -> None:
    assert {name: error.split(":")[0] for name, error in calls["errors"].items()} == ERRORS


def test_bytes_come_back_over_grpc(grpc_calls: Told) -> None:
    assert grpc_calls["predict_bytes"]["values"] == [{"bytes": "\xff\xd8 no text"}]


def test_a_tensor_that_the_client_made_is_taken(grpc_calls: Told) -> None:
    assert grpc_calls["predict_a_made_tensor"] == {"dtype": "float32", "values": [3.5, 4.0]}


def test_the_client_cannot_send_a_half_scalar(grpc_calls: Told) -> None:
    assert grpc_calls["upstream_half_scalar"].startswith("TypeError")


def test_the_client_drops_zero_bytes_at_the_end(grpc_calls: Told) -> None:
    assert grpc_calls["upstream_trailing_zero_bytes"]["values"] == [{"bytes": "ab"}]


def test_the_client_takes_an_empty_output_for_none_over_http(http_calls: Told) -> None:
    assert http_calls["upstream_empty_output"].startswith("ModelServerError")


def test_the_client_leaves_bytes_encoded_over_http(http_calls: Told) -> None:
    assert http_calls["predict_bytes"]["values"] == [{"b64": "/9ggbm8gdGV4dA=="}]
