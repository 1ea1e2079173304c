"""Generate: what becomes of a flat object's keys, and how answers are written, once or as events."""

import json
from typing import Any, Final

import numpy as np
import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import Target
from dragoman.core.responses import Chunk
from dragoman.core.signatures import Answers, Signature, TensorSpec
from dragoman.core.tensors import DType, Tensor
from dragoman.protocols.kserve_v2.generate import GenerateDraft, shape_for, stream_generate
from tests.unit.protocols.kserve_v2.protocol import PROTOCOL
from tests.unit.protocols.tfs.reference import REPORT, Codec

CODEC: Final = Codec("superset", REPORT, PROTOCOL)
HALF: Final = "/v2/models/half_plus_two"
ADD: Final = "/v2/models/add_sub"
NUMBERS: Final = list(range(16))


def post(path: str, body: Any) -> tuple[int, bytes, bytes]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = CODEC.answer("POST", path, data)
    return response.status, response.content_type, bytes(response.body)


def generated(path: str, body: Any) -> Any:
    status, content_type, answer = post(path, body)
    assert (status, content_type) == (200, b"application/json")
    return json.loads(answer)


def refused(path: str, body: Any) -> tuple[int, str]:
    status, content_type, answer = post(path, body)
    assert content_type == b"application/json"
    return status, json.loads(answer)["error"]


def test_a_key_that_is_an_input_becomes_its_tensor_and_one_value_comes_back_bare() -> None:
    assert generated(f"{HALF}/generate", {"x": 2.0, "id": "a"}) == {
        "model_name": "half_plus_two",
        "model_version": "2",
        "id": "a",
        "y": 4.0,
    }


def test_several_values_come_back_as_a_flat_list() -> None:
    body = {"INPUT0": NUMBERS, "INPUT1": [1] * 16}
    answer = generated(f"{ADD}/versions/1/generate", body)
    assert answer["OUTPUT0"] == [number + 1 for number in NUMBERS]
    assert answer["OUTPUT1"] == [number - 1 for number in NUMBERS]


def test_texts_are_texts() -> None:
    assert generated("/v2/models/echo_string/generate", {"x": "hällo"})["y"] == "hällo"
    assert generated("/v2/models/echo_string/generate", {"x": ["a", "b"]})["y"] == ["a", "b"]


def test_other_plain_keys_and_parameters_are_the_models_affair() -> None:
    body = {"x": 1.0, "temperature": 0.5, "stream": False, "stop": None, "parameters": {"max_tokens": 5}}
    assert generated(f"{HALF}/generate", body)["y"] == 3.5


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "the body must be a JSON object, not []"),
        (b"{", "JSON Parse error"),
        ({"x": 1.0, "id": 5}, "'id' must be a string, not 5"),
        ({"x": 1.0, "parameters": [1]}, "parameters"),
        ({"x": 1.0, "parameters": {"triton_secret": 1}}, "triton_secret"),
        ({"x": 1.0, "stop": ["a"]}, "parameter 'stop' has invalid type"),
        ({"x": {"a": 1}}, "input 'x'"),
        ({"x": "text"}, "input 'x'"),
        ({}, "missing required input(s) ['x']"),
    ],
)
def test_what_cannot_be_generated_from_is_bad_input(body: Any, message: str) -> None:
    for word in ("generate", "generate_stream"):
        status, told = refused(f"{HALF}/{word}", body)
        assert status == 400
        assert message in told


def test_values_that_do_not_fill_the_fixed_sizes_are_refused() -> None:
    status, told = refused(f"{ADD}/generate", {"INPUT0": [1] * 15, "INPUT1": [1] * 16})
    assert (status, told) == (400, "input 'INPUT0': 15 values do not fill the shape [-1, 16]")


@pytest.mark.parametrize(
    ("count", "shape", "expected"),
    [
        (1, (), ()),
        (5, None, (5,)),
        (6, (None, 3), (2, 3)),
        (6, (None, None, 3), (1, 2, 3)),
        (4, (2, None), (2, 2)),
        (0, (None,), (0,)),
        (1, (1, 1), (1, 1)),
    ],
)
def test_the_innermost_open_size_takes_what_the_fixed_ones_leave(
    count: int, shape: tuple[int | None, ...] | None, expected: tuple[int, ...]
) -> None:
    assert shape_for("x", count, shape) == expected


@pytest.mark.parametrize(("count", "shape"), [(2, ()), (5, (None, 3)), (3, (2,)), (1, (0,))])
def test_sizes_that_do_not_fit_are_refused(count: int, shape: tuple[int | None, ...]) -> None:
    with pytest.raises(DragomanError) as refusal:
        shape_for("x", count, shape)
    assert refusal.value.code is Code.INVALID_ARGUMENT


def test_an_inference_request_gets_an_inference_answer() -> None:
    inputs = [{"name": "x", "shape": [2], "datatype": "FP32", "data": [1.0, 2.0]}]
    assert generated(f"{HALF}/generate", {"id": "i", "inputs": inputs}) == {
        "model_name": "half_plus_two",
        "model_version": "2",
        "id": "i",
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [2], "data": [3.5, 4.0]}],
    }


@pytest.mark.parametrize("word", ["generate_stream", "infer_stream"])
def test_a_model_that_answers_once_is_a_stream_of_one_event(word: str) -> None:
    status, content_type, body = post(f"{HALF}/{word}", {"x": 2.0})
    assert (status, content_type) == (200, b"text/event-stream; charset=utf-8")
    assert body.startswith(b"data: {")
    assert body.endswith(b"}\n\n")
    assert json.loads(body[len(b"data: ") :])["y"] == 4.0


TEXT: Final = TensorSpec("text", DType.BYTES, (None,), "text")


def draft(*, streamed: bool, streams: bool) -> GenerateDraft:
    signature = Signature(
        "serving_default", {"text": TEXT}, {"text": TEXT}, answers=Answers.PARTS if streams else Answers.WHOLE
    )
    return GenerateDraft(Target("m"), {}, streamed, "a", signature=signature)


def part(text: bytes) -> Chunk:
    array = np.empty(1, np.object_)
    array[0] = text
    return Chunk({"text": Tensor(DType.BYTES, array)}, version=3)


def test_each_part_of_an_answer_is_an_event_and_nothing_follows_the_last() -> None:
    encoder = stream_generate(draft(streamed=True, streams=True))
    assert encoder is not None
    assert encoder.head(None).content_type == b"text/event-stream; charset=utf-8"
    expected = b'data: {"model_name":"m","model_version":"3","id":"a","text":"one"}\n\n'
    assert encoder.chunk(part(b"one")) == expected
    assert encoder.end() is None


def test_an_error_after_the_first_part_is_an_event() -> None:
    encoder = stream_generate(draft(streamed=True, streams=True))
    assert encoder is not None
    error = DragomanError(Code.INTERNAL, "it broke")
    assert encoder.fail(error) == b'data: {"error":"it broke"}\n\n'


def test_only_callers_of_a_stream_and_models_that_stream_get_parts() -> None:
    assert stream_generate(draft(streamed=False, streams=True)) is None
    assert stream_generate(draft(streamed=True, streams=False)) is None
