"""The messages of the conformance cases over gRPC, misused: cut off, and for another model."""

from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from dragoman.core.errors import DragomanError
from dragoman.core.tensors import DType
from tests.conformance.cases import load
from tests.conformance.grpc_cases import GrpcCase
from tests.unit.protocols.kserve_v2.grpc_calls import INFER, bound
from tests.unit.protocols.tfs.reference import MIXED, echo_signature

FILE: Final = Path(__file__).parents[3] / "conformance" / "v2_grpc.json"
CASES: Final = [case for case in load(FILE, GrpcCase) if f"/{case.method}" == INFER]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_every_cut_of_a_message_is_taken_or_refused_with_an_error_of_ours(case: GrpcCase) -> None:
    message = case.payload()
    for end in range(len(message)):
        with suppress(DragomanError):
            bound(message[:end], echo_signature(DType.FP32))


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.id != "infer-mixed"], ids=lambda case: case.id
)
def test_a_message_for_another_model_is_refused_with_an_error_of_ours(case: GrpcCase) -> None:
    with pytest.raises(DragomanError):
        bound(case.payload(), MIXED)
