"""`stream` over REST: server-sent events, however they are cut."""

import json
from itertools import pairwise
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.client.arrays import typed_tensor
from dragoman.client.codec import Inference
from dragoman.client.errors import BadAnswer, ClientError, InvalidInput, ServerError
from dragoman.client.exchange import Answer
from dragoman.client.rest import RestCodec
from dragoman.client.rest.events import MAX_EVENT_BYTES, EventReader, json_body

EVENTS = {"content-type": "text/event-stream; charset=utf-8"}


def document(text: str) -> dict[str, Any]:
    data = {"name": "text", "datatype": "BYTES", "shape": [1], "data": [text]}
    return {"model_name": "m", "model_version": "1", "outputs": [data]}


def event(text: str) -> bytes:
    return b"data: " + json.dumps(document(text)).encode() + b"\n\n"


def texts(*parts: bytes) -> list[str]:
    reader = EventReader()
    found = [result for part in parts for result in reader.feed(part)]
    reader.end()
    return [result["text"].tolist()[0].decode() for result in found]


def call(**values: Any) -> Inference:
    return Inference(
        "m", None, {name: typed_tensor(name, value) for name, value in values.items()}, None, {}, None
    )


@given(st.lists(st.text(max_size=5), max_size=4), st.lists(st.integers(0, 600), max_size=6))
def test_events_are_read_whatever_the_parts_they_come_in(sent: list[str], cuts: list[int]) -> None:
    whole = b"".join(map(event, sent))
    edges = [0, *sorted(cuts), len(whole)]
    parts = [whole[start:end] for start, end in pairwise(edges)]
    assert texts(*parts) == sent


def test_comments_other_fields_and_carriage_returns_are_passed_over() -> None:
    data = json.dumps(document("a")).encode()
    assert texts(b": ping\r\n\r\nevent: x\r\nid: 1\r\ndata: " + data + b"\r\n\r\n") == ["a"]


def test_lines_of_data_belong_together() -> None:
    lines = json.dumps(document("a"), indent=1).encode().split(b"\n")
    assert texts(*[b"data:" + line + b"\n" for line in lines], b"\n") == ["a"]


def test_a_failure_within_a_stream_is_the_server_s() -> None:
    with pytest.raises(ServerError, match="out of memory"):
        texts(event("a"), b'data: {"error": "out of memory"}\n\n')


@pytest.mark.parametrize("rest", [b"data: {}", b"data: {}\n", b"x"])
def test_a_stream_that_ends_within_an_event_is_refused(rest: bytes) -> None:
    with pytest.raises(BadAnswer, match="within an event"):
        texts(event("a"), rest)


@pytest.mark.parametrize("data", [b"nothing", b"[]", b"{", b'{"outputs": 1}', b""])
def test_an_event_that_is_no_result_is_refused(data: bytes) -> None:
    with pytest.raises(BadAnswer):
        texts(b"data: " + data + b"\n\n")


def test_an_event_that_never_ends_is_refused() -> None:
    part = b"data: " + b"x" * (MAX_EVENT_BYTES // 4)
    with pytest.raises(BadAnswer, match="more than"):
        texts(*[part] * 8)


def test_the_head_says_what_comes() -> None:
    exchange = RestCodec().stream(call())
    assert exchange.request.path == "/v2/models/m/generate_stream"
    assert isinstance(exchange.read(Answer(b"", 200, EVENTS)), EventReader)
    for refused in (
        Answer(b"", 200, {"content-type": "application/json"}),
        Answer(b"", 200),
        Answer(b"{}", 404),
    ):
        with pytest.raises(ClientError):
            exchange.read(refused)


def test_the_call_is_a_v2_document() -> None:
    body = json.loads(
        json_body(
            call(
                text=np.array([["é"]]),
                number=np.array([2**63 - 1]),
                half=np.array([1.5, np.nan], ml_dtypes.bfloat16),
            )
        )
    )
    text, number, half = body["inputs"]
    assert text == {"name": "text", "shape": [1, 1], "datatype": "BYTES", "data": ["é"]}
    assert number["data"] == [2**63 - 1]
    assert (half["datatype"], half["data"][0], str(half["data"][1])) == ("BF16", 1.5, "nan")


def test_what_a_stream_over_http_cannot_carry_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"input 'x'.*use gRPC"):
        json_body(call(x=np.array([b"\xff"], object)))
