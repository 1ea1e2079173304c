import base64
import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pytest

from dragoman.core.responses import ExplainResponse, TensorResponse
from dragoman.core.tensors import DType, Tensor
from dragoman.wire.messages import WireRequest
from dragoman.wire.surroundings import EventAttributes, Surroundings
from dragoman.wire.v1.predict import encode_predictions, parse_predict
from tests.unit.protocols.kserve_v1.reference import HALF, NOW, codec, post
from tests.unit.protocols.tfs.reference import LIMITS, Codec

EVENT: Final = {
    "type": "com.example.sampletype1",
    "source": "https://example.com/event-producer",
    "specversion": "1.0",
    "id": "36077800-0c23-4f38-a0b4-01f4369f670a",
    "time": "2021-01-28T21:04:43.144141+00:00",
}
STRUCTURED: Final = {"Content-Type": "application/cloudevents+json"}
BINARY: Final = {"Content-Type": "application/json"} | {f"ce-{name}": value for name, value in EVENT.items()}
DATA: Final = {"instances": [1.0]}
FRESH: Final = {
    "specversion": "1.0",
    "id": "id-1",
    "source": "io.kserve.inference.half_plus_two",
    "type": "io.kserve.inference.response",
    "time": NOW,
}
MERGING: Final = EventAttributes(merge=True)


def structured(codec: Codec, event: Mapping[str, Any], headers: Mapping[str, str] = STRUCTURED) -> Any:
    response = codec.answer("POST", f"{HALF}:predict", json.dumps(event).encode(), headers)
    assert (response.status, response.content_type) == (200, b"application/cloudevents+json")
    return json.loads(bytes(response.body))


def binary(codec: Codec, headers: Mapping[str, str], path: str = HALF) -> tuple[Any, dict[str, str]]:
    response = codec.answer("POST", f"{path}:predict", json.dumps(DATA).encode(), headers)
    assert (response.status, response.content_type) == (200, b"application/json")
    return json.loads(bytes(response.body)), {
        name.decode().removeprefix("ce-"): value.decode() for name, value in response.headers
    }


def error(body: Any, headers: Mapping[str, str]) -> str:
    status, document = post(codec(), f"{HALF}:predict", body, headers)
    assert status == 400
    assert list(document) == ["error"]
    text: str = document["error"]
    return text


@pytest.mark.parametrize(
    "kind", ["application/cloudevents+json", "Application/CloudEvents+JSON; charset=utf-8"]
)
def test_a_structured_event_is_answered_by_one(kind: str) -> None:
    answer = structured(codec(), EVENT | {"data": DATA}, {"content-type": kind})
    assert answer == FRESH | {"data": {"predictions": [3.5]}}


def test_the_headers_of_a_binary_event_are_answered_by_headers() -> None:
    assert binary(codec(), BINARY) == ({"predictions": [3.5]}, FRESH)


def test_every_answer_has_an_id_of_its_own() -> None:
    one = codec()
    assert [binary(one, BINARY)[1]["id"] for _ in range(2)] == ["id-1", "id-2"]


def test_an_explanation_is_an_event_too() -> None:
    body = json.dumps(EVENT | {"data": DATA}).encode()
    operation, wire = codec().request("POST", f"{HALF}:explain", body, STRUCTURED)
    draft = operation.parse(wire, LIMITS)
    numbers = {"x": Tensor(DType.FP64, np.array([0.5]))}
    response = operation.encode(draft, ExplainResponse(numbers, "shapley", "0"))
    assert json.loads(bytes(response.body))["data"] == {"explanations": [0.5]}
    assert (b"x-explain-baseline", b"0") in response.headers


def test_type_and_source_are_those_of_the_settings() -> None:
    events = EventAttributes(type="my type", source="mine")
    answer = structured(codec(events=events), EVENT | {"data": DATA})
    assert (answer["type"], answer["source"]) == ("my type", "mine")
    assert binary(codec(events=events), BINARY)[1]["type"] == "my%20type"


def test_a_structured_answer_repeats_the_other_attributes_where_that_is_set() -> None:
    event = EVENT | {"datacontenttype": "application/json", "custom": "a value", "number": 3, "data": DATA}
    event |= {"none": None, "nested": [[]]}  # what the specification does not know as attributes
    assert structured(codec(events=MERGING), event) == FRESH | {
        "custom": "a value",
        "number": 3,
        "data": {"predictions": [3.5]},
    }
    assert structured(codec(), event).keys() == FRESH.keys() | {"data"}


def test_a_binary_answer_repeats_the_other_headers_as_they_came_where_that_is_set() -> None:
    headers = BINARY | {"CE-Custom-Extension": "50%25 \xe9", "ce-datacontenttype": "application/json"}
    wire = WireRequest(
        "POST", "", "", [(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
        json.dumps(DATA).encode(), {"model": "m"},
    )  # fmt: skip
    draft = parse_predict(False, wire, LIMITS)
    response = encode_predictions(
        "predictions", Surroundings(lambda: 0.0, lambda: "id", MERGING), draft, TensorResponse({})
    )
    names = [name for name, _ in response.headers]
    assert names == [
        b"ce-specversion",
        b"ce-id",
        b"ce-source",
        b"ce-type",
        b"ce-time",
        b"ce-custom-extension",
    ]
    assert response.headers[-1] == (b"ce-custom-extension", b"50%25 \xe9")


def test_a_models_name_is_percent_encoded_where_a_header_cannot_hold_it() -> None:
    headers = [(f"ce-{name}".encode(), value.encode()) for name, value in EVENT.items()]
    params = {"model": "a%20b%0D%C3%BC%22%25"}
    draft = parse_predict(
        False, WireRequest("POST", "", "", headers, json.dumps(DATA).encode(), params), LIMITS
    )
    response = encode_predictions(
        "predictions", Surroundings(lambda: 0.0, lambda: "id"), draft, TensorResponse({})
    )
    assert dict(response.headers)[b"ce-source"] == b"io.kserve.inference.a%20b%0D%C3%BC%22%25"


def test_data_may_be_json_in_base64() -> None:
    encoded = base64.b64encode(json.dumps(DATA).encode()).decode()
    assert structured(codec(), EVENT | {"data_base64": encoded})["data"] == {"predictions": [3.5]}


def test_time_may_be_missing() -> None:
    event = {name: value for name, value in EVENT.items() if name != "time"}
    assert structured(codec(), event | {"data": DATA})["data"] == {"predictions": [3.5]}


@pytest.mark.parametrize("name", ["ce-id", "ce-source", "ce-specversion", "ce-type"])
def test_headers_that_lack_one_that_an_event_must_have_make_no_event(name: str) -> None:
    headers = {key: value for key, value in BINARY.items() if key != name}
    response = codec().answer("POST", f"{HALF}:predict", json.dumps(DATA).encode(), headers)
    assert (response.status, response.headers) == (200, [])


def test_a_body_that_looks_like_an_event_is_none_without_its_content_type() -> None:
    status, document = post(codec(), f"{HALF}:predict", EVENT | {"data": DATA})
    assert (status, document["error"].partition(" in ")[0]) == (400, 'Expected "instances" or "inputs"')


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({"data": DATA}, "Cloud Event Exceptions: missing or not a text: id, source, specversion, type"),
        (EVENT | {"id": 3, "data": DATA}, "Cloud Event Exceptions: missing or not a text: id"),
        (EVENT | {"id": "", "data": DATA}, "Cloud Event Exceptions: missing or not a text: id"),
        (
            EVENT | {"specversion": "2.0", "data": DATA},
            "Cloud Event Exceptions: Found invalid specversion 2.0",
        ),
        (EVENT, "Cloud Event Exceptions: the event has no data"),
        (EVENT | {"data_base64": "?"}, "Cloud Event Exceptions: data_base64: "),
        (
            EVENT | {"data_base64": "ew=="},
            "Failed to decode or parse binary json cloudevent: JSON Parse error",
        ),
        ([], "Cloud Event Exceptions: an event is an object, not Array"),
        (b"{", "Unrecognized request format: JSON Parse error"),
        (EVENT | {"data": "text"}, "Unrecognized request format: an object is expected, not String"),
        (EVENT | {"data": {"instances": 3}}, 'Expected "instances" to be a list'),
    ],
)
def test_a_bad_structured_event_is_refused_with_what_is_wrong(event: Any, message: str) -> None:
    assert error(event, STRUCTURED).startswith(message)


@pytest.mark.parametrize(
    ("body", "headers", "message"),
    [
        (b"{", BINARY, "Failed to decode or parse binary json cloudevent: JSON Parse error"),
        (b"0\x80\x80\x06", BINARY, "Unrecognized request format: an object is expected, not Number"),
        (b'{"\x80": 1}', BINARY, "Failed to decode or parse binary json cloudevent: JSON Parse error"),
        (b"", BINARY, "Failed to decode or parse binary json cloudevent: JSON Parse error"),
        (DATA, BINARY | {"ce-specversion": "9"}, "Cloud Event Exceptions: Found invalid specversion 9"),
        (DATA, BINARY | {"ce-id": ""}, "Cloud Event Exceptions: missing or not a text: id"),
    ],
)
def test_a_bad_binary_event_is_refused_with_what_is_wrong(
    body: Any, headers: Mapping[str, str], message: str
) -> None:
    assert error(body, headers).startswith(message)
