"""TorchServe's gRPC codec: messages in, messages out, over the gateway and without a socket."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import pytest

from dragoman.assembly.builtin import protocols
from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import PayloadRequest
from dragoman.core.responses import PayloadResponse
from dragoman.protocols.torchserve.answers import Manner
from dragoman.protocols.torchserve.grpc_errors import by_http, fail
from dragoman.protocols.torchserve.grpc_stream import fail_message
from dragoman.transports.grpc.router import GrpcRouter
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import StatusOperation, StreamOperation
from dragoman.wire.protobuf import message_classes
from tests.unit.protocols.torchserve.scene import Function, Served

SERVICE: Final = "/org.pytorch.serve.grpc.inference.InferenceAPIsService"
MESSAGES: Final = message_classes(
    "org.pytorch.serve.grpc.inference",
    ["PredictionsRequest", "PredictionResponse", "TorchServeHealthResponse"],
)
DIALECTS: Final = ("torchserve", "superset")
STRICT: Final = Manner(strict=True)


class Called:
    """The methods of one listener, called one by one."""

    def __init__(self, functions: Mapping[str, Function] | None = None, dialect: str = "torchserve") -> None:
        self._gateway = Served(functions, dialect, reference=["half_plus_two"]).gateway
        self.operations = GrpcRouter(protocols(), dialect).operations

    def call(self, method: str, message: Any, **headers: str) -> WireResponse:
        return asyncio.run(self._call(method, message, headers))

    def parts(self, message: Any) -> tuple[list[bytes], WireResponse | None]:
        """The parts of StreamPredictions, and the status that ended it where it failed midway."""
        return asyncio.run(self._parts(message))

    def duplex(self, *messages: Any) -> list[Any]:
        """The answers of StreamPredictions2; their order is that of the messages."""
        return asyncio.run(self._duplex(messages))

    async def _call(self, method: str, message: Any, headers: Mapping[str, str]) -> WireResponse:
        answer = self._gateway.call(self.operations[f"{SERVICE}/{method}"], wire(method, message, headers))
        return answer if isinstance(answer, WireResponse) else await answer

    async def _parts(self, message: Any) -> tuple[list[bytes], WireResponse | None]:
        answer = await self._call("StreamPredictions", message, {})
        if answer.stream is None:
            return [predicted(answer)], None
        try:
            read = MESSAGES["PredictionResponse"].FromString
            found = [read(part).prediction async for part in answer.stream]
        finally:
            await answer.stream.aclose()
        return found, answer.stream.ending

    async def _duplex(self, messages: tuple[Any, ...]) -> list[Any]:
        async def sent() -> AsyncIterator[WireRequest]:
            for message in messages:
                yield wire("StreamPredictions2", message)

        operation = self.operations[f"{SERVICE}/StreamPredictions2"]
        assert isinstance(operation, StreamOperation)
        return [
            MESSAGES["PredictionResponse"].FromString(answer.body)
            async for answer in self._gateway.stream(operation, sent())
        ]


def wire(method: str, message: Any, headers: Mapping[str, str] | None = None) -> WireRequest:
    data = message if isinstance(message, bytes) else message.SerializeToString(deterministic=True)
    pairs = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    return WireRequest("POST", f"{SERVICE}/{method}", "", pairs, data)


def asked(model: str = "m", **more: Any) -> Any:
    return MESSAGES["PredictionsRequest"](model_name=model, **more)


def predicted(answer: WireResponse) -> bytes:
    assert answer.status == 0, answer.message
    found: bytes = MESSAGES["PredictionResponse"].FromString(answer.body).prediction
    return found


def told(request: PayloadRequest) -> PayloadResponse:
    """What a handler is given."""
    parts = [(part.name, bytes(part.data), part.media_type) for part in request.parts]
    return PayloadResponse(repr((parts, dict(request.headers))).encode())


@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_entry_of_the_input_is_a_part_without_a_type_and_no_headers_come_along(dialect: str) -> None:
    data = b"\x00" * 5000
    answer = Called({"m": told}, dialect).call("Predictions", asked(input={"a": data}), **{"x-my": "1"})
    assert predicted(answer) == repr(([("a", data, None)], {})).encode()


def test_of_entries_of_one_name_the_last_counts() -> None:
    first, second = (asked(input={"a": value}).SerializeToString() for value in (b"1", b"2"))
    assert predicted(Called({"m": told}).call("Predictions", first + second)) == b"([('a', b'2', None)], {})"


def test_what_a_handler_says_of_the_answer_is_left_out() -> None:
    def teapot(_: PayloadRequest) -> PayloadResponse:
        return PayloadResponse(b"tea", "text/x-tea", 418, "I am a teapot", [("X-A", "1")])

    answer = Called({"m": teapot}).call("Predictions", asked())
    assert (predicted(answer), answer.headers) == (b"tea", [])


def test_each_part_of_an_answer_is_a_message_and_a_failure_midway_ends_the_call() -> None:
    def speaks(request: PayloadRequest) -> list[PayloadResponse]:
        return [PayloadResponse(part.data) for part in request.parts]

    called = Called({"m": speaks})
    assert called.parts(asked(input={"a": b"1", "b": b"2"})) == ([b"1", b"2"], None)
    assert called.parts(asked(input={"a": b"1"})) == ([b"1"], None)
    found, ending = called.parts(asked(input={"a": b"1", "b": b"!"}))
    assert found == [b"1"]
    assert ending is not None
    assert ending.status == 13
    assert ending.message == "Worker died.\norg.pytorch.serve.http.InternalServerException"


def test_a_model_of_tensors_answers_in_json_and_without_parts() -> None:
    assert Called().parts(asked("half_plus_two", input={"data": b"[2]"})) == ([b"[3.0]"], None)


def test_a_failure_midway_is_a_message_of_a_duplex_stream_which_goes_on() -> None:
    def speaks(request: PayloadRequest) -> list[PayloadResponse]:
        return [PayloadResponse(part.data) for part in request.parts]

    breaks = asked(input={"a": b"1", "b": b"!"}, sequence_id="s")
    one, failed = Called({"m": speaks}).duplex(breaks)
    assert one.prediction == b"1"
    assert (failed.status.code, failed.status.message) == (13, "Worker died.")


def test_a_handler_sees_the_sequence_that_a_message_belongs_to() -> None:
    called = Called({"m": told})
    (answer,) = called.duplex(asked(sequence_id="s", input={"ts_request_sequence_end": b"True"}))
    assert b"{'ts_request_sequence_id': 's', 'ts_request_sequence_end': 'true'}" in answer.prediction
    (begun,) = called.duplex(asked(input={"ts_request_sequence_start": b"true"}))
    assert b"{'ts_request_sequence_id': 'ts-seq-" in begun.prediction
    assert b"'ts_request_sequence_start': 'true'}" in begun.prediction


@pytest.mark.parametrize(
    "data", [b"\x0a", b"\x1a\x02\x0a\x05", b"\x0a\x01\xff", b"\x07", b"\x1a\x04\x0a\x02\xff\xff"]
)
def test_what_is_no_message_is_the_callers_fault(data: bytes) -> None:
    answer = Called({"m": told}).call("Predictions", data)
    assert answer.status == 3
    assert answer.message.endswith("\norg.pytorch.serve.http.BadRequestException")


def test_health_is_the_text_of_ping_and_open_to_everyone() -> None:
    called = Called()
    answer = called.call("Ping", b"")
    health = MESSAGES["TorchServeHealthResponse"].FromString(answer.body).health
    assert health == '{\n  "status": "Healthy"\n}'
    ping = called.operations[f"{SERVICE}/Ping"]
    assert isinstance(ping, StatusOperation)
    assert ping.permission is None


def test_numbers_that_a_handler_chooses_are_those_of_grpc() -> None:
    found = {by_http(status) for status in (200, 422, 507, 600)}
    assert found == {13, 9, 2}
    assert [by_http(status) for status in (409, 416, 429, 504)] == [10, 11, 8, 4]


def test_one_without_a_token_is_told_in_the_references_words_and_no_stream_goes_on_with_it() -> None:
    error = DragomanError(Code.UNAUTHENTICATED, "who are you")
    for answer in (fail(STRICT, None, error), fail_message(STRICT, None, error)):
        assert answer.status == 7
        assert answer.message.startswith("Token Authorization failed.")
        assert "\n" not in answer.message
    assert fail(Manner(strict=False), None, error).status == 16
