"""Deeploy's calls: `parse`, and `bind` after it, on bodies near good ones of either form and far.

The corpus is the bodies of the conformance cases. `scripts/test --all` runs it long.
"""

from contextlib import suppress
from pathlib import Path
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import DragomanError
from dragoman.core.signatures import Signature
from dragoman.core.tensors import DType
from dragoman.wire.operation import InferOperation
from tests.conformance.cases import load
from tests.unit.protocols.deeploy.reference import HALF, codec
from tests.unit.protocols.tfs.reference import ADD_SUB, HALF_PLUS_TWO, LIMITS, MIXED, echo_signature

CASES: Final = load(Path(__file__).parents[1] / "conformance" / "deeploy.json")
CORPUS: Final = sorted({case.payload() or b"" for case in CASES})
TOKENS: Final = [
    *[b"[", b"]", b"{", b"}", b",", b":", b'"', b"\\", b"\xff"],
    *[b"1.5", b"-1", b"1e400", b"NaN", b"null", b"true", b'"x"', b'"instances"', b'"inputs"', b'"outputs"'],
    *[b'"name"', b'"shape"', b'"datatype"', b'"data"', b'"parameters"', b'"id"', b'"BYTES"', b'"explain"'],
]
SIGNATURES: Final[list[Signature]] = [
    *HALF_PLUS_TWO.values(),
    ADD_SUB,
    MIXED,
    *[echo_signature(dtype) for dtype in DType],
]
QUERIES: Final = [
    "",
    "explain=true",
    "image=false",
    "skipLog=true&stream=%74rue",
    "explain=",
    "%ff=&&=",
    "image",
]
LENGTHS: Final = [None, "0", "20", "-1", "x"]
CALLS: Final = codec()


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A body of the corpus with some of its bytes replaced by others or by JSON's own tokens."""
    body = draw(st.sampled_from(CORPUS))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(body)))
        end = draw(st.integers(start, min(len(body), start + 4)))
        body = body[:start] + draw(st.sampled_from(TOKENS) | st.binary(max_size=2)) + body[end:]
    return body


@given(
    word=st.sampled_from(["predict", "explain"]),
    body=bodies(),
    query=st.sampled_from(QUERIES),
    length=st.sampled_from(LENGTHS),
    signature=st.sampled_from(SIGNATURES),
)
def test_a_body_is_taken_or_refused_with_an_error_of_ours(
    word: str, body: bytes, query: str, length: str | None, signature: Signature
) -> None:
    headers = {} if length is None else {"Inference-Header-Content-Length": length}
    operation, wire = CALLS.request("POST", f"{HALF}/{word}?{query}", body, headers)
    assert isinstance(operation, InferOperation)
    with suppress(DragomanError):
        operation.bind(operation.parse(wire, LIMITS), signature)
