"""The released tritonclient, unchanged, over HTTP: what it can do there alone, blocking and asynchronous."""

import pytest

from tests.clients.conftest import Told, run
from tests.clients.environments import Environment
from tests.server_process import Addresses

pytestmark = pytest.mark.clients


@pytest.fixture(scope="module", params=["sync", "aio"])
def calls(request: pytest.FixtureRequest, tritonclient: Environment, inference: Addresses) -> Told:
    return run(tritonclient, "tritonclient_http_calls.py", request.param, f"localhost:{inference.http.port}")


def float32(*values: float) -> dict[str, object]:
    return {"dtype": "float32", "values": list(values)}


def test_every_type_comes_back_bit_for_bit_where_a_side_or_both_are_json(calls: Told) -> None:
    assert calls["json_in_and_out"] == {}


def test_every_bfloat16_comes_back_from_json(calls: Told) -> None:
    assert calls["bfloat16_as_json"] is True


def test_every_shape_comes_back_from_json_also_none_and_empty_ones(calls: Told) -> None:
    assert calls["json_of_every_shape"] == {}


@pytest.mark.parametrize("binary", ["tag", "signal", "sensor tag"])
def test_json_and_binary_tensors_stand_in_one_body(calls: Told, binary: str) -> None:
    assert calls["mixed_forms"][binary] == {"tag": True, "signal": True, "sensor": True}


def test_classes_are_texts_in_json(calls: Told) -> None:
    rows = [["3.300000:1:dog", "0.500000:0:cat"]]
    assert calls["classes_as_json"] == {"dtype": "object", "values": rows}


def test_bytes_that_are_no_text_have_no_json(calls: Told) -> None:
    assert calls["bytes_that_are_no_text"] == {
        "status": "400",
        "message": "output 'y' holds bytes that are no UTF-8 text: ask for it as binary data",
    }


def test_a_query_is_taken(calls: Told) -> None:
    assert calls["query"] == float32(3.5)


def test_bodies_that_the_client_writes_and_reads_go_by_other_means_too(calls: Told) -> None:
    assert calls["bodies"] == {"y": float32(5.0), "id": "7"}


def test_the_server_is_reached_behind_a_prefix_too(calls: Told) -> None:
    assert calls["behind_a_prefix"] == {"ready": True, "y": float32(3.5), "name": "half_plus_two"}


def test_requests_that_are_on_their_way_together_get_their_own_answers(calls: Told) -> None:
    assert calls["many_at_once"] == [[str(number), number / 2 + 3] for number in range(16)]


def test_a_refusal_comes_when_the_answer_is_asked_for(calls: Told) -> None:
    assert calls["a_late_refusal"] == {
        "status": "404",
        "message": "Request for unknown model: 'nope' is not found",
    }


def test_a_client_that_gives_up_holds_up_no_other(calls: Told) -> None:
    assert calls["impatience"] == {"gave up": True, "after": float32(3.5)}
