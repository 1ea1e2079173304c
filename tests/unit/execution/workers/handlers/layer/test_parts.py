"""Answers that are sent in parts."""

import struct
from typing import Any

import pytest

from tests.handler_layer import Layer

STREAM = """
from ts.handler_utils.utils import send_intermediate_predict_response as send

def handle(data, context):
    if data is None:
        return None
    context.set_response_content_type(0, "text/plain")
    for _ in range(2):
        send(["hello "] * len(data), context.request_ids, "Intermediate Prediction success", 200, context)
    return ["world"] * len(data)
"""


def streamed(layer: Layer, source: str, count: int = 1) -> tuple[list[Any], Any]:
    """The parts that were sent, and the answers."""
    parts: list[Any] = []
    service = layer.loaded(source, send_parts=parts.append)
    return parts, service.predict([layer.request(number=index) for index in range(count)])


def test_each_part_reaches_the_worker_as_it_is_sent(layer: Layer) -> None:
    parts, (last,) = streamed(layer, STREAM)
    headers = {"ts_stream_next": "true"}
    assert parts == [[("id-0", 200, "", headers, "text/plain", b"hello ")]] * 2
    assert last == ("id-0", 200, "", {"ts_stream_next": "false"}, "text/plain", b"world")


def test_a_part_goes_to_every_request_of_the_batch(layer: Layer) -> None:
    parts, _ = streamed(layer, STREAM, count=2)
    assert [[part.request_id for part in sent] for sent in parts] == [["id-0", "id-1"]] * 2


def test_the_older_home_of_the_function_warns_and_sends(layer: Layer) -> None:
    source = STREAM.replace("ts.handler_utils.utils", "ts.protocol.otf_message_handler")
    with pytest.warns(PendingDeprecationWarning, match=r"ts\.handler_utils\.utils"):
        parts, _ = streamed(layer, source)
    assert len(parts) == 2


@pytest.mark.parametrize(
    ("part", "code", "expected"),
    [
        ('["x"]', 429, (429, "Intermediate Prediction success")),
        ("[object()]", 200, (503, "Unsupported model output data type.")),
        ("[]", 200, (503, "Prediction failed")),
    ],
)
def test_a_part_that_cannot_be_sent_fails_the_batch(
    layer: Layer, part: str, code: int, expected: tuple[int, str]
) -> None:
    source = STREAM.replace('["hello "] * len(data)', part).replace("200", str(code))
    with pytest.raises(layer.module("service").BatchFailureError) as caught:
        streamed(layer, source)
    assert (caught.value.status, caught.value.message) == expected


def test_a_worker_that_takes_no_more_parts_ends_the_handler(layer: Layer) -> None:
    def gone(_: Any) -> None:
        raise ConnectionError

    service = layer.loaded(STREAM, send_parts=gone)
    with pytest.raises(layer.module("service").BatchFailureError, match="Prediction failed"):
        service.predict([layer.request()])


def test_only_the_first_of_several_processes_of_a_model_sends(
    layer: Layer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert streamed(layer, STREAM)[0] == []


def test_without_a_server_a_part_has_nowhere_to_go(layer: Layer) -> None:
    context = layer.module("context").Context("m", None, None, 1, None, "0")
    with pytest.raises(RuntimeError, match="while a server runs"):
        layer.module("handler_utils.utils").send_intermediate_predict_response(["x"], {}, "", 200, context)


def test_answers_can_be_had_in_the_form_of_torchserves_workers(layer: Layer) -> None:
    create = layer.module("protocol.otf_message_handler").create_predict_response
    assert create(["a"], {0: "id"}, "fine", 200) == struct.pack(
        "!ii4si2siiiii5si", 200, 4, b"fine", 2, b"id", 0, 200, 0, 0, 5, b"error", -1
    )


def test_that_form_holds_what_the_context_says(layer: Layer) -> None:
    requests = layer.module("context")
    context = requests.Context("m", None, None, 1, None, "0")
    context.request_processor = [requests.RequestProcessor({})]
    context.set_response_content_type(0, "a/b")
    create = layer.module("protocol.otf_message_handler").create_predict_response
    expected = struct.pack("!ii2si2si3sii", 200, 2, b"ok", 2, b"id", 3, b"a/b", 200, 0)
    expected += struct.pack("!ii12si3s", 1, 12, b"content-type", 3, b"a/b") + struct.pack(
        "!i1si", 1, b"x", -1
    )
    assert create(["x"], {0: "id"}, "ok", 200, context) == expected
    refused = create([object()], {0: "id"}, "ok", 200, context)
    assert refused == create(None, {0: "id"}, "Unsupported model output data type.", 503)
