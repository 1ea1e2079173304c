"""`infer` over gRPC: what the client writes and reads; it is compared with what protobuf makes of it."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.client.arrays import typed_tensor
from dragoman.client.codec import Inference
from dragoman.client.errors import BadAnswer, ClientError, InvalidInput, ServerError
from dragoman.client.exchange import Answer
from dragoman.client.results import Parameters, Result
from dragoman.client.rpc import RpcCodec
from dragoman.client.rpc.infer import CONTENTS, MessageReader
from dragoman.core.tensors import NUMPY, DType
from dragoman.wire.datatypes import DATATYPES
from dragoman.wire.protobuf import message_class
from dragoman.wire.raw_tensors import write_raw
from tests.unit.client.driving import arrays, bits

CODEC = RpcCodec()
REQUEST = message_class("inference.ModelInferRequest")
RESPONSE = message_class("inference.ModelInferResponse")
STREAMED = message_class("inference.ModelStreamInferResponse")


def call(
    arrays: Mapping[str, Any],
    version: int | str | None = None,
    outputs: Mapping[str, Parameters] | None = None,
    parameters: Parameters | None = None,
    request_id: str | None = None,
) -> Inference:
    tensors = {name: typed_tensor(name, value) for name, value in arrays.items()}
    return Inference("m", version, tensors, outputs, parameters or {}, request_id)


def written(inference: Inference) -> Any:
    return REQUEST.FromString(b"".join(CODEC.infer(inference).request.body))


def read(message: Any) -> Result:
    body = message if isinstance(message, bytes) else message.SerializeToString()
    return CODEC.infer(call({})).read(Answer(body))


def response(*tensors: dict[str, Any], raw: list[bytes] | None = None, **more: Any) -> Any:
    return RESPONSE(model_name="m", model_version="1", outputs=tensors, raw_output_contents=raw or [], **more)


def tensor(name: str = "y", datatype: str = "FP32", shape: Any = (1,), **contents: Any) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape, "contents": contents or None}


@given(data=st.data(), dtypes=st.lists(st.sampled_from(DType), max_size=4))
def test_tensors_that_are_sent_and_come_back_are_equal_bit_for_bit(
    data: st.DataObject, dtypes: list[DType]
) -> None:
    sent = {f"x{index}": data.draw(arrays(dtype)) for index, dtype in enumerate(dtypes)}
    message = written(call(sent))
    assert [(t.name, t.datatype) for t in message.inputs] == [
        (name, DATATYPES[dtype]) for name, dtype in zip(sent, dtypes, strict=True)
    ]
    tensors = [tensor(t.name, t.datatype, t.shape) for t in message.inputs]
    result = read(response(*tensors, raw=list(message.raw_input_contents)))
    assert {name: bits(array) for name, array in result.items()} == {
        name: bits(array) for name, array in sent.items()
    }
    assert all(array.flags.writeable for array in result.values())


@given(data=st.data(), dtype=st.sampled_from(list(CONTENTS)))
def test_elements_one_by_one_are_read_bit_for_bit(data: st.DataObject, dtype: DType) -> None:
    array = data.draw(arrays(dtype))
    if dtype.is_float:
        array[np.isnan(array)] = np.nan  # a signalling NaN becomes a quiet one in Python's hands
    elements = array.reshape(-1).tolist()
    answered = response(tensor("y", DATATYPES[dtype], array.shape, **{CONTENTS[dtype]: elements}))
    assert bits(read(answered)["y"]) == bits(array)


def test_every_type_but_the_narrow_floats_has_a_field() -> None:
    assert set(DType) - set(CONTENTS) == {DType.FP16, DType.BF16}


def test_the_message_says_all_that_was_asked_for() -> None:
    asked = call(
        {"x": np.array([1], np.int8)},
        version=3,
        outputs={"y": {}, "z": {"classification": 2}},
        parameters={"a": True, "b": -1, "c": 2**63, "d": 0.5, "e": "text"},
        request_id="7",
    )
    expected = REQUEST(
        model_name="m",
        model_version="3",
        id="7",
        parameters={
            "a": {"bool_param": True},
            "b": {"int64_param": -1},
            "c": {"uint64_param": 2**63},
            "d": {"double_param": 0.5},
            "e": {"string_param": "text"},
        },
        inputs=[{"name": "x", "datatype": "INT8", "shape": [1]}],
        outputs=[{"name": "y"}, {"name": "z", "parameters": {"classification": {"int64_param": 2}}}],
        raw_input_contents=[b"\1"],
    )
    assert written(asked) == expected


def test_a_large_tensor_is_sent_as_it_lies() -> None:
    array = np.zeros(100_000, np.float32)
    *_, data = CODEC.infer(call({"x": array})).request.body
    assert np.shares_memory(np.frombuffer(data, np.uint8), array)


@pytest.mark.parametrize("value", [2**64, -(2**64), None, [1]])
def test_a_parameter_of_another_kind_is_refused(value: Any) -> None:
    with pytest.raises(InvalidInput, match="parameter 'a'"):
        CODEC.infer(call({}, parameters={"a": value}))


def test_a_result_says_who_answered() -> None:
    result = read(response(id="7", parameters={"a": {"uint64_param": 2**63}, "b": {}}))
    assert (result.model, result.version, result.id, result.parameters) == ("m", "1", "7", {"a": 2**63})


HOSTILE = {
    "no message": b"\xff\xff\xff",
    "a message of another form": b"\x08\x01",
    "a name that is no text": b"\x0a\x01\xff",
    "fewer raw contents than outputs": response(tensor("a"), tensor("b"), raw=[b"0000"]),
    "more raw contents than outputs": response(tensor("a"), raw=[b"0000", b"0000"]),
    "an unknown type": response(tensor(datatype="FP31"), raw=[b"0000"]),
    "too few bytes": response(tensor(), raw=[b"000"]),
    "a negative size": response(tensor(shape=[-1]), raw=[b"0000"]),
    "an overflowing shape": response(tensor(shape=[2**62, 2**62]), raw=[b""]),
    "a huge shape": response(tensor(shape=[2**40])),
    "no contents": response(tensor()),
    "half floats one by one": response(tensor(datatype="FP16", fp32_contents=[1.0])),
    "contents of another type": response(tensor(fp64_contents=[1.0])),
    "an element that does not fit": response(tensor(datatype="INT8", int_contents=[300])),
    "too many elements": response(tensor(fp32_contents=[1.0, 2.0])),
    "too few texts": response(tensor(datatype="BYTES", shape=[2], bytes_contents=[b"a"])),
    "text cut off": response(tensor(datatype="BYTES"), raw=[b"\2\0\0\0a"]),
    "one name twice": response(tensor(), tensor(), raw=[b"0000", b"0000"]),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_answer_is_an_error_in_one_line(name: str) -> None:
    with pytest.raises(BadAnswer) as caught:
        read(HOSTILE[name])
    assert len(str(caught.value)) < 300
    assert "input" not in str(caught.value)


WHOLE: bytes = response(
    tensor("a", "FP32", [2]), tensor("b", "BYTES", [2]), raw=[bytes(8), b"\1\0\0\0a\1\0\0\0b"], id="1"
).SerializeToString()


def test_an_answer_cut_anywhere_is_an_error_or_has_fewer_outputs() -> None:
    assert len(read(WHOLE)) == 2
    for end in range(len(WHOLE)):
        with suppress(BadAnswer):
            assert len(read(WHOLE[:end])) < 2


@given(st.data())
def test_an_answer_with_any_bytes_changed_is_read_or_refused(data: st.DataObject) -> None:
    body = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    with suppress(ClientError):
        assert all(array.nbytes < 1000 for array in read(bytes(body)).values())


def part(**fields: Any) -> bytes:
    message: bytes = STREAMED(**fields).SerializeToString()
    return message


def test_a_stream_s_messages_are_results() -> None:
    reader = MessageReader()
    answered = response(tensor(), raw=[b"\0\0\x80\x3f"])
    (result,) = reader.feed(part(infer_response=answered))
    assert result["y"].tolist() == [1.0]
    reader.end()


def test_a_message_that_only_ends_a_stream_is_no_result() -> None:
    final = response(parameters={"triton_final_response": {"bool_param": True}})
    assert MessageReader().feed(part(infer_response=final)) == []
    assert len(MessageReader().feed(part(infer_response=response()))) == 1


def test_a_failure_within_a_stream_is_the_server_s() -> None:
    with pytest.raises(ServerError, match="out of memory"):
        MessageReader().feed(part(error_message="out of memory", infer_response=response(id="1")))


@pytest.mark.parametrize("data", [b"\xff", b"\x0a\x01\xff", b"\x12\x01\xff"])
def test_a_message_that_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(BadAnswer):
        MessageReader().feed(data)


def test_raw_bytes_are_those_of_the_binary_extension() -> None:
    array = np.array([[1.5, 2]], NUMPY[DType.BF16])
    (raw,) = written(call({"x": array})).raw_input_contents
    assert raw == bytes(write_raw(typed_tensor("x", array)))
