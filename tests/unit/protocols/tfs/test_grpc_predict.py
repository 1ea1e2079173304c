"""Predict over gRPC, in both dialects."""

from contextlib import suppress
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import DragomanError
from dragoman.core.images import ImageSpec
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.status import ModelStatus, State, StatusReport, VersionStatus
from dragoman.core.tensors import DType, Tensor
from dragoman.protocols.tfs.grpc import bind_predict
from dragoman.settings.limits import Limits
from dragoman.wire.messages import WireRequest
from dragoman.wire.model_spec import read_model_spec
from dragoman.wire.predict_message import parse_predict
from dragoman.wire.proto_fields import field
from dragoman.wire.tensor_proto import DATA_TYPES
from tests.unit.protocols.tfs.grpc_reference import (
    FAILED_PRECONDITION,
    INVALID_ARGUMENT,
    NOT_FOUND,
    OK,
    PREDICTION,
    SERVING,
    UNAVAILABLE,
    GrpcCodec,
    example,
    outputs,
    predict_request,
    tensor,
)
from tests.unit.protocols.tfs.reference import HALF_PLUS_TWO, LIMITS, MIXED, echo_signature

PREDICT: Final = f"{PREDICTION}/Predict"
STRICT: Final = GrpcCodec("tfserving")
SUPERSET: Final = GrpcCodec("superset")


def predict(codec: GrpcCodec, model: str | None = "half_plus_two", **given: Any) -> Any:
    return codec.call(PREDICT, predict_request(model, **given))


def error(request: Any, codec: GrpcCodec = STRICT) -> tuple[int, str]:
    response = codec.call(PREDICT, request)
    assert response.body == b""
    return response.status, response.message


def spec_of(response: Any) -> tuple[str, int, str]:
    spec = SERVING["PredictResponse"].FromString(response.body).model_spec
    return spec.name, spec.version.value, spec.signature_name


WITH_DEFAULT: Final = Signature(
    "serving_default",
    {
        "x": TensorSpec("x", DType.FP32, (None,), "x"),
        "scale": TensorSpec("scale", DType.FP32, (), "scale", default=Tensor(DType.FP32, np.float32([2.0]))),
    },
    {"y": TensorSpec("y", DType.FP32, (None,), "y")},
)


def bound_beside_default(*names: str) -> Any:
    request = predict_request("m", **{name: tensor([1.0]) for name in names})
    draft = parse_predict(False, WireRequest("POST", PREDICT, "", [], request.SerializeToString()), LIMITS)
    return bind_predict(False, draft, WITH_DEFAULT)


def test_an_input_with_a_default_may_be_left_out() -> None:
    assert bound_beside_default("x").inputs["scale"].array.tolist() == [2.0]
    assert bound_beside_default("x", "scale").inputs["scale"].array.tolist() == [1.0]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["scale"], "Missing but required: {x}"),
        (["x", "z"], "Sent extra: {z}. Missing but required: {}"),
        (["scale", "z"], "Signature input alias: x"),
    ],
)
def test_names_are_checked_beside_a_default(names: list[str], words: str) -> None:
    with pytest.raises(DragomanError, match=words):
        bound_beside_default(*names)


def test_a_prediction_names_the_model_the_version_and_the_signature_that_gave_it() -> None:
    response = predict(STRICT, x=tensor([1, 2, 5]))
    assert outputs(response) == {"y": [3.5, 4.0, 5.5]}
    assert spec_of(response) == ("half_plus_two", 2, "serving_default")


def test_a_version_and_a_label_choose_the_model_and_the_label_is_not_repeated() -> None:
    request = predict_request(x=tensor([1]))
    request.model_spec.version.value = 1
    assert spec_of(STRICT.call(PREDICT, request))[1] == 1
    request.model_spec.version_label = "canary"
    response = STRICT.call(PREDICT, request)
    assert spec_of(response)[1] == 2
    assert SERVING["PredictResponse"].FromString(response.body).model_spec.version_label == ""


def test_a_long_model_spec_is_read_as_a_short_one() -> None:
    request = predict_request("m" * 300)
    assert error(request) == (NOT_FOUND, f"Servable not found for request: Latest({'m' * 300})")


def test_answers_are_in_values_or_by_the_listeners_setting_in_raw_content() -> None:
    answers = {}
    for raw in (False, True):
        response = predict(GrpcCodec("tfserving", raw=raw), x=tensor([1, 2]))
        answers[raw] = SERVING["PredictResponse"].FromString(response.body).outputs["y"]
    assert list(answers[False].float_val) == [3.5, 4.0]
    assert answers[False].tensor_content == b""
    assert answers[True].tensor_content == np.array([3.5, 4.0], "<f4").tobytes()
    assert not answers[True].float_val


@pytest.mark.parametrize("dtype", list(DType))
def test_every_element_type_goes_in_and_out(dtype: DType) -> None:
    name = "echo_string" if dtype is DType.BYTES else f"echo_{dtype.value}"
    values = np.array([b"a\0", b""], np.object_) if dtype is DType.BYTES else [1, 0]
    response = predict(STRICT, name, x=tensor(values, dtype))
    assert SERVING["PredictResponse"].FromString(response.body).outputs["y"].dtype == DATA_TYPES[dtype]
    assert outputs(response) == {"y": list(values)}


def test_several_inputs_and_outputs_keep_their_names_and_shapes() -> None:
    given = {
        "tag": tensor(np.array([b"a", b"b"], np.object_), DType.BYTES),
        "signal": tensor(np.arange(10).reshape(2, 5), DType.INT64),
        "sensor": tensor(np.arange(8).reshape(2, 2, 2), DType.INT64),
    }
    assert outputs(predict(STRICT, "mixed", **given)) == {
        "tag_out": [b"a", b"b"],
        "signal_out": np.arange(10).reshape(2, 5).tolist(),
        "sensor_out": np.arange(8).reshape(2, 2, 2).tolist(),
    }


def test_a_signature_of_examples_takes_them_serialized() -> None:
    rows = np.empty(2, np.object_)
    rows[:] = [example(x=2.0).SerializeToString(), example(x=4.0).SerializeToString()]
    request = predict_request(inputs=tensor(rows, DType.BYTES))
    request.model_spec.signature_name = "regress_x_to_y"
    response = STRICT.call(PREDICT, request)
    assert outputs(response) == {"outputs": [4.0, 5.0]}
    assert spec_of(response)[2] == "regress_x_to_y"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (tensor([1.0]), 'input "inputs": float32 given, bytes expected'),
        (
            tensor(np.array([[b""]], np.object_), DType.BYTES),
            'input "inputs" takes one serialized Example in each row, not shape (1, 1)',
        ),
        (
            tensor(np.array([b"", b"\xff"], np.object_), DType.BYTES),
            'input "inputs", row 1: Could not parse example input: '
            "the message cannot be parsed: a number is cut off",
        ),
    ],
)
def test_what_is_no_list_of_examples_is_refused(value: Any, why: str) -> None:
    request = predict_request(inputs=value)
    request.model_spec.signature_name = "regress_x_to_y"
    assert error(request) == (INVALID_ARGUMENT, why)


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ([], {"sum": [4.0], "diff": [2.0]}),
        (["diff"], {"diff": [2.0]}),
        (["diff", "sum"], {"sum": [4.0], "diff": [2.0]}),
    ],
)
def test_an_output_filter_chooses_outputs(wanted: list[str], given: dict[str, Any]) -> None:
    assert outputs(predict(STRICT, "two_out", outputs=wanted, x=tensor([[3, 1]]))) == given


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (
            ["nope"],
            "output tensor alias not found in signature: nope Outputs expected to be in the set {diff,sum}.",
        ),
        (["sum", "sum"], "duplicate output tensor alias: sum"),
    ],
)
def test_a_filter_of_other_outputs_is_refused(wanted: list[str], why: str) -> None:
    assert error(predict_request("two_out", outputs=wanted, x=tensor([[3, 1]]))) == (INVALID_ARGUMENT, why)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (
            {},
            "input size does not match signature: 0!=1 len({}) != len({x}). "
            "Sent extra: {}. Missing but required: {x}.",
        ),
        (
            {"x": tensor([1]), "b": tensor([1]), "a": tensor([1])},
            "input size does not match signature: 3!=1 len({a,b,x}) != len({x}). "
            "Sent extra: {a,b}. Missing but required: {}.",
        ),
        (
            {"z": tensor([1])},
            "Signature input alias: x(feed name: x:0) not found in request and no default value provided. "
            "Inputs expected to be in the request {z}, or default input alias set: ",
        ),
    ],
)
def test_inputs_that_are_not_exactly_the_signatures_are_refused(given: dict[str, Any], why: str) -> None:
    assert error(predict_request(**given)) == (INVALID_ARGUMENT, why)


def test_a_request_without_a_model_is_refused() -> None:
    assert error(predict_request(None)) == (INVALID_ARGUMENT, "Missing ModelSpec")
    assert error(predict_request("")) == (INVALID_ARGUMENT, "ModelSpec has no name specified.")


def test_what_is_not_served_is_refused_in_the_references_words() -> None:
    assert error(predict_request("nope")) == (NOT_FOUND, "Servable not found for request: Latest(nope)")
    request = predict_request(x=tensor([1]))
    request.model_spec.version.value = 7
    wanted = "Servable not found for request: Specific(half_plus_two, 7)"
    assert error(request) == (NOT_FOUND, wanted)
    request.model_spec.version_label = "nope"
    assert error(request) == (INVALID_ARGUMENT, "Unrecognized servable version label: nope")
    request = predict_request()
    request.model_spec.signature_name = "nope"
    assert error(request) == (FAILED_PRECONDITION, 'Serving signature key "nope" not found.')


def test_the_model_is_looked_up_before_its_inputs_are_read() -> None:
    request = predict_request("nope", x=tensor([1]))
    request.inputs["x"].tensor_content = b"123"
    assert error(request)[0] == NOT_FOUND
    request.model_spec.name = "half_plus_two"
    assert error(request)[1].startswith("tensor parsing error: x: tensor_content holds 3 bytes")


@pytest.mark.parametrize("body", [b"\xff", b"\x0a\x05a", b"\x12\x02\x0a\x05", b"\x1a\x01\xff"])
def test_what_is_no_message_is_refused(body: bytes) -> None:
    status, message = error(body)
    assert status == INVALID_ARGUMENT
    assert message.startswith("the message cannot be parsed: ")


def test_version_0_is_taken_literally_by_the_reference_and_as_none_by_the_superset() -> None:
    request = predict_request(x=tensor([1]))
    request.model_spec.version.value = 0
    request.model_spec.version.SetInParent()
    assert error(request)[1] == "Servable not found for request: Specific(half_plus_two, 0)"
    assert spec_of(SUPERSET.call(PREDICT, request))[1] == 2


def test_a_double_feeds_a_float_input_in_the_superset_only() -> None:
    given = tensor([1.0, 1e300, -1e300], DType.FP64)
    signature = HALF_PLUS_TWO["serving_default"]
    assert bound(True, signature, x=given) == (DType.FP32, [1.0, np.inf, -np.inf])
    assert bound(False, signature, x=given) == (DType.FP64, [1.0, 1e300, -1e300])


@pytest.mark.parametrize("shape", [(None,), (1,), (None, 1)])
def test_one_text_feeds_a_list_of_one_in_the_superset_only(shape: tuple[int | None, ...]) -> None:
    given = tensor(np.array(b"a", np.object_), DType.BYTES)
    signature = echo_signature(DType.BYTES, shape)
    expected = [b"a"] if len(shape) == 1 else [[b"a"]]
    assert bound(True, signature, x=given) == (DType.BYTES, expected)
    assert bound(False, signature, x=given) == (DType.BYTES, b"a")


@pytest.mark.parametrize("shape", [None, (2,), ()])
def test_one_text_stays_a_scalar_where_the_input_does_not_take_a_list_of_one(shape: Any) -> None:
    given = tensor(np.array(b"a", np.object_), DType.BYTES)
    assert bound(True, echo_signature(DType.BYTES, shape), x=given) == (DType.BYTES, b"a")


def test_a_list_feeds_a_column_where_the_models_owner_allows_it() -> None:
    column = Signature("s", **members(echo_signature(DType.FP32, (None, 1))), add_trailing_axis=True)
    assert bound(False, column, x=tensor([1, 2])) == (DType.FP32, [[1.0], [2.0]])


IMAGES: Final = Signature(
    "s",
    {"x": TensorSpec("x", DType.FP32, (None, 2, 2, 3), "x", image=ImageSpec(DType.FP32, None, 2, 2, 3))},
    {},
)


@pytest.mark.parametrize("rows", [np.array(b"\xff\xd8", np.object_), np.array([b"a", b"b"], np.object_)])
def test_encoded_images_are_taken_by_the_superset_only(rows: Any) -> None:
    given = tensor(rows, DType.BYTES)
    assert bound(True, IMAGES, x=given) == (DType.BYTES, rows.tolist())
    with pytest.raises(DragomanError) as caught:
        bound(False, IMAGES, x=given)
    assert caught.value.message == 'input "x": bytes given, float32 expected'


def members(signature: Signature) -> dict[str, Any]:
    return {"inputs": signature.inputs, "outputs": signature.outputs}


def bound(superset: bool, signature: Signature, **given: Any) -> tuple[DType, Any]:
    wire = WireRequest("POST", PREDICT, "", [], predict_request(**given).SerializeToString())
    request = bind_predict(superset, parse_predict(superset, wire, LIMITS), signature)
    value = request.inputs["x"]  # type: ignore[union-attr]
    return value.dtype, value.array.tolist()


def test_a_model_that_is_still_loading_is_unavailable_in_the_superset() -> None:
    report = StatusReport({"half_plus_two": ModelStatus("half_plus_two", (VersionStatus(1, State.LOADING),))})
    assert error(predict_request(), GrpcCodec("superset", report)) == (UNAVAILABLE, "loading")
    assert error(predict_request(), GrpcCodec("tfserving", report))[0] == NOT_FOUND


def test_values_are_repeated_within_the_limit_only() -> None:
    value = tensor([1])
    value.tensor_shape.dim[0].size = 100
    value.ClearField("tensor_content")
    value.float_val.append(2)
    assert outputs(predict(STRICT, x=value)) == {"y": [4.0] * 100}
    status, message = error(
        predict_request(x=value), GrpcCodec("tfserving", limits=Limits(inflated_bytes=399))
    )
    assert status == INVALID_ARGUMENT
    assert "values are repeated up to 399 bytes only" in message


def test_thousands_of_names_are_refused() -> None:
    many = field(0x0A, field(0x0A, b"half_plus_two")) + field(0x1A, b"y") * 5000
    assert error(many) == (INVALID_ARGUMENT, "the request names more than 4096 inputs or outputs")


def test_a_model_spec_in_two_pieces_is_joined() -> None:
    request = predict_request("half_plus_two", x=tensor([1])).SerializeToString()
    piece = field(0x0A, field(0x12, b"\x08\x01"))
    assert spec_of(STRICT.call(PREDICT, request + piece))[1] == 1


CORPUS: Final = [
    predict_request(x=tensor([1, 2]), outputs=["y"]).SerializeToString(),
    predict_request("echo_string", x=tensor(np.array([b"a"], np.object_), DType.BYTES)).SerializeToString(),
]
SIGNATURES: Final = [*HALF_PLUS_TWO.values(), MIXED, *[echo_signature(dtype) for dtype in DType]]


@given(
    body=st.sampled_from(CORPUS),
    start=st.integers(0, 80),
    size=st.integers(0, 4),
    noise=st.binary(max_size=4),
    signature=st.sampled_from(SIGNATURES),
    superset=st.booleans(),
)
def test_a_damaged_message_is_taken_or_refused_with_an_error_of_ours(
    body: bytes, start: int, size: int, noise: bytes, signature: Signature, superset: bool
) -> None:
    wire = WireRequest("POST", PREDICT, "", [], body[:start] + noise + body[start + size :])
    with suppress(DragomanError):
        bind_predict(superset, parse_predict(superset, wire, LIMITS), signature)


@pytest.mark.parametrize("body", CORPUS)
def test_every_beginning_of_a_message_is_taken_or_refused_with_an_error_of_ours(body: bytes) -> None:
    for end in range(len(body)):
        assert SUPERSET.call(PREDICT, body[:end]).status in (OK, INVALID_ARGUMENT, NOT_FOUND)


def test_the_same_model_spec_is_parsed_once() -> None:
    data = predict_request("m").model_spec.SerializeToString()
    assert read_model_spec(data, True) is read_model_spec(bytes(data), True)
    assert read_model_spec(data, True) != read_model_spec(data, False)
