"""What ModelInfer refuses, and in which words; parameters; messages that no client of good will sends."""

from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import DragomanError
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.tensors import DType, Tensor
from dragoman.wire.proto_fields import field, varint
from tests.unit.protocols.kserve_v2.grpc_calls import (
    INVALID_ARGUMENT,
    MESSAGES,
    PARAMETER,
    UNIMPLEMENTED,
    add_input,
    answer_of,
    array,
    bound,
    call,
    raw_outputs,
    refused,
    request,
    set_parameters,
)
from tests.unit.protocols.tfs.reference import echo_signature


def described(model: str, *entries: dict[str, Any], raw: tuple[bytes, ...] = ()) -> Any:
    """A request whose inputs are described by hand."""
    return MESSAGES["ModelInferRequest"](model_name=model, inputs=entries, raw_input_contents=raw)


def entry(datatype: str = "FP32", shape: Any = (1,), name: str = "x", **contents: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name, "datatype": datatype, "shape": shape}
    return made | ({"contents": contents} if contents else {})


FLOAT = b"\0\0\x80?"
REFUSED = {
    "both forms": (
        described("echo_float32", entry(fp32_contents=[1.0]), raw=(FLOAT,)),
        "contents field must not be specified when using raw_input_contents for 'x' for model 'echo_float32'",
    ),
    "no data": (
        described("echo_float32", entry()),
        "unable to find data for input tensor 'x' for model 'echo_float32' in request.",
    ),
    "fewer raw contents than inputs": (
        described("two", entry(), entry(name="z"), raw=(FLOAT,)),
        "unable to find data for input tensor 'z' for model 'two' in request.",
    ),
    "more raw contents than inputs": (
        described("echo_float32", entry(), raw=(FLOAT, FLOAT)),
        "there are 2 raw_input_contents for 1 inputs of model 'echo_float32'",
    ),
    "raw contents without an input": (
        described("echo_float32", raw=(FLOAT,)),
        "there are 1 raw_input_contents for 0 inputs of model 'echo_float32'",
    ),
    "too few raw bytes": (
        described("echo_float32", entry(shape=[2]), raw=(FLOAT,)),
        "input byte size mismatch for input 'x' for model 'echo_float32'. Expected 8, got 4",
    ),
    "too few numbers": (
        described("echo_float32", entry(shape=[2], fp32_contents=[1.0])),
        "input byte size mismatch for input 'x' for model 'echo_float32'. Expected 8, got 4",
    ),
    "too many texts": (
        described("echo_string", entry("BYTES", bytes_contents=[b"a", b"b"])),
        "input 'x' for model 'echo_string' takes 1 BYTES elements, and 2 are given",
    ),
    "an unknown datatype": (
        described("echo_float32", entry("FLOAT"), raw=(FLOAT,)),
        "input 'x': datatype \"FLOAT\" is none of BOOL, UINT8, UINT16, UINT32, UINT64, INT8, INT16, INT32, "
        "INT64, FP16, BF16, FP32, FP64, BYTES",
    ),
    "no datatype": (
        described("echo_float32", entry(""), raw=(FLOAT,)),
        "input 'x': datatype \"\" is none of BOOL, UINT8, UINT16, UINT32, UINT64, INT8, INT16, INT32, INT64, "
        "FP16, BF16, FP32, FP64, BYTES",
    ),
    "another datatype than the model's": (
        described("echo_float32", entry("INT32"), raw=(FLOAT,)),
        "inference input 'x' data-type is 'INT32', but model 'echo_float32' expects 'FP32'",
    ),
    "another shape than the model's": (
        described("half_plus_two", entry(shape=[1, 1]), raw=(FLOAT,)),
        "unexpected shape for input 'x' for model 'half_plus_two'. Expected [-1], got [1,1]",
    ),
    "a negative size": (
        described("echo_float32", entry(shape=[-1]), raw=(FLOAT,)),
        "input 'x' has the shape [-1], with a negative size",
    ),
    "a shape that overflows": (
        described("echo_float32", entry(shape=[2**62, 4]), raw=(FLOAT,)),
        f"input 'x' has the shape [{2**62}, 4], whose size overflows 64 bits",
    ),
    "too many dimensions": (
        described("echo_float32", entry(shape=[1] * 33), raw=(FLOAT,)),
        "input 'x' has 33 dimensions, and a tensor at most 32",
    ),
    "an input twice": (
        described("echo_float32", entry(), entry(), raw=(FLOAT, FLOAT)),
        "input 'x' already exists in request",
    ),
    "an unknown input": (
        described("echo_float32", entry(name="z"), raw=(FLOAT,)),
        "unexpected inference input 'z' for model 'echo_float32'",
    ),
    "a missing input": (
        described("echo_float32"),
        "expected 1 inputs but got 0 inputs for model 'echo_float32'. Got input(s) [], but missing required "
        "input(s) ['x']. Please provide all required input(s).",
    ),
    "numbers in another type's field": (
        described("echo_float32", entry(fp64_contents=[1.0])),
        "unexpected explicit tensor data for input tensor 'x' for model 'echo_float32' of type 'FP64', "
        "expected datatype 'FP32'",
    ),
    "texts in another type's field": (
        described("echo_int32", entry("INT32", bytes_contents=[b"1"])),
        "unexpected explicit tensor data for input tensor 'x' for model 'echo_int32' of type 'BYTES', "
        "expected datatype 'INT32'",
    ),
    "numbers in the texts' place": (
        described("echo_string", entry("BYTES", int64_contents=[1])),
        "unexpected explicit tensor data for input tensor 'x' for model 'echo_string' of type 'INT64', "
        "expected datatype 'BYTES'",
    ),
    "numbers of a type that has no field": (
        described("echo_float16", entry("FP16", fp32_contents=[1.0])),
        "unexpected explicit tensor data for input tensor 'x' for model 'echo_float16' of type 'FP32', "
        "expected datatype 'FP16'",
    ),
    "two fields": (
        described("echo_int32", entry("INT32", int_contents=[1], uint_contents=[1])),
        "unexpected explicit tensor data for input tensor 'x' for model 'echo_int32' of type 'UINT32', "
        "expected datatype 'INT32'",
    ),
    "a number beyond INT8": (
        described("echo_int8", entry("INT8", [2], int_contents=[1, -129])),
        "input 'x' for model 'echo_int8': -129 is out of the range of INT8",
    ),
    "a number beyond UINT16": (
        described("echo_uint16", entry("UINT16", uint_contents=[65536])),
        "input 'x' for model 'echo_uint16': 65536 is out of the range of UINT16",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("message", "told"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_told(message: Any, told: str) -> None:
    if message.model_name == "two":
        with pytest.raises(DragomanError) as caught:
            bound(message, echo_signature(DType.FP32))
        assert caught.value.message == told
    else:
        assert refused(message) == (INVALID_ARGUMENT, told)


def test_a_datatype_may_be_in_lower_case() -> None:
    assert raw_outputs(answer_of(call(described("echo_float32", entry("fp32"), raw=(FLOAT,)))))["y"] == [1.0]


@pytest.mark.parametrize("model", ["echo_int32", "echo_float32", "echo_string", "echo_float16"])
def test_a_message_of_no_numbers_may_be_left_out(model: str) -> None:
    datatype = {"echo_int32": "INT32", "echo_float32": "FP32", "echo_string": "BYTES"}.get(model, "FP16")
    answer = answer_of(call(described(model, entry(datatype, [0, 2]))))
    assert list(answer.outputs[0].shape) == [0, 2]
    assert list(answer.raw_output_contents) == [b""]


@pytest.mark.parametrize(("datatype", "contents"), [
    ("BOOL", b"\x08\x01\x08\x00"), ("INT64", b"\x18\x05\x1a\x01\x06"), ("FP32", b"\x35\0\0\x80?\x35\0\0\0@"),
    ("BOOL", b"\x0a\x03\x81\x00\x00"), ("FP64", field(0x3A, b"\0" * 8) * 2),
    ("FP32", field(0x32, b"\0" * 4) + b"\x99\x06" + b"\0" * 8 + field(0x32, b"\0" * 4)),
])  # fmt: skip
def test_numbers_are_read_in_every_form_that_the_protocol_buffer_may_have(
    datatype: str, contents: bytes
) -> None:
    """One by one, packed, packed more than once, with more bytes than needed, beside unknown fields."""
    parts = [(0x0A, b"x"), (0x12, datatype.encode()), (0x1A, b"\x02"), (0x2A, contents)]
    data = field(0x0A, b"m") + field(0x2A, b"".join(field(key, value) for key, value in parts))
    library = MESSAGES["ModelInferRequest"].FromString(data).inputs[0].contents
    dtype = {"BOOL": DType.BOOL, "INT64": DType.INT64, "FP32": DType.FP32, "FP64": DType.FP64}[datatype]
    expected = list(next(value for _, value in library.ListFields()))
    assert bound(data, echo_signature(dtype)).inputs["x"].array.tolist() == expected


def test_an_input_with_a_default_may_be_left_out() -> None:
    default = Tensor(DType.FP32, np.float32(2.0))
    signature = Signature(
        "serving_default",
        {
            "x": TensorSpec("x", DType.FP32, (None,), "x"),
            "scale": TensorSpec("scale", DType.FP32, (), "scale", default=default),
        },
        {"y": TensorSpec("y", DType.FP32, (None,), "y")},
    )
    inputs = bound(request("m", x=array([1.0])), signature).inputs
    assert {name: tensor.array.tolist() for name, tensor in inputs.items()} == {"x": [1.0], "scale": 2.0}


def test_base64_is_decoded_where_a_content_type_says_so() -> None:
    message = request("echo_string", x=array([b"YWI="], "BYTES"), parameters={"content_type": "base64"})
    assert raw_outputs(answer_of(call(message)))["y"].tolist() == [b"ab"]
    set_parameters(message.inputs[0].parameters, {"content_type": "str"})
    assert raw_outputs(answer_of(call(message)))["y"].tolist() == [b"YWI="]
    message = request("echo_string", x=array([b"***"], "BYTES"), parameters={"content_type": "base64"})
    assert refused(message) == (INVALID_ARGUMENT, "input 'x' is not base64, as its content type says")


GOOD_PARAMETERS = [
    {"sequence_id": 5, "sequence_start": True, "sequence_end": False},
    {"sequence_id": "a", "priority": 1, "timeout": 1000},
    {"priority": PARAMETER(uint64_param=2**63)},
    {"triton_enable_empty_final_response": True},
    {"mine": "text", "yours": 1.5, "theirs": True, "binary_data_output": True},
]


@pytest.mark.parametrize("parameters", GOOD_PARAMETERS)
def test_parameters_are_taken(parameters: dict[str, Any]) -> None:
    assert raw_outputs(answer_of(call(request(x=array([1.0]), parameters=parameters))))["y"] == [1.0]


@pytest.mark.parametrize(("parameters", "told"), [
    ({"sequence_id": 1.5},
     "invalid value type for 'sequence_id' parameter, expected int64_param or string_param."),
    ({"sequence_start": 1}, "invalid value type for 'sequence_start' parameter, expected bool_param."),
    ({"sequence_end": "true"}, "invalid value type for 'sequence_end' parameter, expected bool_param."),
    ({"priority": "1"}, "invalid value type for 'priority' parameter, expected int64_param or uint64_param."),
    ({"priority": -1}, "invalid value for 'priority', expected value >= 0."),
    ({"timeout": True}, "invalid value type for 'timeout' parameter, expected int64_param."),
    ({"triton_enable_empty_final_response": 1},
     "invalid value type for 'triton_enable_empty_final_response' parameter, expected bool_param."),
    ({"triton_x": 1},
     "parameter keys starting with 'triton_' are reserved for Triton usage. Only the following keys starting "
     "with 'triton_' are allowed: triton_enable_empty_final_response"),
    ({"mine": PARAMETER()},
     "invalid value type for 'mine' parameter, expected int64_param, bool_param, or string_param."),
])  # fmt: skip
def test_parameters_that_are_not_as_they_should_be_are_named(parameters: dict[str, Any], told: str) -> None:
    assert refused(request(x=array([1.0]), parameters=parameters)) == (INVALID_ARGUMENT, told)


def test_shared_memory_is_not_there() -> None:
    words = "this server does not use shared memory of its clients"
    message = described("echo_float32", entry())
    set_parameters(message.inputs[0].parameters, {"shared_memory_region": "r"})
    assert refused(message) == (UNIMPLEMENTED, f"input 'x': {words}")
    message = request(x=array([1.0]), outputs=[("y", {"shared_memory_region": "r"})])
    assert refused(message) == (UNIMPLEMENTED, f"output 'y': {words}")


@pytest.mark.parametrize("message", [b"\xff", b"\x0a\x05ab", b"\x3a", b"no message", field(0x0A, b"\xff")])
def test_what_is_no_message_is_refused(message: bytes) -> None:
    code, told = refused(message)
    assert (code, told.startswith("the message cannot be parsed: ")) == (INVALID_ARGUMENT, True)


@pytest.mark.parametrize(("key", "inner"), [(0x2A, 0), (0x32, 0), (0x3A, 0), (0x22, 0)])
def test_a_million_tiny_parts_are_not_looked_at(key: int, inner: int) -> None:
    message = field(0x0A, b"echo_float32") + field(key, b"") * 1_000_000
    assert refused(message) == (INVALID_ARGUMENT, "the request names more than 4096 inputs or outputs")


def test_a_million_parameters_of_one_input_are_not_looked_at() -> None:
    parameters = b"".join(
        field(0x22, field(0x0A, str(index).encode()) + field(0x12, b"\x08\x01")) for index in range(5000)
    )
    message = field(0x0A, b"echo_float32") + field(0x2A, field(0x0A, b"x") + parameters)
    assert refused(message) == (INVALID_ARGUMENT, "there are more than 4096 parameters")


def test_a_shape_of_a_million_sizes_is_not_read_to_its_end() -> None:
    sizes = field(0x1A, b"\x01" * 1_000_000)
    message = field(0x0A, b"echo_float32") + field(0x2A, field(0x0A, b"x") + field(0x12, b"FP32") + sizes)
    assert refused(message)[1] == "input 'x' has 33 dimensions, and a tensor at most 32"


def test_a_shape_whose_last_number_is_cut_off_is_refused() -> None:
    message = field(0x0A, b"echo_float32") + field(0x2A, field(0x0A, b"x") + field(0x1A, b"\x00\x80"))
    assert refused(message) == (INVALID_ARGUMENT, "the message cannot be parsed: a number is cut off")


@given(st.binary(max_size=60))
def test_any_bytes_are_refused_or_bound(data: bytes) -> None:
    with suppress(DragomanError):
        bound(data, echo_signature(DType.FP32))
    with suppress(DragomanError):
        bound(field(0x0A, b"m") + field(0x2A, data), echo_signature(DType.FP32))
    with suppress(DragomanError):
        whole = field(0x0A, b"x") + field(0x12, b"INT8") + b"\x18\x01" + field(0x2A, data)
        bound(field(0x0A, b"m") + field(0x2A, whole), echo_signature(DType.INT8))


def test_inputs_that_are_described_at_length_are_read_as_short_ones() -> None:
    message = request("m", x=array([1.0]))
    message.inputs[0].name = "n" * 300
    signature = Signature(
        "serving_default",
        {"n" * 300: TensorSpec("n" * 300, DType.FP32, (None,), "x")},
        {"y" * 300: TensorSpec("y" * 300, DType.FP32, (None,), "y")},
    )
    message.outputs.add(name="y" * 300)
    found = bound(message, signature)
    assert found.inputs["n" * 300].array.tolist() == [1.0]
    assert list(found.outputs) == ["y" * 300]


def test_sizes_may_come_one_by_one() -> None:
    parts = field(0x0A, b"x") + field(0x12, b"FP32") + b"\x18\x02\x18\x01"
    data = field(0x0A, b"m") + field(0x2A, parts) + field(0x3A, FLOAT * 2)
    assert bound(data, echo_signature(DType.FP32)).inputs["x"].array.shape == (2, 1)


def test_an_input_that_is_sent_in_two_pieces_is_one() -> None:
    """What a protocol buffer means by one field that comes twice."""
    message = described("m", entry(shape=[2], fp32_contents=[1.0, 2.0])).SerializeToString()
    whole = described("m", entry(shape=[2])).inputs[0].SerializeToString()
    pieces = [field(0x2A, field(0x32, FLOAT)) for _ in range(2)]
    data = field(0x0A, b"m") + b"\x2a" + varint(len(whole) + sum(map(len, pieces))) + whole + b"".join(pieces)
    assert bound(data, echo_signature(DType.FP32)).inputs["x"].array.tolist() == [1.0, 1.0]
    assert bound(message, echo_signature(DType.FP32)).inputs["x"].array.tolist() == [1.0, 2.0]


def test_inputs_may_be_added_to_a_request_by_hand() -> None:
    message = described("echo_int64")
    add_input(message, "x", array([2**62], "INT64"), raw=False)
    assert raw_outputs(answer_of(call(message)))["y"].tolist() == [2**62]
