"""The released kserve's InferenceRESTClient and InferenceGRPCClient in V2, unchanged."""

import pytest

from tests.clients.conftest import Told, run
from tests.clients.environments import Environment
from tests.server_process import Addresses

pytestmark = pytest.mark.clients

CODES = {"400": "INVALID_ARGUMENT", "404": "NOT_FOUND", "500": "INTERNAL", "503": "UNAVAILABLE"}


@pytest.fixture(scope="module", params=["rest", "grpc"])
def transport(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def calls(transport: str, kserve: Environment, inference: Addresses) -> Told:
    address = inference.http if transport == "rest" else inference.grpc
    return run(kserve, "kserve_v2_calls.py", transport, f"localhost:{address.port}")


def float32(*values: float) -> dict[str, object]:
    return {"dtype": "float32", "values": list(values)}


def test_server_and_models_are_ready_or_not(calls: Told) -> None:
    assert calls["health"] == {
        "live": True,
        "ready": True,
        "models": {"half_plus_two": True, "broken": False, "nope": False},
    }


def test_an_answer_tells_what_gave_it(calls: Told) -> None:
    assert calls["infer"] == {
        "model": "half_plus_two",
        "id": "7",
        "output": ["y", "FP32", [3]],
        "y": float32(3.5, 4.0, 5.5),
    }


def test_the_server_is_reached_behind_a_prefix_too(calls: Told) -> None:
    assert calls["behind_a_prefix"] == {"ready": True, "y": float32(3.5)}


@pytest.mark.parametrize("form", ["every_type", "every_type_as_numbers"])
def test_every_type_comes_back_bit_for_bit(calls: Told, form: str) -> None:
    assert calls[form] == {}


def test_every_shape_comes_back_also_none_and_empty_ones(calls: Told) -> None:
    assert calls["every_shape"] == {}


def test_several_inputs_come_in_any_order_and_outputs_as_they_are_asked_for(calls: Told) -> None:
    assert list(calls["several_inputs"].items()) == [("signal_out", True), ("tag_out", True)]


def test_parameters_of_request_input_and_output_are_taken(calls: Told) -> None:
    assert calls["parameters"] == float32(3.5)


def test_the_highest_values_are_classes_with_their_labels(calls: Told) -> None:
    assert calls["classification"] == [{"bytes": "3.300000:1:dog"}, {"bytes": "0.500000:0:cat"}]


def test_an_array_of_twelve_megabytes_comes_back_whole(calls: Told) -> None:
    assert calls["large"] is True


def test_a_client_that_gives_up_holds_up_no_other(calls: Told, transport: str) -> None:
    told = {"rest": "timeout", "grpc": "DEADLINE_EXCEEDED"}[transport]
    assert calls["impatience"] == {"told": told, "after": float32(3.5)}


ERRORS = {
    "unknown model": ("404", "Request for unknown model: 'nope' is not found"),
    "model that is not ready": ("503", "model 'broken' has no version that serves"),
    "unknown input": ("400", "unexpected inference input 'z' for model 'half_plus_two'"),
    "wrong datatype": (
        "400",
        "inference input 'x' data-type is 'INT32', but model 'half_plus_two' expects 'FP32'",
    ),
    "wrong shape": (
        "400",
        "unexpected shape for input 'x' for model 'half_plus_two'. Expected [-1], got [1,2]",
    ),
    "unknown output": ("400", "unexpected inference output 'nope' for model 'half_plus_two'"),
    "callers fault": ("400", "there is nothing to count"),
    "models fault": ("500", "model countdown version 1 failed while it ran this request"),
}


@pytest.mark.parametrize("mistake", ERRORS)
def test_a_mistake_raises_with_the_servers_words(calls: Told, transport: str, mistake: str) -> None:
    number, words = ERRORS[mistake]
    told = calls["errors"][mistake]
    assert told["status"] == (number if transport == "rest" else CODES[number])
    assert told["message"].startswith(words)
