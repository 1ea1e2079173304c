"""KServe V1's codec: `parse`, and `bind` and `encode` after it, on bodies and events near good ones and far.

The corpus is the bodies of the conformance cases. `scripts/test --all` runs it long.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import DragomanError
from dragoman.core.responses import TensorResponse
from dragoman.core.signatures import Signature
from dragoman.core.tensors import DType
from dragoman.wire.operation import InferOperation
from dragoman.wire.surroundings import EventAttributes
from tests.conformance.cases import load
from tests.unit.protocols.kserve_v1.reference import codec
from tests.unit.protocols.tfs.reference import HALF_PLUS_TWO, LIMITS, MIXED, echo_signature

CASES: Final = load(Path(__file__).parents[1] / "conformance" / "kserve_v1.json")
CORPUS: Final = sorted({case.payload() or b"" for case in CASES})
TOKENS: Final = [
    *[b"[", b"]", b"{", b"}", b",", b":", b'"', b"\\", b"\xff"],
    *[b"1.5", b"-1", b"1e400", b"NaN", b"null", b"true", b'"x"', b'"b64"', b'"instances"', b'"inputs"'],
    *[b'"data"', b'"data_base64"', b'"specversion"', b'"id"', b'"source"', b'"type"', b'"time"'],
]
SIGNATURES: Final[list[Signature]] = [
    *HALF_PLUS_TWO.values(),
    MIXED,
    *[echo_signature(dtype) for dtype in DType],
]
NAMES: Final = ["ce-id", "ce-source", "ce-specversion", "ce-type", "ce-time", "ce-other", "Content-Type"]
VALUES: Final = st.sampled_from(["", "1.0", "0.3", "\xff", "application/cloudevents+json"]) | st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=5
)
EVENTS: Final = codec(events=EventAttributes(merge=True))


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
    body=bodies(),
    headers=st.dictionaries(st.sampled_from(NAMES), VALUES),
    signature=st.sampled_from(SIGNATURES),
)
def test_a_body_is_taken_or_refused_with_an_error_of_ours(
    body: bytes, headers: Mapping[str, str], signature: Signature
) -> None:
    operation, wire = EVENTS.request("POST", "/v1/models/m:predict", body, headers)
    assert isinstance(operation, InferOperation)
    with suppress(DragomanError):
        operation.bind(operation.parse(wire, LIMITS), signature)


@given(
    event=st.dictionaries(
        st.sampled_from(["id", "source", "type", "time", "other"]) | st.text(max_size=3),
        st.text(max_size=3) | st.integers() | st.none() | st.lists(st.text(max_size=1), max_size=2),
    )
)
def test_whatever_a_structured_event_says_its_answer_is_an_event(event: Mapping[str, Any]) -> None:
    whole = {**event, "id": "1", "source": "s", "type": "t", "specversion": "1.0", "data": {"instances": []}}
    headers = {"content-type": "application/cloudevents+json"}
    sent = json.dumps(whole).encode("utf-8", "surrogatepass")
    operation, wire = EVENTS.request("POST", "/v1/models/m:predict", sent, headers)
    assert isinstance(operation, InferOperation)
    with suppress(DragomanError):
        answer = json.loads(bytes(operation.encode(operation.parse(wire, LIMITS), TensorResponse({})).body))
        assert answer["data"] == {"predictions": {}}
        assert answer["id"] != "1"
