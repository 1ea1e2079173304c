"""The calls of V2 over REST that are not `infer`."""

import json
from base64 import b64encode
from typing import Any

import numpy as np
import pytest

from dragoman.client.codec import Load
from dragoman.client.errors import BadAnswer, InvalidInput, ServerError
from dragoman.client.exchange import Answer, Exchange
from dragoman.client.rest import RestCodec
from dragoman.client.results import ModelState, TensorMetadata
from dragoman.core.tensors import DType
from tests.unit.client.driving import answer

CODEC = RestCodec()


def sent(exchange: Exchange[Any]) -> tuple[str, str, Any]:
    request = exchange.request
    body = b"".join(request.body)
    return request.method, request.path, json.loads(body) if body else None


def test_every_call_has_its_path() -> None:
    assert sent(CODEC.metadata("m", None)) == ("GET", "/v2/models/m", None)
    assert sent(CODEC.metadata("m", 2)) == ("GET", "/v2/models/m/versions/2", None)
    assert sent(CODEC.ready(None, None)) == ("GET", "/v2/health/ready", None)
    assert sent(CODEC.ready("m", 2)) == ("GET", "/v2/models/m/versions/2/ready", None)
    assert sent(CODEC.models()) == ("POST", "/v2/repository/index", {})
    assert sent(CODEC.statistics(None, None)) == ("GET", "/v2/models/stats", None)
    assert sent(CODEC.statistics("m", None)) == ("GET", "/v2/models/m/stats", None)
    assert sent(CODEC.config("m", "3")) == ("GET", "/v2/models/m/versions/3/config", None)
    assert sent(CODEC.load(Load("m", None, {}))) == ("POST", "/v2/repository/models/m/load", {})
    assert sent(CODEC.unload("m", dependents=False)) == ("POST", "/v2/repository/models/m/unload", {})


def test_a_model_s_name_is_one_part_of_a_path() -> None:
    assert sent(CODEC.metadata("a/../é?#", None))[1] == "/v2/models/a%2F..%2F%C3%A9%3F%23"
    with pytest.raises(InvalidInput, match="is no version's name"):
        CODEC.metadata("m", "..")
    with pytest.raises(InvalidInput, match="is no model's name"):
        CODEC.metadata("\ud800", None)


def test_settings_and_files_go_with_a_load() -> None:
    exchange = CODEC.load(Load("m", '{"a": 1}', {"1/model.onnx": b"\xff"}))
    _, _, body = sent(exchange)
    assert body == {"parameters": {"config": '{"a": 1}', "file:1/model.onnx": b64encode(b"\xff").decode()}}
    assert sent(CODEC.unload("m", dependents=True))[2] == {"parameters": {"unload_dependents": True}}


def test_only_what_changes_nothing_may_be_repeated() -> None:
    changing = [CODEC.load(Load("m", None, {})), CODEC.unload("m", dependents=False)]
    reading = [CODEC.models(), CODEC.metadata("m", None), CODEC.predict("m", None, {"instances": []})]
    assert [exchange.request.repeatable for exchange in (*changing, *reading)] == [
        False,
        False,
        True,
        True,
        True,
    ]


@pytest.mark.parametrize(("status", "ready"), [(200, True), (503, False), (404, False), (400, False)])
def test_a_status_says_whether_something_is_ready(status: int, ready: bool) -> None:
    assert CODEC.ready("m", None).read(Answer(b"", status)) is ready


@pytest.mark.parametrize("status", [401, 403, 500])
def test_who_may_not_ask_is_told_so(status: int) -> None:
    with pytest.raises(ServerError):
        CODEC.ready("m", None).read(Answer(b"", status))


def test_metadata_says_what_a_model_takes_and_gives() -> None:
    document = {
        "name": "m",
        "versions": ["1", "2"],
        "platform": "p",
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 3]}],
        "outputs": [],
        "unknown": 1,
    }
    metadata = CODEC.metadata("m", None).read(answer(document))
    assert metadata.inputs == {"x": TensorMetadata("x", DType.FP32, (None, 3))}
    assert (metadata.name, metadata.versions, metadata.platform, metadata.outputs) == (
        "m",
        ["1", "2"],
        "p",
        {},
    )
    assert str(metadata.inputs["x"]) == "'x': FP32 (?, 3)"


def test_the_index_lists_versions_with_their_states() -> None:
    entries = [{"name": "a", "version": "1", "state": "READY", "reason": ""}, {"name": "b"}]
    states = CODEC.models().read(answer(entries))
    assert states == [ModelState("a", "1", "READY", ""), ModelState("b", "", "", "")]
    assert [state.ready for state in states] == [True, False]


def test_statistics_and_settings_come_as_they_are() -> None:
    assert CODEC.statistics(None, None).read(answer({"model_stats": [{"name": "m"}]})) == [{"name": "m"}]
    assert CODEC.config("m", None).read(answer({"max_batch_size": 8})) == {"max_batch_size": 8}


@pytest.mark.parametrize(
    ("exchange", "document"),
    [
        (CODEC.metadata("m", None), {"inputs": []}),
        (CODEC.metadata("m", None), {"name": "m", "versions": [1]}),
        (CODEC.metadata("m", None), {"name": "m", "inputs": [{"name": "x", "datatype": "X", "shape": []}]}),
        (CODEC.metadata("m", None), {"name": "m", "inputs": [{"name": "x", "datatype": "FP32"}]}),
        (CODEC.models(), {}),
        (CODEC.models(), ["m"]),
        (CODEC.statistics(None, None), {"model_stats": 1}),
        (CODEC.config("m", None), []),
        (CODEC.predict("m", None, {}), {"error": "x"}),
        (CODEC.predict("m", None, {}), []),
    ],
)
def test_an_answer_of_another_form_is_refused(exchange: Exchange[Any], document: Any) -> None:
    with pytest.raises(BadAnswer):
        exchange.read(answer(document))


def test_predict_takes_arrays_bytes_and_numbers_of_any_kind() -> None:
    body = {
        "instances": [
            {"x": np.array([[1.5, 2]], np.float32), "b": b"\xff", "t": (1, np.int64(2)), "f": np.float16(0.5)}
        ]
    }
    assert sent(CODEC.predict("m", 2, body)) == (
        "POST",
        "/v1/models/m/versions/2:predict",
        {"instances": [{"x": [[1.5, 2]], "b": {"b64": "/w=="}, "t": [1, 2], "f": 0.5}]},
    )


def test_predict_keeps_what_is_no_number() -> None:
    (body,) = CODEC.predict("m", None, {"instances": [np.array([np.nan, np.inf], np.float32)]}).request.body
    assert body == b'{"instances": [[NaN, Infinity]]}'


def test_predict_refuses_what_json_cannot_hold() -> None:
    with pytest.raises(InvalidInput, match=r"no JSON.*object is none"):
        CODEC.predict("m", None, {"instances": [object()]})


@pytest.mark.parametrize("key", ["predictions", "outputs"])
def test_predictions_come_under_either_name(key: str) -> None:
    assert CODEC.predict("m", None, {}).read(answer({key: [1, float("nan")]}))[0] == 1
