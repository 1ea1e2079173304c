"""The bodies of the conformance cases misused: cut short, and given to another model."""

from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from dragoman.core.errors import DragomanError
from dragoman.wire.messages import WireRequest
from dragoman.wire.operation import InferOperation
from tests.conformance.cases import Case, load
from tests.unit.protocols.deeploy.reference import HALF, codec
from tests.unit.protocols.tfs.reference import LIMITS, MIXED

CASES: Final = load(Path(__file__).parents[3] / "conformance" / "deeploy.json")
BODIES: Final = [case for case in CASES if case.method == "POST" and case.expect.status == 200]
CALLS: Final = codec()


def infer_operation(case: Case, body: bytes) -> tuple[InferOperation, WireRequest]:
    path, _, query = case.path.partition("?")
    word = "explain" if path.endswith("/explain") else "predict"
    operation, wire = CALLS.request("POST", f"{HALF}/{word}?{query}", body, case.headers)
    assert isinstance(operation, InferOperation)
    return operation, wire


@pytest.mark.parametrize("case", BODIES, ids=lambda case: case.id)
def test_every_cut_of_a_body_is_refused_with_an_error_of_ours(case: Case) -> None:
    body = case.payload() or b""
    for end in range(len(body)):
        operation, wire = infer_operation(case, body[:end])
        with pytest.raises(DragomanError):
            operation.parse(wire, LIMITS)


@pytest.mark.parametrize("case", BODIES, ids=lambda case: case.id)
def test_a_body_for_another_signature_is_taken_or_refused_with_an_error_of_ours(case: Case) -> None:
    operation, wire = infer_operation(case, case.payload() or b"")
    draft = operation.parse(wire, LIMITS)
    with suppress(DragomanError):
        operation.bind(draft, MIXED)
