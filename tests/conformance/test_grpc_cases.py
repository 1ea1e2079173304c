"""Cases over gRPC are read, written out and judged as their page says."""

from typing import Any

import msgspec
import pytest

from tests.conformance.forms import GRPC
from tests.conformance.grpc_cases import GrpcAnswer, GrpcCase, GrpcExpectation, differences
from tests.conformance.grpc_messages import expand, parse, serialize
from tests.conformance.runner import Outcome, Servers, run_case
from tests.conformance.suites import TFSERVING

PREDICT = "tensorflow.serving.PredictionService/Predict"


def case(**more: Any) -> GrpcCase:
    known: dict[str, Any] = {"id": "a", "why": "b", "method": PREDICT, "expect": {}}
    return msgspec.convert(known | more, GrpcCase)


def answer(code: str = "OK", details: str = "", **outputs: Any) -> GrpcAnswer:
    message = {"outputs": outputs, "model_spec": {"name": "m", "version": "2"}}
    return GrpcAnswer(code, details, serialize("tensorflow.serving.PredictResponse", message))


def judge(expected: dict[str, Any], given: GrpcAnswer) -> list[str]:
    return differences(PREDICT, msgspec.convert(expected, GrpcExpectation), given)


def floats(*values: float) -> Any:
    return {"$tensor": list(values), "in": "values"}


def test_a_tensor_is_written_out_with_its_shape() -> None:
    assert expand({"$tensor": [[1.0, 2.0]]}) == {
        "dtype": "DT_FLOAT",
        "tensor_shape": {"dim": [{"size": 1}, {"size": 2}]},
        "tensor_content": "AACAPwAAAEA=",
    }
    assert expand({"$tensor": [1.0], "dtype": "DT_HALF", "in": "values"})["half_val"] == [15360]
    assert expand({"$tensor": ["a"], "dtype": "DT_STRING"})["string_val"] == ["YQ=="]


def test_examples_texts_and_bytes_are_written_out() -> None:
    made = expand([{"$example": {"x": [1.5], "n": [2], "t": ["a"]}}, {"$hex": "00 ff"}, {"$text": "a"}])
    features = made[0]["features"]["feature"]
    assert features["x"] == {"float_list": {"value": [1.5]}}
    assert features["n"] == {"int64_list": {"value": [2]}}
    assert features["t"] == {"bytes_list": {"value": ["YQ=="]}}
    assert made[1:] == ["AP8=", "YQ=="]
    serialized = {"$serialized": {"$example": {"x": [1.5]}}, "as": "tensorflow.Example"}
    message = parse(
        "tensorflow.serving.PredictRequest",
        serialize("tensorflow.serving.PredictRequest", {"inputs": {"x": {"string_val": [serialized]}}}),
    )
    example = parse("tensorflow.Example", message.inputs["x"].string_val[0])
    assert example.features.feature["x"].float_list.value == [1.5]


def test_a_message_is_cut_and_followed_as_the_case_says() -> None:
    assert case(request_hex="01 02 03", cut=1, append_hex="ff").payload() == b"\1\2\xff"
    assert case(request={"model_spec": {"name": "m"}}).payload() == b"\n\3\n\1m"
    assert case().payload() == b""


RIGHT = [
    ({}, answer()),
    ({"code": "NOT_FOUND", "details": "no m"}, answer("NOT_FOUND", "no m")),
    ({"code": "NOT_FOUND", "details_contains": "no"}, answer("NOT_FOUND", "no m")),
    ({"tensors": {"y": {"values": [1.0, float("nan")]}}}, answer(y=floats(1.0, float("nan")))),
    ({"tensors": {"y": {"values": [], "shape": [0]}}}, answer(y=floats())),
    (
        {"tensors": {"y": {"values": [3], "dtype": "DT_INT64"}}},
        answer(y={"$tensor": [3], "dtype": "DT_INT64"}),
    ),
    (
        {"tensors": {"y": {"values": ["a"], "dtype": "DT_STRING"}}},
        answer(y={"$tensor": ["a"], "dtype": "DT_STRING"}),
    ),
    ({"json": {"model_spec": {"name": "m", "version": "2"}}}, answer()),
    ({"json_subset": {"model_spec": {"name": "m"}}}, answer(y=floats(1.0))),
]
WRONG = [
    ({}, answer("NOT_FOUND")),
    ({"code": "NOT_FOUND"}, answer()),
    ({"code": "NOT_FOUND", "details": "no"}, answer("NOT_FOUND", "no m")),
    ({"code": "NOT_FOUND", "details_contains": "yes"}, answer("NOT_FOUND", "no m")),
    ({"tensors": {"y": {"values": [1.0]}}}, answer(y=floats(1.5))),
    ({"tensors": {"y": {"values": [1.0]}}}, answer(y=floats(1.0, 1.0))),
    ({"tensors": {"y": {"values": [1.0]}}}, answer(y=floats(1.0), z=floats(1.0))),
    ({"tensors": {"y": {"values": [1.0]}}}, answer(z=floats(1.0))),
    ({"tensors": {"y": {"values": [1.0]}}}, answer(y={"$tensor": [1.0], "dtype": "DT_DOUBLE"})),
    ({"tensors": {"y": {"values": [], "shape": [0]}}}, answer(y={"$tensor": [[]]})),
    (
        {"tensors": {"y": {"values": [1.0, 1.0]}}},  # an answer's values are to be whole
        answer(y={"dtype": "DT_FLOAT", "tensor_shape": {"dim": [{"size": 2}]}, "float_val": [1.0]}),
    ),
    ({"json": {"model_spec": {"name": "m"}}}, answer()),
    ({"json_subset": {"model_spec": {"name": "n"}}}, answer()),
]


INFER = "inference.GRPCInferenceService/ModelInfer"
STREAM = "inference.GRPCInferenceService/ModelStreamInfer"
FLOATS = {"name": "y", "datatype": "FP32", "shape": ["2"]}
RAW = {"outputs": [FLOATS], "raw_output_contents": [{"$hex": "0000803f 00000040"}]}
NUMBERS = {"outputs": [FLOATS | {"contents": {"fp32_contents": [1.0, 2.0]}}]}
TEXTS = {
    "outputs": [{"name": "y", "datatype": "BYTES", "shape": ["1"]}],
    "raw_output_contents": [{"$hex": "02000000 61ff"}],
}


def judge_infer(expected: dict[str, Any], message: dict[str, Any]) -> list[str]:
    given = GrpcAnswer("OK", "", serialize("inference.ModelInferResponse", message))
    return differences(INFER, msgspec.convert({"outputs": expected}, GrpcExpectation), given)


@pytest.mark.parametrize(("expected", "message"), [
    ({"values": [1.0, 2.0]}, RAW),
    ({"values": [1.0, 2.0], "form": "contents"}, NUMBERS),
    ({"values": [1.0, 2.0], "form": "both"}, RAW | NUMBERS),
    ({"values": ["a\xff"], "datatype": "BYTES"}, TEXTS),
])  # fmt: skip
def test_outputs_are_read_in_the_form_that_is_expected(expected: Any, message: Any) -> None:
    assert judge_infer({"y": expected}, message) == []


@pytest.mark.parametrize(("expected", "message"), [
    ({"y": {"values": [1.0, 2.5]}}, RAW),
    ({"y": {"values": [1.0, 2.0], "form": "both"}}, RAW),
    ({"y": {"values": [1.0, 2.0]}}, NUMBERS),
    ({"y": {"values": [1.0, 2.0]}}, RAW | NUMBERS),
    ({"y": {"values": [1.0, 2.0], "datatype": "FP64"}}, RAW),
    ({"y": {"values": [1.0, 2.0], "shape": [2, 1]}}, RAW),
    ({"z": {"values": [1.0, 2.0]}}, RAW),
    ({}, RAW),
])  # fmt: skip
def test_outputs_that_differ_are_told(expected: Any, message: Any) -> None:
    assert judge_infer(expected, message)


def test_a_request_of_inputs_is_written_out_in_either_form() -> None:
    inputs = {"x": [1.0], "t": ["a"]}
    raw = expand({"$infer": inputs, "datatypes": {"t": "BYTES"}, "model_name": "m"})
    assert (raw["model_name"], raw["raw_input_contents"]) == ("m", ["AACAPw==", "AQAAAGE="])
    assert raw["inputs"][1] == {"name": "t", "datatype": "BYTES", "shape": [1]}
    numbers = expand({"$infer": inputs, "datatypes": {"t": "BYTES"}, "in": "contents"})
    assert numbers["raw_input_contents"] == []
    assert [entry["contents"] for entry in numbers["inputs"]] == [
        {"fp32_contents": [1.0]},
        {"bytes_contents": ["YQ=="]},
    ]


def judge_stream(expected: list[Any], *messages: dict[str, Any]) -> list[str]:
    given = [serialize("inference.ModelStreamInferResponse", message) for message in messages]
    wanted = msgspec.convert({"messages": expected}, GrpcExpectation)
    return differences(STREAM, wanted, GrpcAnswer("OK", "", b"", given))


def test_the_messages_of_a_stream_are_compared_one_by_one() -> None:
    one = {"error_message": "no", "infer_response": {"id": "1"}}
    assert judge_stream([{"error_message": "no"}, {}], one, {}) == []
    assert judge_stream([{"error_message": "yes"}], one)
    assert judge_stream([{}], one, {})
    assert judge_stream([{}, {}], one)
    assert case(method=STREAM, requests=[{"id": "1"}, {}]).streamed == [b"\x1a\x011", b""]
    assert case().streamed is None


@pytest.mark.parametrize(("expected", "given"), RIGHT)
def test_a_right_answer_has_no_differences(expected: dict[str, Any], given: GrpcAnswer) -> None:
    assert judge(expected, given) == []


@pytest.mark.parametrize(("expected", "given"), WRONG)
def test_a_wrong_answer_has_differences(expected: dict[str, Any], given: GrpcAnswer) -> None:
    assert judge(expected, given)


def test_a_case_with_an_unknown_key_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="surprise"):
        case(surprise=1)


def test_a_wrong_expectation_fails_on_a_live_server(servers: Servers) -> None:
    asked = case(request={"model_spec": {"name": "half_plus_two"}, "inputs": {"x": floats(2.0)}})
    addresses = servers.addresses(TFSERVING)
    assert run_case(addresses, GRPC, asked).outcome is Outcome.PASSED
    wrong = msgspec.structs.replace(asked, expect=GrpcExpectation("NOT_FOUND"))
    assert run_case(addresses, GRPC, wrong).outcome is Outcome.FAILED
