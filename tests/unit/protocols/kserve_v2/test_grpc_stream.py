"""ModelStreamInfer: what becomes of one message, in both dialects."""

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.responses import Chunk
from dragoman.core.signatures import Answers
from dragoman.core.tensors import DType, Tensor
from dragoman.wire.messages import WireResponse
from dragoman.wire.operation import GrpcForm, InferOperation, Order
from tests.unit.protocols.kserve_v2.grpc_calls import (
    INTERNAL,
    INVALID_ARGUMENT,
    LIMITS,
    MESSAGES,
    NOT_FOUND,
    OK,
    PERMISSION_DENIED,
    STREAM,
    answer_of,
    array,
    call,
    operations,
    raw_outputs,
    request,
    streamed,
    wire,
)
from tests.unit.protocols.tfs.reference import echo_signature

MLSERVER = GrpcForm(stream_dialect="mlserver")
ENDS_STREAM = {"triton_grpc_error": "true"}


def identified(message: Any, request_id: str = "id") -> Any:
    message.id = request_id
    return message


def message_operation(form: GrpcForm = GrpcForm()) -> InferOperation:  # noqa: B008  (it is frozen)
    found: InferOperation = operations(form)[STREAM].message
    return found


def encoder(message: Any, form: GrpcForm = GrpcForm(), answers: Answers = Answers.PARTS) -> Any:  # noqa: B008
    operation = message_operation(form)
    draft = operation.parse(wire(message), LIMITS)
    operation.bind(draft, replace(echo_signature(DType.FP32), answers=answers))
    assert operation.stream is not None
    return operation.stream(draft)


def part(*values: float) -> Chunk:
    return Chunk({"y": Tensor(DType.FP32, np.array(values, np.float32))}, version=4)


def test_whole_answers_follow_the_order_of_their_messages() -> None:
    assert operations()[STREAM].order is Order.AS_SENT
    assert message_operation().head_at_once


def test_a_whole_answer_is_wrapped_and_is_the_final_one() -> None:
    message = streamed(call(identified(request(x=array([1.5]))), STREAM))
    answer = message.infer_response
    assert (message.error_message, answer.id, answer.model_name) == ("", "id", "echo_float32")
    assert answer.parameters["triton_final_response"].bool_param
    assert raw_outputs(answer)["y"].tolist() == [1.5]


def test_mlservers_answer_is_bare() -> None:
    answer = answer_of(call(identified(request(x=array([1.5]))), STREAM, MLSERVER))
    assert (answer.id, len(answer.parameters)) == ("id", 0)
    assert raw_outputs(answer)["y"].tolist() == [1.5]


def test_numbers_are_answered_in_the_listeners_form() -> None:
    given = request(raw=False, x=array([1.5]))
    answer = streamed(call(given, STREAM, GrpcForm(explicit_reply="contents"))).infer_response
    assert list(answer.outputs[0].contents.fp32_contents) == [1.5]
    assert not answer.raw_output_contents


FAILED = request("nope", x=array([1.0]))
FAILED.model_version = "5"


def test_a_failure_is_a_message_that_names_the_request() -> None:
    response = call(identified(FAILED, "bad"), STREAM)
    message = streamed(response)
    answer = message.infer_response
    assert response.status == OK
    assert message.error_message == "Request for unknown model: 'nope' is not found"
    assert (answer.id, answer.model_name, answer.model_version) == ("bad", "nope", "5")
    assert answer.parameters["triton_final_response"].bool_param
    assert not answer.outputs


def test_what_is_wrong_with_a_request_is_told_with_its_id() -> None:
    message = streamed(call(identified(request(z=array([1.0])), "bad"), STREAM))
    assert message.error_message == "unexpected inference input 'z' for model 'echo_float32'"
    assert message.infer_response.id == "bad"


@pytest.mark.parametrize(("form", "metadata"), [(GrpcForm(), ENDS_STREAM), (MLSERVER, {})])
def test_a_failure_ends_the_stream_where_that_is_asked_for(form: GrpcForm, metadata: dict[str, str]) -> None:
    response = call(identified(FAILED), STREAM, form, metadata)
    assert (response.status, response.body) == (NOT_FOUND, b"")
    assert response.message == "Request for unknown model: 'nope' is not found"


def test_what_is_no_message_ends_the_stream() -> None:
    assert call(b"\xff", STREAM).status == INVALID_ARGUMENT


@pytest.mark.parametrize("code", [Code.UNAUTHENTICATED, Code.PERMISSION_DENIED])
def test_who_may_not_is_not_talked_to_further(code: Code) -> None:
    operation = message_operation()
    draft = operation.parse(wire(request(x=array([1.0]))), LIMITS)
    response = operation.fail(draft, DragomanError(code, "no"))
    assert response.status in (16, PERMISSION_DENIED)
    assert response.message == "no"


def test_models_that_answer_whole_have_no_stream() -> None:
    assert encoder(request(x=array([1.0])), answers=Answers.WHOLE) is None
    assert encoder(request(x=array([1.0])), answers=Answers.EITHER) is not None


def test_each_part_is_an_answer_that_is_not_known_to_be_final() -> None:
    writer = encoder(identified(request(x=array([1.0]))))
    assert writer.head(None) == WireResponse(0)
    for values in ([1.0], [2.0, 3.0]):
        answer = streamed(writer.chunk(part(*values))).infer_response
        assert (answer.id, answer.model_version) == ("id", "4")
        assert not answer.parameters["triton_final_response"].bool_param
        assert raw_outputs(answer)["y"].tolist() == values
    assert writer.end() is None


@pytest.mark.parametrize("parts", [0, 2])
def test_an_empty_answer_comes_last_where_one_is_wanted(parts: int) -> None:
    wanted = {"triton_enable_empty_final_response": True}
    writer = encoder(identified(request(x=array([1.0]), parameters=wanted)))
    for _ in range(parts):
        writer.chunk(part(1.0))
    answer = streamed(writer.end()).infer_response
    assert (answer.id, answer.model_name, len(answer.outputs)) == ("id", "echo_float32", 0)
    assert answer.model_version == ("4" if parts else "")
    assert answer.parameters["triton_final_response"].bool_param


def test_mlservers_parts_are_bare_and_nothing_follows_them() -> None:
    wanted = {"triton_enable_empty_final_response": True}
    writer = encoder(request(x=array([1.0]), parameters=wanted), MLSERVER)
    answer = MESSAGES["ModelInferResponse"].FromString(writer.chunk(part(1.0)))
    assert (raw_outputs(answer)["y"].tolist(), len(answer.parameters)) == ([1.0], 0)
    assert writer.end() is None


def test_a_part_need_not_have_every_output_that_is_asked_for() -> None:
    writer = encoder(request(x=array([1.0]), outputs=["y"]))
    answer = streamed(writer.chunk(Chunk({}, version=4))).infer_response
    assert list(answer.outputs) == []


def test_a_stream_that_fails_midway_says_so_in_its_dialect() -> None:
    error = DragomanError(Code.INTERNAL, "it broke")
    message = streamed(encoder(identified(request(x=array([1.0])))).fail(error))
    assert (message.error_message, message.infer_response.id) == ("it broke", "id")
    told = encoder(request(x=array([1.0])), MLSERVER).fail(error)
    assert (told.status, told.message) == (INTERNAL, "it broke")


def test_a_version_that_is_gone_is_named_as_it_was_asked_for() -> None:
    message = request("half_plus_two", x=array([1.0]))
    message.model_version = "007"
    operation = message_operation()
    draft = operation.parse(wire(message), LIMITS)
    error = DragomanError(Code.NOT_FOUND, "?", reason=Reason.VERSION_UNKNOWN)
    told = streamed(operation.fail(draft, error)).error_message
    assert told == "Request for unknown model: 'half_plus_two' version 007 is not found"
