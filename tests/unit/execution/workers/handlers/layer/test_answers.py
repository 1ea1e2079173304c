"""What becomes of what handlers return and raise."""

import json
from typing import Any

import pytest

from tests.handler_layer import Layer

# Evaluates the body, in the handler's own module.
EVALUATE = """
from ts.utils.util import PredictionException

def fail(error):
    raise error

def handle(data, context):
    if data is None:
        return None
    return eval(bytes(data[0]["body"]).decode())
"""


def answer(layer: Layer, expression: str, count: int = 1) -> Any:
    service = layer.loaded(EVALUATE)
    return service.predict([layer.request(expression.encode(), number=index) for index in range(count)])


def failure(layer: Layer, expression: str) -> tuple[int, str]:
    with pytest.raises(layer.module("service").BatchFailureError) as caught:
        answer(layer, expression)
    return caught.value.status, caught.value.message


@pytest.mark.parametrize(
    ("entry", "body"),
    [
        ("b'\\x00\\x01'", b"\x00\x01"),
        ("bytearray(b'x')", b"x"),
        ("'\\u00e9'", "é".encode()),
        ("{'a': 1, 'u': '\\u00e9'}", b'{\n  "a": 1,\n  "u": "\\u00e9"\n}'),
        ("[1, 2]", b"[\n  1,\n  2\n]"),
        ("3", b"3"),
        ("0.5", b"0.5"),
        ("True", b"true"),
        ("None", b"null"),
        ("float('nan')", b"NaN"),
    ],
)
def test_an_entry_is_sent_by_its_type(layer: Layer, entry: str, body: bytes) -> None:
    (sent,) = answer(layer, f"[{entry}]")
    assert bytes(sent.body) == body
    assert sent[:5] == ("id-0", 200, "", {}, None)


@pytest.mark.parametrize(
    ("expression", "status", "message"),
    [
        ("fail(PredictionException('too sad', 513))", 513, "too sad"),
        ("fail(PredictionException('no code given'))", 500, "no code given"),
        ("fail(PredictionException('odd code', 'x'))", 500, "odd code"),
        ("fail(PredictionException('CUDA is a word', 422))", 422, "CUDA is a word"),
        ("fail(MemoryError('x'))", 507, "Out of resources"),
        ("fail(RuntimeError('CUDA out of memory'))", 507, "Out of resources"),
        ("fail(ValueError('boom'))", 503, "Prediction failed"),
        ("1 / 0", 503, "Prediction failed"),
        ("'hello'", 503, "Invalid model predict output"),
        ("('hello',)", 503, "Invalid model predict output"),
        ("None", 503, "Invalid model predict output"),
        ("[]", 503, "number of batch response mismatched"),
        ("[1, 2]", 503, "number of batch response mismatched"),
        ("[object()]", 503, "Unsupported model output data type."),
        ("[{1, 2}]", 503, "Unsupported model output data type."),
        ("['\\ud800']", 503, "Unsupported model output data type."),
        ("(lambda loop: loop.append(loop) or [loop])([])", 503, "Unsupported model output data type."),
    ],
)
def test_a_failure_has_its_status_and_message(
    layer: Layer, expression: str, status: int, message: str
) -> None:
    assert failure(layer, expression) == (status, message)


def test_a_handler_that_exits_ends_the_worker(layer: Layer) -> None:
    with pytest.raises(SystemExit):
        answer(layer, "fail(SystemExit(3))")


def test_a_refusal_in_a_result_is_the_answer_to_its_own_request_only(layer: Layer) -> None:
    good, bad = answer(layer, "['fine', PredictionException('not this one', 422)]", count=2)
    assert (good.status, good.body) == (200, b"fine")
    assert (bad.request_id, bad.status, bad.content_type) == ("id-1", 422, "application/json")
    assert json.loads(bad.body) == {
        "code": 422,
        "type": "InternalServerException",
        "message": "not this one",
    }


def test_a_handler_sets_status_headers_and_type_of_each_answer(layer: Layer) -> None:
    source = """
def handle(data, context):
    if data is None:
        return None
    context.set_all_response_status(202, "Taken")
    context.set_response_status(code=418, phrase="I am a teapot", idx=1)
    context.set_response_header(1, "X-Kind", "tea")
    context.set_response_header(1, "X-Cups", 2)
    context.set_response_content_type(1, "text/x-tea")
    return ["a", "b"]
"""
    first, second = layer.loaded(source).predict([layer.request(number=0), layer.request(number=1)])
    assert first == ("id-0", 202, "Taken", {}, None, b"a")
    assert second == ("id-1", 418, "I am a teapot", {"X-Kind": "tea", "X-Cups": "2"}, "text/x-tea", b"b")


def test_statuses_and_headers_do_not_outlive_their_batch(layer: Layer) -> None:
    source = """
def handle(data, context):
    if data and data[0]["body"]:
        context.set_response_status(418)
        context.set_response_header(0, "X-Kind", "tea")
    return data and [1]
"""
    service = layer.loaded(source)
    assert service.predict([layer.request(b"x")])[0].status == 418
    assert service.predict([layer.request()])[0][1:5] == (200, "", {}, None)
