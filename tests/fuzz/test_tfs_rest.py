"""Every `parse` of TensorFlow Serving's REST codec, and `bind` after it, on bodies near good ones and far.

The corpus is the bodies of the conformance cases. `scripts/test --all` runs it long.
"""

import gzip
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import DragomanError
from dragoman.core.signatures import Signature
from dragoman.core.tensors import DType
from dragoman.wire.operation import InferOperation
from tests.conformance.cases import load
from tests.unit.protocols.tfs.reference import HALF_PLUS_TWO, LIMITS, MIXED, Codec, echo_signature

CASES: Final = load(Path(__file__).parents[1] / "conformance" / "tfserving_rest.json")
CORPUS: Final = sorted({case.payload() or b"" for case in CASES if len(case.payload() or b"") < 1000})
TOKENS: Final = [
    *[b"[", b"]", b"{", b"}", b",", b":", b'"', b"\\", b"\xff"],
    *[b"1.5", b"-1", b"18446744073709551616", b"1e400", b"NaN", b"-Infinity", b"null", b"true"],
    *[b'"x"', b'"b64"', b'"instances"', b'"inputs"', b'"examples"', b'"context"'],
]
SIGNATURES: Final[list[Signature]] = [
    *HALF_PLUS_TWO.values(),
    MIXED,
    *[echo_signature(dtype) for dtype in DType],
]


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A body of the corpus with some of its bytes replaced by others or by JSON's own tokens."""
    body = draw(st.sampled_from(CORPUS))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(body)))
        end = draw(st.integers(start, min(len(body), start + 4)))
        body = body[:start] + draw(st.sampled_from(TOKENS) | st.binary(max_size=2)) + body[end:]
    return body


@pytest.mark.parametrize("method", ["predict", "classify", "regress"])
@given(body=bodies(), signature=st.sampled_from(SIGNATURES), compressed=st.booleans())
def test_a_body_is_taken_or_refused_with_an_error_of_ours(
    method: str, body: bytes, signature: Signature, compressed: bool
) -> None:
    headers = {"Content-Encoding": "gzip"} if compressed else {}
    sent = gzip.compress(body, mtime=0) if compressed else body
    operation, wire = Codec("superset").request("POST", f"/v1/models/m:{method}", sent, headers)
    assert isinstance(operation, InferOperation)
    with suppress(DragomanError):
        operation.bind(operation.parse(wire, LIMITS), signature)
