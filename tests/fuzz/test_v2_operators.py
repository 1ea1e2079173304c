"""What V2 has for operators, over REST and gRPC, on bodies near good ones and far.

The corpus is the bodies of the conformance cases, and whole configurations as they are told. `scripts/test
--all` runs it long.
"""

import json
from contextlib import suppress
from pathlib import Path
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import DragomanError
from dragoman.core.names import is_model_name
from dragoman.core.override import Override
from dragoman.repository.overriding import overridden
from dragoman.repository.uploads import check_paths
from dragoman.settings.model import ModelSettings
from dragoman.wire.operation import ControlOperation, StatusOperation
from tests.conformance.cases import load
from tests.conformance.grpc_cases import GrpcCase
from tests.unit.protocols.kserve_v2.grpc_calls import operations, wire
from tests.unit.protocols.kserve_v2.protocol import PROTOCOL
from tests.unit.protocols.kserve_v2.test_configuration import config
from tests.unit.protocols.kserve_v2.test_override import CONFIGURATIONS
from tests.unit.protocols.tfs.reference import LIMITS, REPORT, Codec

CASES: Final = Path(__file__).parents[1] / "conformance"
CODEC: Final = Codec("superset", REPORT, PROTOCOL)
PATHS: Final = (
    "/v2/repository/index",
    "/v2/repository/models/m/load",
    "/v2/repository/models/m/unload",
    "/v2/trace/setting",
    "/v2/logging",
)
METHODS: Final = sorted(
    method
    for method, operation in operations().items()
    if type(operation) in (ControlOperation, StatusOperation)
)
TOLD: Final = [json.dumps({"parameters": {"config": json.dumps(config(told))}}) for told in CONFIGURATIONS]
BODIES: Final = sorted(
    {case.payload() or b"" for case in load(CASES / "v2_rest.json") if case.path in PATHS}
    | {text.encode() for text in TOLD}
)
MESSAGES: Final = sorted({case.payload() for case in load(CASES / "v2_grpc.json", GrpcCase)})
TOKENS: Final = [
    *[b"[", b"]", b"{", b"}", b",", b":", b'"', b'\\"', b"\\", b"\xff", b"\xed\xa0\x80", b"\0"],
    *[b"1.5", b"-1", b"18446744073709551616", b"1e400", b"NaN", b"null", b"true", b"TYPE_BOOL", b"KIND_GPU"],
    *[b"file:", b"../", b"/", b"config", b"parameters", b"max_batch_size", b"dims", b"string_value"],
]


@st.composite
def near(draw: st.DrawFn, corpus: list[bytes]) -> bytes:
    """One of a corpus with some bytes replaced by others."""
    body = draw(st.sampled_from(corpus))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(body)))
        end = draw(st.integers(start, min(len(body), start + 4)))
        body = body[:start] + draw(st.sampled_from(TOKENS) | st.binary(max_size=2)) + body[end:]
    return body


def check_request(asked: object) -> None:
    """What was understood can be put into force, or is refused in our words."""
    override = getattr(asked, "override", None)
    if isinstance(override, Override):
        overridden(ModelSettings(), override)
        with suppress(DragomanError):
            check_paths(list(override.files))
            for path in override.files:
                assert not {"", ".", ".."} & set(path.split("/"))
    if getattr(asked, "looks", False):
        assert is_model_name(asked.model)  # type: ignore[attr-defined]


@given(path=st.sampled_from(PATHS), body=near(BODIES))
def test_a_body_is_taken_or_refused_with_an_error_of_ours(path: str, body: bytes) -> None:
    operation, request = CODEC.request("POST", path, body)
    with suppress(DragomanError):
        if isinstance(operation, ControlOperation):
            check_request(operation.parse(request, LIMITS))
        else:
            assert isinstance(operation, StatusOperation)
            operation.answer(request, REPORT)


@given(method=st.sampled_from(METHODS), message=near(MESSAGES))
def test_a_message_is_taken_or_refused_with_an_error_of_ours(method: str, message: bytes) -> None:
    operation, request = operations()[method], wire(message, method)
    with suppress(DragomanError):
        if isinstance(operation, ControlOperation):
            check_request(operation.parse(request, LIMITS))
        else:
            operation.answer(request, REPORT)
