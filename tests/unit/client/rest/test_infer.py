"""`infer` over REST: what the client writes and reads."""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.client.arrays import typed_tensor
from dragoman.client.codec import Inference
from dragoman.client.errors import BadAnswer, ClientError, InvalidInput
from dragoman.client.exchange import Answer, Request
from dragoman.client.rest import RestCodec
from dragoman.client.results import Parameters, Result
from dragoman.core.tensors import DType
from dragoman.wire.datatypes import DATATYPES
from tests.unit.client.driving import answer, arrays, bits

CODEC = RestCodec()


def call(
    arrays: Mapping[str, Any],
    model: str = "m",
    version: int | str | None = None,
    outputs: Mapping[str, Parameters] | None = None,
    parameters: Parameters | None = None,
    request_id: str | None = None,
) -> Inference:
    tensors = {name: typed_tensor(name, value) for name, value in arrays.items()}
    return Inference(model, version, tensors, outputs, parameters or {}, request_id)


def split(request: Request) -> tuple[Any, bytes]:
    """The JSON of a request and what follows, told apart as a server does."""
    body = b"".join(request.body)
    length = int(dict(request.headers)["inference-header-content-length"])
    return json.loads(body[:length]), body[length:]


def binary(document: Any, rest: bytes) -> Answer:
    text = json.dumps(document).encode()
    return Answer(bytearray(text + rest), 200, {"inference-header-content-length": str(len(text))})


def read(received: Answer) -> Result:
    return CODEC.infer(call({})).read(received)


def output(name: str = "y", datatype: str = "FP32", shape: Any = (1,), **more: Any) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape, **more}


def document(*outputs: Any, **more: Any) -> dict[str, Any]:
    return {"model_name": "m", "model_version": "1", "outputs": list(outputs), **more}


@given(data=st.data(), dtypes=st.lists(st.sampled_from(DType), max_size=4))
def test_tensors_that_are_sent_and_come_back_are_equal_bit_for_bit(
    data: st.DataObject, dtypes: list[DType]
) -> None:
    sent = {f"x{index}": data.draw(arrays(dtype)) for index, dtype in enumerate(dtypes)}
    written, rest = split(CODEC.infer(call(sent)).request)
    assert [tensor["datatype"] for tensor in written["inputs"]] == [DATATYPES[dtype] for dtype in dtypes]
    result = read(binary(document(*written["inputs"]), rest))
    assert {name: bits(array) for name, array in result.items()} == {
        name: bits(array) for name, array in sent.items()
    }


@given(data=st.data(), dtype=st.sampled_from([d for d in DType if d not in (DType.BF16, DType.BYTES)]))
def test_elements_in_json_are_read_bit_for_bit(data: st.DataObject, dtype: DType) -> None:
    array = data.draw(arrays(dtype))
    array[np.isnan(array)] = 1 if dtype.is_float else array[np.isnan(array)]  # JSON has one NaN only
    doc = document(output(datatype=DATATYPES[dtype], shape=array.shape, data=array.reshape(-1).tolist()))
    assert bits(read(answer(doc))["y"]) == bits(array)


def test_the_request_asks_for_every_output_in_binary() -> None:
    exchange = CODEC.infer(call({"x": np.array([1, 2], np.float32)}, model="a/b c", version=3))
    written, rest = split(exchange.request)
    assert exchange.request.path == "/v2/models/a%2Fb%20c/versions/3/infer"
    assert written == {
        "inputs": [
            {"name": "x", "shape": [2], "datatype": "FP32", "parameters": {"binary_data_size": 8}},
        ],
        "parameters": {"binary_data_output": True},
    }
    assert rest == np.array([1, 2], np.float32).tobytes()


def test_outputs_parameters_and_id_are_sent() -> None:
    asked = call(
        {}, outputs={"y": {}, "z": {"classification": 2}}, parameters={"priority": 1}, request_id="7"
    )
    written, _ = split(CODEC.infer(asked).request)
    assert written == {
        "inputs": [],
        "outputs": [
            {"name": "y", "parameters": {"binary_data": True}},
            {"name": "z", "parameters": {"binary_data": True, "classification": 2}},
        ],
        "parameters": {"priority": 1},
        "id": "7",
    }


def test_a_large_tensor_is_sent_as_it_lies() -> None:
    array = np.zeros(100_000, np.float32)
    _, data = CODEC.infer(call({"x": array})).request.body
    assert np.shares_memory(np.frombuffer(data, np.uint8), array)


def test_a_tensor_that_does_not_lie_in_order_is_put_in_order() -> None:
    array = np.arange(6, dtype=np.int16).reshape(2, 3).T
    written, rest = split(CODEC.infer(call({"x": array})).request)
    assert written["inputs"][0]["shape"] == [3, 2]
    assert rest == array.tobytes()


def test_what_json_cannot_hold_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no JSON"):
        CODEC.infer(call({}, parameters={"a": object()}))
    with pytest.raises(InvalidInput, match="no JSON"):
        CODEC.infer(call({"\ud800": np.zeros(1)}))


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_model_whose_name_would_be_a_step_in_the_path_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="is no model's name"):
        CODEC.infer(call({}, model=name))


def test_a_result_says_who_answered() -> None:
    result = read(answer(document(model_name="m", model_version="3", id="7", parameters={"a": 1, "b": None})))
    assert (result.model, result.version, result.id, result.parameters) == ("m", "3", "7", {"a": 1})


def test_null_stands_for_what_is_absent() -> None:
    result = read(answer(document(output(data=[1.5], parameters=None), id=None, parameters=None)))
    assert (result["y"].tolist(), result.id) == ([1.5], "")


def test_numbers_of_an_answer_can_be_written_to() -> None:
    raw = read(binary(document(output(parameters={"binary_data_size": 4})), b"\0\0\x80\x3f"))
    told = read(answer(document(output(data=[1.0]))))
    for result in (raw, told):
        result["y"][:] += 1
    assert raw["y"].tolist() == told["y"].tolist() == [2.0]


def test_json_and_binary_may_be_mixed() -> None:
    mixed = document(
        output("a", "INT8", parameters={"binary_data_size": 1}),
        output("b", "INT8", data=[[2]]),
        output("c", "BYTES", parameters={"binary_data_size": 5}),
    )
    result = read(binary(mixed, b"\1\1\0\0\0c"))
    assert {name: array.tolist() for name, array in result.items()} == {"a": [1], "b": [2], "c": [b"c"]}


HOSTILE = {
    "no JSON": Answer(b"<html>", 200),
    "nothing": Answer(b"", 200),
    "a list": answer([1]),
    "a JSON length beyond the answer": Answer(b"{}", 200, {"inference-header-content-length": "3"}),
    "a JSON length that is none": Answer(b"{}", 200, {"inference-header-content-length": "-1"}),
    "bytes left over": binary(document(), b"x"),
    "outputs that are no list": answer({"outputs": {}}),
    "an output that is no object": answer({"outputs": [1]}),
    "an output without a name": answer(document({"datatype": "FP32", "shape": [1], "data": [1]})),
    "an unknown type": answer(document(output(datatype="FP31", data=[1]))),
    "no data": answer(document(output())),
    "data that is no list": answer(document(output(data="1"))),
    "too few elements": answer(document(output(data=[]))),
    "too many elements": answer(document(output(data=[1, 2]))),
    "an element that does not fit": answer(document(output(datatype="INT8", data=[300]))),
    "uneven lists": answer(document(output(shape=[3], data=[[1, 2], [3]]))),
    "a negative size": answer(document(output(shape=[-1], data=[1]))),
    "a size that is no number": answer(document(output(shape=["1"], data=[1]))),
    "a size that is true": answer(document(output(shape=[True], data=[1]))),
    "a shape that is none": answer(document(output(shape=1, data=[1]))),
    "too many dimensions": answer(document(output(shape=[1] * 1000, data=[1]))),
    "an overflowing shape": answer(document(output(shape=[2**62, 2**62], data=[]))),
    "an overflowing empty shape": answer(document(output(shape=[0, 2**62, 2**62], data=[]))),
    "a huge shape": binary(document(output(shape=[2**40], parameters={"binary_data_size": 4})), b"0000"),
    "too few bytes": binary(document(output(parameters={"binary_data_size": 4})), b"000"),
    "a size that does not fit": binary(document(output(parameters={"binary_data_size": 5})), b"00000"),
    "a size below zero": binary(document(output(parameters={"binary_data_size": -1})), b""),
    "a size that is a text": binary(document(output(parameters={"binary_data_size": "4"})), b"0000"),
    "text cut off": binary(document(output("y", "BYTES", parameters={"binary_data_size": 5})), b"\2\0\0\0a"),
    "more text than said": binary(
        document(output("y", "BYTES", parameters={"binary_data_size": 5})), b"\0" * 5
    ),
    "a huge count of texts": binary(
        document(output("y", "BYTES", [2**50], parameters={"binary_data_size": 4})), b"\0" * 4
    ),
    "one name twice": answer(document(output(data=[1]), output(data=[1]))),
    "a model that is a number": answer({**document(), "model_name": 1}),
    "an error that is none": Answer(b"\xff\xfe", 500),
    "another status": Answer(b"", 302, {"location": "http://elsewhere"}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_answer_is_an_error_in_one_line(name: str) -> None:
    with pytest.raises(ClientError) as caught:
        read(HOSTILE[name])
    assert len(str(caught.value)) < 300
    assert "input" not in str(caught.value)
    if HOSTILE[name].status == 200:
        assert isinstance(caught.value, BadAnswer)


WHOLE = binary(
    document(
        output("a", "FP32", [2], parameters={"binary_data_size": 8}),
        output("b", "BYTES", [2], parameters={"binary_data_size": 10}),
        output("c", "INT64", [1], data=[2**60]),
        id="1",
    ),
    bytes(8) + b"\1\0\0\0a\1\0\0\0b",
)


def test_an_answer_cut_anywhere_is_refused() -> None:
    body = bytes(WHOLE.body)
    assert len(read(WHOLE)) == 3
    for end in range(len(body)):
        with pytest.raises(BadAnswer):
            read(Answer(body[:end], 200, WHOLE.headers))


@given(st.data())
def test_an_answer_with_any_bytes_changed_is_read_or_refused(data: st.DataObject) -> None:
    body = bytearray(WHOLE.body)
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    with suppress(ClientError):
        assert all(array.nbytes < 1000 for array in read(Answer(body, 200, WHOLE.headers)).values())
