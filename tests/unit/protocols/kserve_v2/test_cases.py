"""The conformance cases, run through the codec alone, and their bodies misused."""

from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from dragoman.core.errors import DragomanError
from dragoman.wire.messages import WireRequest
from dragoman.wire.operation import InferOperation
from tests.conformance.cases import Case, load
from tests.conformance.exchange import Answer
from tests.conformance.v2_answers import differences
from tests.unit.protocols.kserve_v2.calls import CODEC
from tests.unit.protocols.tfs.reference import LIMITS, MIXED

CASES: Final = [
    case
    for case in load(Path(__file__).parents[3] / "conformance" / "v2_rest.json")
    if case.path.startswith("/v2/models") and not case.path.endswith(("/config", "/stats"))
]
BODIES: Final = [case for case in CASES if case.payload()]


def names(case: Case) -> str:
    return case.id


def infer_operation(case: Case, body: bytes) -> tuple[InferOperation, WireRequest]:
    operation, wire = CODEC.request(case.method, case.path, body, case.headers)
    assert isinstance(operation, InferOperation)
    return operation, wire


def parses(case: Case) -> bool:
    operation, wire = infer_operation(case, case.payload() or b"")
    try:
        operation.parse(wire, LIMITS)
    except DragomanError:
        return False
    return True


@pytest.mark.parametrize("case", [case for case in CASES if case.certain], ids=names)
def test_the_codec_answers_as_the_case_says(case: Case) -> None:
    response = CODEC.answer(case.method, case.path, case.payload() or b"", case.headers)
    headers = {name.decode().lower(): value.decode() for name, value in response.headers}
    headers["content-type"] = response.content_type.decode()
    answer = Answer(response.status, headers, bytes(response.body))
    assert differences(case.expect, answer) == []


@pytest.mark.parametrize("case", BODIES, ids=names)
def test_every_cut_of_a_body_is_taken_or_refused_with_an_error_of_ours(case: Case) -> None:
    body = case.payload() or b""
    for end in range(len(body)):
        operation, wire = infer_operation(case, body[:end])
        with suppress(DragomanError):
            operation.bind(operation.parse(wire, LIMITS), MIXED)


@pytest.mark.parametrize("case", [case for case in BODIES if parses(case)], ids=names)
def test_a_body_for_another_signature_is_refused_with_an_error_of_ours(case: Case) -> None:
    operation, wire = infer_operation(case, case.payload() or b"")
    draft = operation.parse(wire, LIMITS)
    with pytest.raises(DragomanError):
        operation.bind(draft, MIXED)
