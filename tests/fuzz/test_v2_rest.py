"""`parse` of V2's REST codec, `bind` and `encode` after it, on bodies near good ones and far.

The corpus is the bodies of the conformance cases. `scripts/test --all` runs it long.
"""

import zlib
from contextlib import suppress
from pathlib import Path
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import DragomanError
from dragoman.core.requests import TensorRequest
from dragoman.core.responses import TensorResponse
from dragoman.core.signatures import Signature
from dragoman.core.tensors import DType
from dragoman.wire.operation import InferOperation
from tests.conformance.cases import load
from tests.unit.protocols.kserve_v2.calls import CODEC
from tests.unit.protocols.tfs.reference import ADD_SUB, LIMITS, MIXED, echo_signature

CASES: Final = [
    case
    for case in load(Path(__file__).parents[1] / "conformance" / "v2_rest.json")
    if case.path.endswith("/infer") and case.payload()
]
LENGTH: Final = "Inference-Header-Content-Length"
CORPUS: Final = sorted({(case.payload() or b"", case.headers.get(LENGTH, "")) for case in CASES})
TOKENS: Final = [
    *[b"[", b"]", b"{", b"}", b",", b":", b'"', b"\\", b"\xff"],
    *[b"1.5", b"-1", b"18446744073709551616", b"1e400", b"NaN", b"-Infinity", b"null", b"true"],
    *[b'"x"', b'"data"', b'"inputs"', b'"shape"', b'"datatype"', b'"parameters"', b'"binary_data_size"'],
    *[b'"FP32"', b'"BYTES"', b'"BF16"', b'"classification"', b'"binary_data_output"', b'"base64"'],
]
SIGNATURES: Final[list[Signature]] = [ADD_SUB, MIXED, *[echo_signature(dtype) for dtype in DType]]
ENCODINGS: Final = {"": bytes, "identity": bytes, "deflate": zlib.compress, "gzip": bytes, "br": bytes}


@st.composite
def bodies(draw: st.DrawFn) -> tuple[bytes, str]:
    """A body of the corpus with some bytes replaced by others or by JSON tokens, and its length header."""
    body, length = draw(st.sampled_from(CORPUS))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(body)))
        end = draw(st.integers(start, min(len(body), start + 4)))
        body = body[:start] + draw(st.sampled_from(TOKENS) | st.binary(max_size=2)) + body[end:]
    if draw(st.booleans()):
        length = draw(st.integers(-1, len(body) + 1).map(str) | st.text(max_size=3))
    return body, length


@given(
    sent=bodies(),
    signature=st.sampled_from(SIGNATURES),
    encoding=st.sampled_from(sorted(ENCODINGS)),
    accepted=st.text("gzipdeflatq*;=,.01 ", max_size=20),
)
def test_a_body_is_taken_or_refused_with_an_error_of_ours(
    sent: tuple[bytes, str], signature: Signature, encoding: str, accepted: str
) -> None:
    body, length = sent
    headers = {"Content-Encoding": encoding, "Accept-Encoding": accepted}
    if length:
        headers[LENGTH] = length
    operation, wire = CODEC.request("POST", "/v2/models/m/infer", ENCODINGS[encoding](body), headers)
    assert isinstance(operation, InferOperation)
    with suppress(DragomanError):
        draft = operation.parse(wire, LIMITS)
        request = operation.bind(draft, signature)
        assert isinstance(request, TensorRequest)
        given = list(request.inputs.values())
        outputs = dict(zip(signature.outputs, given, strict=False))
        assert operation.encode(draft, TensorResponse(outputs, 1)).status == 200
