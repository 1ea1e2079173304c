"""The calls of the client, step by step, without a transport."""

import json
from typing import Any

import numpy as np
import pytest

from dragoman.client.calls import Calls
from dragoman.client.errors import (
    BadAnswer,
    ClientError,
    Code,
    ConnectionFailed,
    InvalidInput,
    ServerError,
)
from dragoman.client.exchange import Answer, Open, Opened, Pause, Send, Step
from dragoman.client.rest import RestCodec
from tests.unit.client.driving import NOW, answer, attempts, drive

URL = "http://host:8000"
METADATA = answer(
    {
        "name": "m",
        "versions": ["1"],
        "platform": "",
        "inputs": [
            {"name": "x", "datatype": "FP32", "shape": [-1]},
            {"name": "t", "datatype": "BYTES", "shape": [-1]},
        ],
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1]}],
    }
)
RESULT = answer(
    {
        "model_name": "m",
        "model_version": "1",
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [1], "data": [2.5]}],
    }
)
REFUSED = answer({"error": "unexpected shape"}, 400)
FAILED = answer({"error": "out of memory"}, 500)


def calls(retries: int = 0, timeout_s: float | None = None) -> Calls:
    return Calls(RestCodec(), attempts(retries, timeout_s), URL)


def paths(steps: list[Step]) -> list[str]:
    return [step.request.path for step in steps if not isinstance(step, Pause)]


def document(step: Step) -> Any:
    assert isinstance(step, Send)
    length = int(dict(step.request.headers)["inference-header-content-length"])
    return json.loads(b"".join(step.request.body)[:length])


def test_arrays_are_sent_at_once() -> None:
    result, steps = drive(calls().infer("m", {"x": np.array([1.0])}), [RESULT])
    assert paths(steps) == ["/v2/models/m/infer"]
    assert result["y"].tolist() == [2.5]


def test_plain_values_follow_metadata_that_is_asked_for_once() -> None:
    client = calls()
    values = {"x": [1, 2, 5], "t": ["a"]}
    _, first = drive(client.infer("m", values), [METADATA, RESULT])
    _, second = drive(client.infer("m", values), [RESULT])
    assert paths(first) == ["/v2/models/m", "/v2/models/m/infer"]
    assert paths(second) == ["/v2/models/m/infer"]
    assert [tensor["datatype"] for tensor in document(second[0])["inputs"]] == ["FP32", "BYTES"]


def test_each_version_has_metadata_of_its_own() -> None:
    client = calls()
    drive(client.infer("m", {"x": [1]}), [METADATA, RESULT])
    _, steps = drive(client.infer("m", {"x": [1]}, version=2), [METADATA, RESULT])
    assert paths(steps) == ["/v2/models/m/versions/2", "/v2/models/m/versions/2/infer"]


def test_metadata_that_may_be_outdated_is_asked_for_again() -> None:
    client = calls()
    for failure, again in ((REFUSED, True), (answer({"error": "unknown"}, 404), True), (FAILED, False)):
        drive(client.metadata("m"), [METADATA])
        with pytest.raises(ServerError):
            drive(client.infer("m", {"x": [1]}), [failure])
        came = [METADATA, RESULT] if again else [RESULT]
        assert len(drive(client.infer("m", {"x": [1]}), came)[1]) == len(came)


def test_metadata_is_asked_for_again_after_a_model_was_changed() -> None:
    client = calls()
    for change in (client.load, client.unload):
        drive(client.metadata("m"), [METADATA])
        drive(client.metadata("other"), [METADATA])
        drive(change("m"), [answer({})])
        assert len(drive(client.infer("m", {"x": [1]}), [METADATA, RESULT])[1]) == 2
        assert len(drive(client.infer("other", {"x": [1]}), [RESULT])[1]) == 1


def test_an_input_that_the_model_does_not_take_is_told_with_those_it_takes() -> None:
    with pytest.raises(InvalidInput) as caught:
        drive(calls().infer("m", {"z": [1]}), [METADATA])
    assert str(caught.value) == (
        "there is no input 'z'; the model takes 'x': FP32 (?,), 't': BYTES (?,) (model 'm' at http://host:8000)"
    )


@pytest.mark.parametrize(
    "flow",
    [
        calls().infer("m", {"x": np.array([1j])}),
        calls().infer("m", [1]),
        calls().infer("m", {}, outputs="y"),
        calls().infer("m", {}, timeout_s=-1),
        calls().stream("m", {"x": np.array([1j])}),
        calls().stream("m", {"x": np.array([b"\xff"], object)}),
        calls().predict("m"),
        calls().predict("m", [1], inputs=[1]),
        calls().explain("m"),
        calls().metadata("m", version=".."),
    ],
)
def test_what_cannot_be_sent_is_told_before_anything_is_sent(flow: Any) -> None:
    with pytest.raises(InvalidInput, match=r"model 'm' at http://host:8000\)$"):
        drive(flow, [])


@pytest.mark.parametrize("model", ["", None, 1])
def test_a_model_has_a_name(model: Any) -> None:
    with pytest.raises(InvalidInput, match="is no model's name"):
        drive(calls().infer(model, {}), [])


@pytest.mark.parametrize(
    ("came", "kind"),
    [
        (ConnectionFailed("refused", sent=False), ConnectionFailed),
        (FAILED, ServerError),
        (Answer(b"garbage", 200), BadAnswer),
    ],
)
def test_every_failure_names_server_and_model(came: Any, kind: type[ClientError]) -> None:
    for flow in (calls().infer("m", {}), calls().metadata("m"), calls().predict("m", [1])):
        with pytest.raises(kind) as caught:
            drive(flow, [came])
        assert (caught.value.url, caught.value.model) == (URL, "m")


def test_a_call_of_the_whole_server_names_no_model() -> None:
    with pytest.raises(ServerError) as caught:
        drive(calls().models(), [FAILED])
    assert (caught.value.url, caught.value.model) == (URL, None)


def test_the_time_of_a_call_covers_its_metadata() -> None:
    _, steps = drive(calls(timeout_s=5).infer("m", {"x": [1]}), [METADATA, RESULT])
    assert [step.deadline for step in steps if isinstance(step, Send)] == [NOW + 5, NOW + 5]
    _, steps = drive(calls(timeout_s=5).infer("m", {"x": [1]}, timeout_s=2), [METADATA, RESULT])
    assert [step.deadline for step in steps if isinstance(step, Send)] == [NOW + 2, NOW + 2]


def test_a_load_takes_as_long_as_it_takes() -> None:
    _, (step,) = drive(calls(timeout_s=5).load("m"), [answer({})])
    assert step == Send(step.request, None)
    _, (step,) = drive(calls(timeout_s=5).unload("m", timeout_s=7), [answer({})])
    assert isinstance(step, Send)
    assert step.deadline == NOW + 7


def test_settings_for_a_load_may_be_a_mapping_or_a_text() -> None:
    for config in ({"max_batch_size": 8}, '{"max_batch_size": 8}'):
        _, (step,) = drive(calls().load("m", config=config), [answer({})])
        assert isinstance(step, Send)
        body = json.loads(b"".join(step.request.body))
        assert json.loads(body["parameters"]["config"]) == {"max_batch_size": 8}


def test_predict_sends_rows_or_columns_and_the_signature() -> None:
    predictions = answer({"predictions": [1]})
    for flow, body in (
        (calls().predict("m", [1]), {"instances": [1]}),
        (calls().predict("m", inputs={"x": [1]}), {"inputs": {"x": [1]}}),
        (calls().predict("m", [1], signature="s"), {"instances": [1], "signature_name": "s"}),
    ):
        given, (step,) = drive(flow, [predictions])
        assert given == [1]
        assert isinstance(step, Send)
        assert json.loads(b"".join(step.request.body)) == body


def test_explain_sends_what_predict_does_and_parameters() -> None:
    explanations = answer({"explanations": {"x": [0.5]}})
    flow = calls().explain("m", inputs={"x": np.array([1.0])}, parameters={"target": 3})
    given, (step,) = drive(flow, [explanations])
    assert given == {"x": [0.5]}
    assert isinstance(step, Send)
    assert step.request.path == "/v1/models/m:explain"
    assert json.loads(b"".join(step.request.body)) == {"inputs": {"x": [1.0]}, "parameters": {"target": 3}}
    with pytest.raises(BadAnswer, match="the answer has no 'explanations'"):
        drive(calls().explain("m", [1]), [answer({"predictions": [1]})])


class Parts:
    """Parts that note whether they were abandoned."""

    abandoned = False

    def abandon(self) -> None:
        self.abandoned = True


def test_a_stream_is_opened_with_the_call_s_limit_for_each_wait() -> None:
    parts = Parts()
    head = Answer(b"", 200, {"content-type": "text/event-stream"})
    streamed, steps = drive(
        calls(timeout_s=5).stream("m", {"x": [1]}, timeout_s=3), [METADATA, Opened(head, parts)]
    )
    assert isinstance(steps[1], Open)
    assert (steps[1].deadline, steps[1].silence_s) == (NOW + 3, 3)
    assert streamed.parts is parts
    with pytest.raises(BadAnswer) as caught, streamed.about:
        raise BadAnswer("cut off")
    assert (caught.value.url, caught.value.model) == (URL, "m")


def test_a_stream_that_fails_at_once_is_the_server_s_error() -> None:
    with pytest.raises(ServerError, match="out of memory") as caught:
        drive(calls().stream("m", {}), [Opened(FAILED, None)])
    assert caught.value.code is Code.INTERNAL


def test_ready_is_an_answer_and_no_error() -> None:
    assert drive(calls(retries=3).ready("m"), [Answer(b"", 503)])[0] is False
    assert drive(calls().ready(), [Answer(b"", 200)])[0] is True
