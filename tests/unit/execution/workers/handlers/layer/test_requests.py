"""What handlers get of requests."""

from typing import Any

import pytest

from tests.handler_layer import Layer

TELL = """
import json

def handle(data, context):
    if data is None:
        return None
    return [{
        "types": {name: type(value).__name__ for name, value in row.items()},
        "values": {name: repr(value) for name, value in row.items()},
        "headers": context.get_all_request_header(index),
    } for index, row in enumerate(data)]
"""


def value(layer: Layer, content_type: str | None, body: bytes, *, decode: bool = True) -> Any:
    part = layer.module("service").Part("body", content_type, body)
    return layer.module("serving.inputs").value_of(part, decode=decode)


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        ("application/json", b'{"a": 1}', {"a": 1}),
        ("application/json; charset=utf-8", b"[1]", [1]),
        ("application/json", b"{", bytearray(b"{")),
        ("application/json", b"[" * 100_000, bytearray(b"[" * 100_000)),
        ("Application/JSON", b"1", bytearray(b"1")),
        ("application/json ", b"1", bytearray(b"1")),
        ("text/plain", "é".encode(), "é"),
        ("text/plain; charset=latin-1", "é".encode(), "é"),
        ("text/plain", b"\xff\xfe", bytearray(b"\xff\xfe")),
        ("textual", b"x", "x"),
        ("image/png", b"x", bytearray(b"x")),
        ("", b"x", bytearray(b"x")),
        (None, b"x", bytearray(b"x")),
    ],
)
def test_a_value_is_decoded_by_its_type(
    layer: Layer, content_type: str | None, body: bytes, expected: Any
) -> None:
    found = value(layer, content_type, body)
    assert (type(found), found) == (type(expected), expected)


@pytest.mark.parametrize("content_type", ["application/json", "text/plain"])
def test_nothing_is_decoded_where_that_is_switched_off(layer: Layer, content_type: str) -> None:
    assert value(layer, content_type, b"1", decode=False) == bytearray(b"1")


@pytest.mark.parametrize(("setting", "kind"), [("false", "bytearray"), ("true", "dict")])
def test_the_environment_switches_decoding(
    layer: Layer, monkeypatch: pytest.MonkeyPatch, setting: str, kind: str
) -> None:
    monkeypatch.setenv("TS_DECODE_INPUT_REQUEST", setting)
    answer = layer.loaded(TELL).predict([layer.request(b"{}", "application/json")])[0]
    assert f'"body": "{kind}"' in answer.body.decode()


def test_a_bytearray_is_handed_on_without_a_copy(layer: Layer) -> None:
    body = bytearray(b"large")
    part = layer.module("service").Part("body", None, body)
    assert layer.module("serving.inputs").value_of(part, decode=True) is body


def test_parts_of_one_name_are_a_list(layer: Layer) -> None:
    service = layer.module("service")
    parts = [service.Part("data", None, b"1"), service.Part("data", "text/plain", b"2")]
    request = service.Request("id", {}, parts)
    assert layer.module("serving.inputs").data_of(request, decode=True) == {"data": [b"1", "2"]}
    one = service.Request("id", {}, parts[1:])
    assert layer.module("serving.inputs").data_of(one, decode=True) == {"data": "2"}


def test_parts_and_headers_share_one_table_where_headers_win(layer: Layer) -> None:
    service = layer.module("service")
    parts = [service.Part("data", "image/png; q=1", b""), service.Part("explain", None, b"")]
    headers = layer.module("serving.inputs").headers_of(service.Request("id", {"explain": "False"}, parts))
    assert headers == {"data": {"content-type": "image/png"}, "explain": "False"}


def test_the_type_of_a_body_without_one_is_empty(layer: Layer) -> None:
    assert layer.module("serving.inputs").headers_of(layer.request()) == {"body": {"content-type": ""}}
