"""The released tritonclient, unchanged, over gRPC: what it can do there alone, blocking and asynchronous."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.clients.conftest import Told, run
from tests.clients.environments import Environment
from tests.server_process import Addresses

pytestmark = pytest.mark.clients

UNKNOWN = "Request for unknown model: 'nope' is not found"


@pytest.fixture(scope="module", params=["sync", "aio"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def calls(kind: str, tritonclient: Environment, inference: Addresses) -> Told:
    return run(tritonclient, "tritonclient_grpc_calls.py", kind, f"localhost:{inference.grpc.port}")


def float32(*values: float) -> dict[str, object]:
    return {"dtype": "float32", "values": list(values)}


def answer(name: str, value: float, request_id: str = "", version: int = 2) -> Mapping[str, Any]:
    """A whole answer of a stream."""
    return {
        "id": request_id,
        "model": f"half_plus_two {version}",
        "final": True,
        "outputs": {name: float32(value)},
    }


def parts(*left: int, request_id: str = "") -> list[Mapping[str, Any]]:
    """The parts of an answer, none of which is known to be the last."""
    return [
        {
            "id": request_id,
            "model": "countdown 1",
            "final": False,
            "outputs": {"left": {"dtype": "int32", "values": [number]}},
        }
        for number in left
    ]


def in_stream(message: str) -> Mapping[str, Any]:
    """A failure as a message of a stream that goes on."""
    return {"error": message, "status": None}


def test_requests_that_are_on_their_way_together_get_their_own_answers(calls: Told) -> None:
    assert calls["many_at_once"] == [[number, number / 2 + 3] for number in range(16)]


def test_a_refusal_comes_with_the_answer(calls: Told) -> None:
    assert calls["a_late_refusal"] == {"status": "StatusCode.NOT_FOUND", "message": UNKNOWN}


def test_a_cancelled_call_leaves_the_server_answering(calls: Told) -> None:
    assert calls["cancelled"] == {"cancelled": "StatusCode.CANCELLED", "after": float32(3.5)}


def test_deadlines_are_kept_of_calls_and_of_streams(calls: Told) -> None:
    told = calls["deadlines"]
    assert (told["too short"], told["of a question"]) == ("StatusCode.DEADLINE_EXCEEDED", True)
    assert told["ample"] == float32(3.5)
    assert [each["status"] for each in told["of a stream"]] == ["StatusCode.DEADLINE_EXCEEDED"]


def test_a_connection_may_be_kept_alive(calls: Told) -> None:
    assert calls["keepalive"] == float32(3.5)


def test_one_stream_calls_several_models_and_whole_answers_come_in_order(calls: Told) -> None:
    told = calls["stream_of_several_models"]
    assert told["whole"] == [
        answer("y", 3.5, "1"),
        answer("y", 2.5, "2", version=1),
        answer("diff", -1.0, "4") | {"model": "two_out 1"},
        answer("y", 5.0, "5"),
    ]
    assert told["in parts"] == parts(2, 1, 0, request_id="3")


def test_a_request_of_a_stream_may_be_made_of_the_answer_before_it(calls: Told) -> None:
    assert calls["stream_both_ways"] == [4.0, 5.0, 5.5, 5.75]


def test_every_type_comes_back_bit_for_bit_on_one_compressed_stream(calls: Told) -> None:
    assert calls["stream_of_every_type"] == {}


def test_failures_on_a_stream_are_messages_between_the_others(calls: Told) -> None:
    assert calls["stream_with_errors"] == [
        answer("y", 3.5, "1"),
        in_stream(UNKNOWN),
        in_stream("inference input 'x' data-type is 'FP32', but model 'echo_int32' expects 'INT32'"),
        answer("y", 5.0, "4"),
    ]


def test_a_model_that_breaks_between_its_parts_says_so_after_those_it_gave(calls: Told) -> None:
    refused, (*given, broken) = calls["stream_of_faults"]
    assert refused == [in_stream("there is nothing to count")]
    assert given == parts(12)
    assert broken["error"].startswith("model countdown version 1 failed while it ran this request")


def test_a_stream_ends_with_the_first_failure_where_that_is_asked_for(calls: Told) -> None:
    assert calls["stream_that_ends_with_its_error"] == [
        answer("y", 3.5),
        {"error": UNKNOWN, "status": "StatusCode.NOT_FOUND"},
    ]


def test_an_empty_last_answer_comes_where_the_client_can_ask_for_one(calls: Told, kind: str) -> None:
    last = {"id": "", "model": "countdown 1", "final": True, "outputs": {}}
    assert calls["stream_with_an_empty_end"] == parts(1, 0) + ([last] if kind == "sync" else [])


def test_a_stream_that_is_left_lets_go_of_its_model(calls: Told) -> None:
    assert calls["stream_that_is_left"] == {
        "read": [999_999_999, 999_999_998],
        "after": {"dtype": "int32", "values": [0]},
    }
