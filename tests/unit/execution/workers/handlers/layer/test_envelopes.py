"""Service envelopes."""

import json
from typing import Any

import pytest

from tests.handler_layer import Layer

ECHO = "def handle(data, context):\n    return data if data is None else list(data)\n"


def sent(layer: Layer, envelope: str, *bodies: bytes, **headers: str) -> list[Any]:
    """The bodies of the answers as JSON."""
    service = layer.loaded(ECHO, envelope=envelope)
    requests = [layer.request(body, number=index, **headers) for index, body in enumerate(bodies)]
    return [json.loads(answer.body) for answer in service.predict(requests)]


def test_body_takes_the_names_of_parts_away(layer: Layer) -> None:
    service = layer.module("service")
    requests = [
        service.Request(
            "0", {}, [service.Part("data", "text/plain", b"a"), service.Part("body", None, b"b")]
        ),
        service.Request("1", {}, [service.Part("body", "application/json", b"[1]")]),
        service.Request("2", {}, [service.Part("other", None, b"b")]),
    ]
    answers = layer.loaded(ECHO, envelope="body").predict(requests)
    assert [json.loads(answer.body) if answer.body != b"a" else "a" for answer in answers] == ["a", [1], None]


def test_json_joins_the_instances_of_all_requests_and_parts_their_predictions(layer: Layer) -> None:
    service = layer.loaded(ECHO, envelope="json")
    bodies = [b'{"instances": [1, 2]}', b'{"instances": [3]}', b'{"instances": []}']
    answers = service.predict([layer.request(body, "application/json") for body in bodies])
    assert [answer.body for answer in answers] == [
        b'{"predictions": [1, 2]}',
        b'{"predictions": [3]}',
        b'{"predictions": []}',
    ]


def test_json_decodes_base64_whole_and_by_column(layer: Layer) -> None:
    envelope = layer.module("torch_handler.request_envelope.json").JSONEnvelope(lambda data, _: data)
    whole = [{"instances": [{"b64": "YQ=="}]}]
    columns = [{"body": {"instances": [{"image": {"b64": "YQ=="}, "name": "x"}]}}]
    assert envelope.parse_input(whole) == [b"a"]
    assert envelope.parse_input(columns) == [{"image": b"a", "name": "x"}]


def test_kserve_reads_bytes_and_closes_the_results_in_one_answer(layer: Layer) -> None:
    assert sent(layer, "kserve", b'{"instances": [1, 2]}') == [{"predictions": [1, 2]}]


def test_kserve_calls_explanations_by_their_name(layer: Layer) -> None:
    assert sent(layer, "kserve", b'{"instances": [1]}', explain="True") == [{"explanations": [1]}]


@pytest.mark.parametrize("body", [b"{}", b"{", b"[]", b'{"inputs": [{}]}'])
@pytest.mark.parametrize("envelope", ["json", "kserve", "kservev2"])
def test_a_body_of_another_form_fails(layer: Layer, envelope: str, body: bytes) -> None:
    with pytest.raises(layer.module("service").BatchFailureError) as caught:
        sent(layer, envelope, body)
    assert (caught.value.status, caught.value.message) == (503, "Prediction failed")


def test_kserve_with_a_batch_of_two_fails(layer: Layer) -> None:
    with pytest.raises(layer.module("service").BatchFailureError, match="mismatched"):
        sent(layer, "kserve", b'{"instances": [1]}', b'{"instances": [2]}')


def test_kservev2_gives_tensors_in_their_shapes_and_takes_results_flat(layer: Layer) -> None:
    source = (
        "def handle(data, context):\n"
        "    return data and [[tensor['data'] for tensor in data][0], 'yes', 0.5, [True]]\n"
    )
    service = layer.loaded(source, envelope="kservev2")
    tensors = [
        {"name": "a", "shape": [2, 2], "datatype": "INT64", "data": [1, 2, 3, 4]},
        {"name": "b", "shape": [1], "datatype": "BYTES", "data": ["text"]},
    ]
    body = json.dumps({"id": "mine", "inputs": tensors}).encode()
    (answer,) = service.predict([layer.request(body)])
    assert json.loads(answer.body) == {
        "id": "mine",
        "model_name": "m",
        "model_version": "1.0",
        "outputs": [
            {"name": "a", "datatype": "INT64", "data": [1, 2, 3, 4], "shape": [4]},
            {"name": "b", "datatype": "BYTES", "data": ["yes"], "shape": [1]},
            {"name": "output-2", "datatype": "FP64", "data": [0.5], "shape": [1]},
            {"name": "output-3", "datatype": "BOOL", "data": [True], "shape": [1]},
        ],
    }


def test_kservev2_gives_the_handler_shaped_data_and_the_first_text(layer: Layer) -> None:
    envelope = layer.module("torch_handler.request_envelope.kservev2").KServev2Envelope(None)
    tensors = [
        {"name": "a", "shape": [2, 1], "datatype": "FP32", "data": [1, 2]},
        {"name": "b", "shape": [2], "datatype": "BYTES", "data": ["first", "second"]},
    ]
    given = envelope.parse_input([{"body": {"inputs": tensors}}])
    assert [tensor["data"] for tensor in given] == [[[1], [2]], "first"]


def test_kservev2_without_an_id_answers_with_the_requests(layer: Layer) -> None:
    body = b'{"inputs": [{"name": "a", "shape": [1], "datatype": "INT64", "data": [1]}]}'
    source = "def handle(data, context):\n    return data and [1]\n"
    (answer,) = layer.loaded(source, envelope="kservev2").predict([layer.request(body, number=7)])
    assert json.loads(answer.body)["id"] == "id-7"


def test_a_call_may_name_its_envelope(layer: Layer) -> None:
    service = layer.loaded(ECHO)
    request = [layer.request(b'{"instances": [1]}')]
    assert json.loads(service.predict(request, "kserve")[0].body) == {"predictions": [1]}
    with pytest.raises(layer.module("service").BatchFailureError):
        service.predict(request)  # a dict with bytes in it, which nothing opened


def test_the_envelope_of_the_server_comes_before_that_of_the_call(layer: Layer) -> None:
    service = layer.loaded(ECHO, envelope="json")
    (answer,) = service.predict([layer.request(b'{"instances": [1]}', "application/json")], "kserve")
    assert answer.body == b'{"predictions": [1]}'


def test_a_description_needs_no_envelope(layer: Layer) -> None:
    source = "def handle(data, context):\n    return data and [{'rows': len(data)}]\n"
    service = layer.loaded(source, envelope="kserve")
    assert json.loads(service.predict([layer.request(describe="True")])[0].body) == {"rows": 1}


FILE = b"\x89PNG {"


def past(layer: Layer, envelope: str, *bodies: bytes, **headers: str) -> list[bytes]:
    """The answers of a handler that says whether its rows were opened."""
    source = (
        "def handle(data, context):\n    return data and ['whole' if 'body' in r else 'row' for r in data]\n"
    )
    service = layer.loaded(source, envelope=envelope)
    requests = [layer.request(body, number=index, **headers) for index, body in enumerate(bodies)]
    return [answer.body for answer in service.predict(requests)]


@pytest.mark.parametrize("envelope", ["json", "kserve", "kservev2"])
def test_a_file_that_is_sent_to_predictions_goes_past_an_envelope_of_json(
    layer: Layer, envelope: str
) -> None:
    assert past(layer, envelope, FILE, url_path="") == [b"whole"]


def test_a_form_of_other_names_goes_past_an_envelope_of_json(layer: Layer) -> None:
    service = layer.module("service")
    parts = [service.Part("image", None, FILE), service.Part("image", None, FILE)]
    source = "def handle(data, context):\n    return data and [[len(value) for value in data[0]['image']]]\n"
    request = service.Request("0", {"url_path": ""}, parts)
    (answer,) = layer.loaded(source, envelope="kserve").predict([request])
    assert json.loads(answer.body) == [len(FILE)] * 2


def test_json_that_is_sent_to_predictions_is_opened(layer: Layer) -> None:
    (answer,) = past(layer, "kserve", b' {"instances": [{"x": 1}]}', url_path="")
    assert json.loads(answer) == {"predictions": ["row"]}


def test_a_file_at_a_path_of_json_fails(layer: Layer) -> None:
    with pytest.raises(layer.module("service").BatchFailureError, match="Prediction failed"):
        past(layer, "kserve", FILE)


def test_a_batch_of_which_one_is_json_fails_where_another_is_a_file(layer: Layer) -> None:
    with pytest.raises(layer.module("service").BatchFailureError, match="Prediction failed"):
        past(layer, "json", FILE, b'{"instances": [1]}', url_path="")
