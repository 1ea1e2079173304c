"""The messages of the conformance cases over gRPC, misused: cut off, and for another model."""

from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from dragoman.core.errors import DragomanError
from dragoman.protocols.tfs import PROTOCOL
from dragoman.transports.grpc.router import GrpcRouter
from dragoman.wire.messages import WireRequest
from dragoman.wire.operation import InferOperation, MultiInferOperation
from tests.conformance.cases import load
from tests.conformance.grpc_cases import GrpcCase
from tests.unit.protocols.tfs.reference import LIMITS, MIXED

FILE: Final = Path(__file__).parents[3] / "conformance" / "tfserving_grpc.json"
OPERATIONS: Final = {
    method: operation
    for method, operation in GrpcRouter([PROTOCOL], "tfserving").operations.items()
    if isinstance(operation, InferOperation | MultiInferOperation)
}
CASES: Final = [case for case in load(FILE, GrpcCase) if f"/{case.method}" in OPERATIONS]


def names(case: GrpcCase) -> str:
    return case.id


def bind(case: GrpcCase, message: bytes) -> None:
    """What the gateway does before it runs a model; the model is `mixed`."""
    operation = OPERATIONS[f"/{case.method}"]
    draft = operation.parse(WireRequest("POST", "", "", [], message), LIMITS)
    for part in getattr(draft, "parts", [draft]):
        operation.bind(part, MIXED)


@pytest.mark.parametrize("case", CASES, ids=names)
def test_every_cut_of_a_message_is_taken_or_refused_with_an_error_of_ours(case: GrpcCase) -> None:
    message = case.payload()
    step = 1 + len(message) // 400  # every prefix of all messages but the few long ones
    for end in range(0, len(message), step):
        with suppress(DragomanError):
            bind(case, message[:end])


@pytest.mark.parametrize("case", [case for case in CASES if case.id != "inputs-several"], ids=names)
def test_a_message_for_another_model_is_refused_with_an_error_of_ours(case: GrpcCase) -> None:
    with pytest.raises(DragomanError):
        bind(case, case.payload())
