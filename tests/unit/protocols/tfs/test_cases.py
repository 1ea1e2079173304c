"""The conformance cases, run through the codec alone, and their bodies misused."""

from pathlib import Path
from typing import Final

import pytest

from dragoman.core.errors import DragomanError
from dragoman.wire.operation import InferOperation
from tests.conformance.cases import Case, load
from tests.conformance.compare import differences
from tests.conformance.exchange import Answer
from tests.unit.protocols.tfs.reference import LIMITS, MIXED, Codec

CASES: Final = load(Path(__file__).parents[3] / "conformance" / "tfserving_rest.json")
CODECS: Final = {dialect: Codec(dialect) for dialect in ("tfserving", "superset")}


def names(case: Case) -> str:
    return case.id


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


@pytest.mark.parametrize("case", CASES, ids=names)
def test_every_cut_of_a_body_is_taken_or_refused_with_an_error_of_ours(case: Case) -> None:
    body = case.payload() or b""
    step = 1 + len(body) // 400  # every prefix of all bodies but the few long ones
    for end in range(0, len(body), step):
        operation, wire = CODECS["tfserving"].request(case.method, case.path, body[:end], case.headers)
        if isinstance(operation, InferOperation):
            try:
                operation.bind(operation.parse(wire, LIMITS), MIXED)
            except DragomanError as error:
                operation.fail(None, error)


@pytest.mark.parametrize("case", CASES, ids=names)
def test_a_body_for_another_signature_is_refused_with_an_error_of_ours(case: Case) -> None:
    operation, wire = CODECS["tfserving"].request(
        case.method, case.path, case.payload() or b"", case.headers
    )
    if not isinstance(operation, InferOperation):
        return
    try:
        draft = operation.parse(wire, LIMITS)
    except DragomanError:
        return
    if "mixed" in case.path:
        return
    with pytest.raises(DragomanError):
        operation.bind(draft, MIXED)
