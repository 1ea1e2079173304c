"""The conformance cases, run through the codec alone, and their bodies misused."""

from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from dragoman.core.errors import DragomanError
from dragoman.wire.messages import WireRequest
from dragoman.wire.operation import InferOperation
from tests.conformance.cases import Case, load
from tests.conformance.compare import differences
from tests.conformance.exchange import Answer
from tests.unit.protocols.tfs.reference import LIMITS, MIXED, Codec

CASES: Final = load(Path(__file__).parents[3] / "conformance" / "tfserving_rest.json")
CODECS: Final = {dialect: Codec(dialect) for dialect in ("tfserving", "superset")}


BODIES: Final = [case for case in CASES if case.method == "POST" and ":" in case.path]


def names(case: Case) -> str:
    return case.id


def infer_operation(case: Case, body: bytes) -> tuple[InferOperation, WireRequest]:
    """The operation whose path it is; where the path is malformed too, that of predict."""
    operation, wire = CODECS["tfserving"].request(case.method, case.path, body, case.headers)
    if not isinstance(operation, InferOperation):
        operation, wire = CODECS["tfserving"].request("POST", "/v1/models/m:predict", body, case.headers)
    assert isinstance(operation, InferOperation)
    return operation, wire


def parses_and_is_not_for_mixed(case: Case) -> bool:
    operation, wire = infer_operation(case, case.payload() or b"")
    try:
        operation.parse(wire, LIMITS)
    except DragomanError:
        return False
    return "mixed" not in case.path


@pytest.mark.parametrize("dialect", CODECS)
@pytest.mark.parametrize("case", [case for case in CASES if case.certain], ids=names)
def test_the_codec_answers_as_the_case_says(case: Case, dialect: str) -> None:
    response = CODECS[dialect].answer(case.method, case.path, case.payload() or b"", case.headers)
    headers = {"content-type": response.content_type.decode()}
    answer = Answer(response.status, headers, bytes(response.body))
    expected = [case.expect, *case.also_ok]
    if dialect == "superset":
        expected = [each.lenient() for each in expected]
    found = [differences(each, answer) for each in expected]
    assert [] in found, (found[0], answer.body)


@pytest.mark.parametrize("case", BODIES, ids=names)
def test_every_cut_of_a_body_is_taken_or_refused_with_an_error_of_ours(case: Case) -> None:
    body = case.payload() or b""
    step = 1 + len(body) // 400  # every prefix of all bodies but the few long ones
    for end in range(0, len(body), step):
        operation, wire = infer_operation(case, body[:end])
        with suppress(DragomanError):
            operation.bind(operation.parse(wire, LIMITS), MIXED)


@pytest.mark.parametrize("case", [case for case in BODIES if parses_and_is_not_for_mixed(case)], ids=names)
def test_a_body_for_another_signature_is_refused_with_an_error_of_ours(case: Case) -> None:
    operation, wire = infer_operation(case, case.payload() or b"")
    draft = operation.parse(wire, LIMITS)
    with pytest.raises(DragomanError):
        operation.bind(draft, MIXED)
