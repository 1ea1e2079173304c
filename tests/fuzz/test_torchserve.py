"""`parse` of TorchServe's codec, and `bind` after it for every kind of model, on bodies near good ones.

The corpus is the bodies of the conformance cases, and those that models of tensors take. `scripts/test --all`
runs it long.
"""

import json
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.assembly.builtin import protocols
from dragoman.assembly.collisions import ARBITERS
from dragoman.core.errors import DragomanError
from dragoman.core.requests import Kind, PayloadRequest
from dragoman.core.responses import PayloadResponse
from dragoman.core.signatures import Signature
from dragoman.core.tensors import DType
from dragoman.transports.http.answer import AnswerHeads
from dragoman.transports.http.router import Router
from dragoman.wire.messages import WireRequest
from dragoman.wire.operation import InferOperation
from tests.conformance.cases import load
from tests.conformance.torchserve_cases import BOUNDARY, TorchServeCase
from tests.unit.protocols.tfs.reference import ADD_SUB, HALF_PLUS_TWO, LIMITS, MIXED, TWO_OUT, echo_signature
from tests.unit.protocols.torchserve.scene import READS
from tests.unit.protocols.torchserve.test_bodies import PIXELS

FOLDER: Final = Path(__file__).parents[1] / "conformance"
CASES: Final = [
    case
    for name in ("torchserve", "torchserve_more")
    for case in load(FOLDER / f"{name}.json", TorchServeCase)
]
V2: Final = {"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [1]}]}
JSON: Final = [
    [1, 2],
    {"data": [[1, 2]]},
    {"instances": [{"x": 1}]},
    {"inputs": {"x": [1]}},
    {"x": [1, 2]},
    V2,
    "AA==",
]
CORPUS: Final = sorted(
    {case.asked.payload()[0] for case in CASES} | {json.dumps(body).encode() for body in JSON}
)
KINDS: Final = [
    None, "application/json", "text/plain", "image/png", "application/x-www-form-urlencoded",
    f"multipart/form-data; boundary={BOUNDARY}", "multipart/form-data", "multipart/form-data; boundary=\"",
]  # fmt: skip
TOKENS: Final = [
    *[b"[", b"]", b"{", b"}", b",", b":", b'"', b"\\", b"\xff", b"&", b"=", b"%", b"+", b"\r\n", b"--"],
    *[b"1.5", b"-1", b"18446744073709551616", b"NaN", b"null", b"true", b'"data"', b'"body"', b'"instances"'],
    *[f"\r\n--{BOUNDARY}\r\n".encode(), b"Content-Disposition: form-data; name=x\r\n\r\n", b"filename=y"],
]
SIGNATURES: Final[list[Signature]] = [
    *HALF_PLUS_TWO.values(), MIXED, ADD_SUB, TWO_OUT, PIXELS, READS,
    *[echo_signature(dtype) for dtype in DType],
]  # fmt: skip
ROUTER: Final = Router(protocols(), "torchserve", ARBITERS)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A body of the corpus with some of its bytes replaced by others or by the forms' own tokens."""
    body = draw(st.sampled_from(CORPUS))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(body)))
        end = draw(st.integers(start, min(len(body), start + 4)))
        body = body[:start] + draw(st.sampled_from(TOKENS) | st.binary(max_size=2)) + body[end:]
    return body


@pytest.mark.parametrize(
    "path",
    ["/predictions/m/1.0/a", "/explanations/m", "/v1/models/m:predict", "/v2/models/m/infer", "/invocations"],
)
@given(
    body=bodies(),
    kind=st.sampled_from(KINDS) | st.text('multiparform-datx/; boundary="b%\xff', max_size=40),
    query=st.text("model_name=&%+a\xff", max_size=20),
    signature=st.sampled_from(SIGNATURES),
)
def test_a_body_is_taken_or_refused_with_an_error_of_ours(
    path: str, body: bytes, kind: str | None, query: str, signature: Signature
) -> None:
    headers = [] if kind is None else [(b"Content-Type", kind.encode("latin-1"))]
    operation, params = ROUTER.match("POST", path)
    assert isinstance(operation, InferOperation)
    with suppress(DragomanError):
        draft = operation.parse(WireRequest("POST", path, query, headers, body, params), LIMITS)
        request = operation.bind(draft, signature)
        assert isinstance(request, PayloadRequest) is (Kind.PAYLOAD in signature.accepts)


@given(
    response=st.builds(
        PayloadResponse,
        body=st.binary(max_size=4),
        media_type=st.none() | st.text(max_size=4),
        status=st.integers(-1, 1100),
        reason=st.text(max_size=4),
        headers=st.lists(st.tuples(st.text(max_size=4), st.text(max_size=4)), max_size=2),
    )
)
def test_whatever_a_models_code_answers_is_one_answer_or_an_error_of_ours(response: PayloadResponse) -> None:
    operation, params = ROUTER.match("POST", "/predictions/m")
    assert isinstance(operation, InferOperation)
    draft = operation.parse(WireRequest("POST", "/predictions/m", "", [], b"x", params), LIMITS)
    operation.bind(draft, READS)
    with suppress(DragomanError):
        answer = operation.encode(draft, response)
        head = AnswerHeads(lambda: 0.0).whole(answer, b"")
        assert head.count(b"\r\n\r\n") == 1
        assert head.endswith(b"\r\n\r\n")
