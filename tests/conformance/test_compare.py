"""The comparison tells right answers from wrong ones."""

import gzip
import json
from typing import Any

import msgspec
import pytest

from tests.conformance import v2_answers
from tests.conformance.cases import Case, Expectation
from tests.conformance.compare import differences
from tests.conformance.exchange import Answer


def answer(body: Any, status: int = 200, **headers: str) -> Answer:
    return Answer(status, headers, json.dumps(body).encode())


ALIKE = [
    ({"a": [1, 2.0]}, {"a": [1, 2.0]}),
    ([1.0], [1.0000001]),
    ([2.0], [2]),
    ([float("nan"), float("inf")], [float("nan"), float("inf")]),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
]
UNLIKE = [
    ({"a": 1}, {"a": 1, "b": 2}),
    ({"a": 1, "b": 2}, {"a": 1}),
    ([1.0], [1.00001]),
    ([1, 2], [1]),
    ([1], [1, 2]),
    ([9223372036854775807], [9223372036854775806]),
    ([True], [1]),
    ([1.0], [True]),
    (["1"], [1]),
    ([None], [0]),
    ([float("nan")], [1.0]),
    ([float("inf")], [float("-inf")]),
    ({"a": {"b": [1]}}, {"a": {"b": [2]}}),
]


@pytest.mark.parametrize(("expected", "given"), ALIKE)
def test_equal_documents_have_no_differences(expected: Any, given: Any) -> None:
    assert differences(Expectation(200, json=expected), answer(given)) == []
    assert differences(Expectation(200, json_subset=expected), answer(given)) == []


@pytest.mark.parametrize(("expected", "given"), UNLIKE)
def test_unequal_documents_differ(expected: Any, given: Any) -> None:
    assert differences(Expectation(200, json=expected), answer(given)) != []


def test_a_subset_lets_further_keys_pass_at_every_depth() -> None:
    expected = Expectation(200, json_subset={"a": [{"b": 1}]})
    assert differences(expected, answer({"a": [{"b": 1, "c": 2}], "d": 3})) == []
    assert differences(expected, answer({"a": [{"c": 2}]})) == ["body.a[0].b: missing"]
    assert differences(expected, answer({"a": [{"b": 1}, {}]})) != []


def test_a_lenient_expectation_reads_json_as_a_subset() -> None:
    expected = Expectation(200, json={"a": 1})
    assert differences(expected, answer({"a": 1, "b": 2})) != []
    assert differences(expected.lenient(), answer({"a": 1, "b": 2})) == []
    assert differences(expected.lenient(), answer({"a": 2, "b": 2})) != []


def test_another_status_differs() -> None:
    assert differences(Expectation(404), answer({})) == ["status: 404 expected, 200 given"]


def test_the_error_must_be_a_text_that_contains_the_words() -> None:
    expected = Expectation(400, error_contains="no such")
    assert differences(expected, answer({"error": "there is no such model"}, 400)) == []
    for body in ({"error": "another"}, {"error": 1}, {}, ["no such"], "no such"):
        assert differences(expected, answer(body, 400)) != []


def test_media_types_are_compared_without_parameters_and_case() -> None:
    expected = Expectation(200, headers={"Content-Type": "application/json"})
    assert differences(expected, answer({}, **{"content-type": "Application/JSON; charset=utf-8"})) == []
    assert differences(expected, answer({}, **{"content-type": "text/plain"})) != []
    assert differences(expected, answer({})) != []


def test_texts_are_looked_for_in_the_raw_body() -> None:
    expected = Expectation(200, body_contains=["3.0"], body_not_contains=["NaN"])
    assert differences(expected, Answer(200, {}, b"[3.0]")) == []
    assert differences(expected, Answer(200, {}, b"[3]")) == ["body: '3.0' is missing"]
    assert differences(expected, Answer(200, {}, b"[3.0, NaN]")) == ["body: 'NaN' is not wanted"]


def test_a_body_that_is_no_json_differs() -> None:
    assert differences(Expectation(200, json={}), Answer(200, {}, b"<html>")) != []
    assert differences(Expectation(200, error_contains="x"), Answer(200, {}, b"\xff")) != []


def test_a_case_with_an_unknown_key_is_refused() -> None:
    known = {"id": "a", "why": "b", "method": "GET", "path": "/", "expect": {"status": 200}}
    assert msgspec.convert(known, Case).id == "a"
    with pytest.raises(msgspec.ValidationError, match="surprise"):
        msgspec.convert(known | {"surprise": 1}, Case)


def case(method: str, path: str, **more: Any) -> Case:
    return Case(id="a", why="b", method=method, path=path, expect=Expectation(200), **more)


def test_a_request_is_the_bytes_of_the_case() -> None:
    made = case("POST", "/v1/%6d?x=%00", headers={"Content-Type": "text/plain"}, body="{ }")
    assert made.request("host:1") == (
        b"POST /v1/%6d?x=%00 HTTP/1.1\r\nHost: host:1\r\nConnection: close\r\n"
        b"Content-Type: text/plain\r\nContent-Length: 3\r\n\r\n{ }"
    )
    assert case("GET", "/").payload() is None
    assert case("POST", "/", body="").request("h").endswith(b"Length: 0\r\n\r\n")


def test_keys_and_items_of_a_list_may_be_asked_for() -> None:
    assert differences(Expectation(200, json_keys=["a"]), answer({"a": None, "b": 1})) == []
    assert differences(Expectation(200, json_keys=["a", "b"]), answer({"a": 1})) != []
    assert differences(Expectation(200, json_keys=["a"]), answer(["a"])) != []
    wanted = Expectation(200, json_contains=[{"a": 1}, {"b": 2}])
    assert differences(wanted, answer([{"b": 2, "c": 3}, {"a": 1}, 4])) == []
    assert differences(wanted, answer([{"a": 1}])) == ["body: no item is like {'b': 2}"]
    assert differences(wanted, answer({"a": 1, "b": 2})) != []


def test_the_json_of_an_answer_in_two_parts_is_compared_and_its_outputs_too() -> None:
    text = b'{"outputs":[{"name":"y","parameters":{"binary_data_size":2}},{"name":"z"}]}'
    headers = {v2_answers.LENGTH: str(len(text))}
    expected = Expectation(200, json_keys=["outputs"], binary={"y": "YWI="})
    assert v2_answers.differences(expected, Answer(200, headers, text + b"ab")) == []
    packed = headers | {"content-encoding": "gzip"}
    assert v2_answers.differences(expected, Answer(200, packed, gzip.compress(text + b"ab"))) == []
    assert v2_answers.differences(expected, Answer(200, headers, text + b"xy")) != []
    with pytest.raises(ValueError, match="its parts take"):
        v2_answers.differences(expected, Answer(200, headers, text + b"abc"))


def test_a_failure_of_v2_needs_a_text_under_error() -> None:
    assert v2_answers.differences(Expectation(400), answer({"error": "Bad X"}, 400)) == []
    assert (
        v2_answers.differences(Expectation(400, error_contains="bad x"), answer({"error": "Bad X"}, 400))
        == []
    )
    assert v2_answers.differences(Expectation(400, error_contains="y"), answer({"error": "Bad X"}, 400)) != []
    assert v2_answers.differences(Expectation(400), answer({"error": 1}, 400)) != []
    assert v2_answers.differences(Expectation(400), answer([], 400)) != []


def test_a_body_may_be_given_in_base64() -> None:
    sent = Case(id="x", why="x", method="POST", path="/", expect=Expectation(200), body_b64="AP8=")
    assert sent.payload() == b"\0\xff"
