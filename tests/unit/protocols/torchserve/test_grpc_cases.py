"""The messages of the conformance cases over gRPC, cut off anywhere, and broken in any byte."""

from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from dragoman.assembly.builtin import protocols
from dragoman.core.errors import DragomanError
from dragoman.core.status import StatusReport
from dragoman.settings.limits import Limits
from dragoman.wire.messages import WireRequest
from dragoman.wire.operation import (
    ControlOperation,
    InferOperation,
    Operation,
    StatusOperation,
    StreamOperation,
    ViewOperation,
)
from tests.conformance.cases import load
from tests.conformance.grpc_cases import GrpcCase

FOLDER: Final = Path(__file__).parents[3] / "conformance"
OPERATIONS: Final = {
    route.method: route.operation
    for spec in protocols()
    if spec.name.startswith("torchserve")
    for routes in spec.grpc.values()
    for route in routes
}
CASES: Final = [
    case
    for name in ("torchserve_grpc", "torchserve_management_grpc")
    for case in load(FOLDER / f"{name}.json", GrpcCase)
    if f"/{case.method}" in OPERATIONS
]
LIMITS: Final = Limits()
NOTHING: Final = StatusReport()


def read(operation: Operation, body: bytes) -> None:
    """Have the codec read a message, as far as it goes without a model.

    Errors: DragomanError, and nothing else.
    """
    wire = WireRequest("POST", "/", "", [], body)
    if isinstance(operation, StreamOperation):
        operation = operation.message
    if isinstance(operation, InferOperation | ControlOperation):
        operation.parse(wire, LIMITS)
    elif isinstance(operation, ViewOperation):
        operation.asks(wire, NOTHING)
        operation.answer(wire, NOTHING, None)
    elif isinstance(operation, StatusOperation):
        operation.answer(wire, NOTHING)


def test_there_are_cases_of_every_method() -> None:
    assert {f"/{case.method}" for case in CASES} == OPERATIONS.keys()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_what_is_left_of_a_message_is_taken_or_refused_with_an_error_of_ours(case: GrpcCase) -> None:
    operation = OPERATIONS[f"/{case.method}"]
    for message in case.streamed or [case.payload()]:
        for end in range(len(message) + 1):
            with suppress(DragomanError):
                read(operation, message[:end])
        for at, byte in enumerate(message):
            for other in (0x00, 0x7F, 0xFF, byte ^ 1):
                with suppress(DragomanError):
                    read(operation, message[:at] + bytes([other]) + message[at + 1 :])
