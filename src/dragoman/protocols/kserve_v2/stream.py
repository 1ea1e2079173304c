"""ModelStreamInfer: requests to any models on one stream, and their answers.

Triton wraps each answer, so that a failure is a message like any other and the stream goes on. MLServer's
stream is of bare answers, and ends with the first failure; so does Triton's where the caller asks for that.
"""

from collections.abc import Sequence
from typing import Final

from dragoman.core.errors import Code, DragomanError
from dragoman.core.responses import Chunk, TensorResponse
from dragoman.protocols.kserve_v2.grpc_errors import fail_infer, worded
from dragoman.protocols.kserve_v2.grpc_request import InferDraft
from dragoman.protocols.kserve_v2.grpc_response import ID, MODEL, PARAMETER, VERSION, Part, write_response
from dragoman.wire.messages import WireResponse
from dragoman.wire.operation import GrpcForm
from dragoman.wire.proto_fields import field, varint

# Keys in ModelStreamInferResponse.
ERROR: Final = 0x0A
ANSWER: Final = 0x12

OUTSIDERS: Final = frozenset({Code.UNAUTHENTICATED, Code.PERMISSION_DENIED})  # with whom no stream goes on
TRITON: Final = "triton"
# The parameter `triton_final_response`, as an entry of the map: a name, and a message with a boolean.
FINAL, NOT_FINAL = (
    field(PARAMETER, field(0x0A, b"triton_final_response") + field(0x12, b"\x08%c" % final))
    for final in (True, False)
)


class PartsEncoder:
    """Writes the answers of a model that answers in parts. None of them is known to be the last."""

    def __init__(self, form: GrpcForm, draft: InferDraft) -> None:
        self._form = form
        self._draft = draft
        self._version = draft.target.version

    def head(self, _: Chunk | None) -> WireResponse:
        """Nothing goes before the first part."""
        return WireResponse(0)

    def chunk(self, item: Chunk) -> bytes:
        """One answer."""
        self._version = item.version
        return answer(self._form, self._draft, item, NOT_FINAL)

    def end(self) -> bytes | None:
        """An answer without outputs, where the caller wants one."""
        if self._draft.wants_final and self._form.stream_dialect == TRITON:
            return answer(self._form, self._draft, Chunk({}, version=self._version), FINAL)
        return None

    def fail(self, error: DragomanError) -> bytes | WireResponse:
        """What became of the rest."""
        told = fail_stream(self._form, self._draft, error)
        return told if told.status else bytes(told.body)


def stream_infer(form: GrpcForm, draft: InferDraft) -> PartsEncoder | None:
    """An encoder for a model that can answer in parts."""
    signature = draft.signature
    return PartsEncoder(form, draft) if signature is not None and signature.streams else None


def encode_stream(form: GrpcForm, draft: InferDraft, response: TensorResponse) -> WireResponse:
    """The only answer to one request."""
    return WireResponse(0, answer(form, draft, response, FINAL))


def answer(form: GrpcForm, draft: InferDraft, given: TensorResponse | Chunk, parameter: bytes) -> bytes:
    """One message of the stream."""
    if form.stream_dialect != TRITON:
        return b"".join(write_response(form, draft, given.outputs, given.version))
    return wrapped(write_response(form, draft, given.outputs, given.version, parameter))


def wrapped(parts: Sequence[Part], error: bytes = b"") -> bytes:
    """A ModelInferResponse in Triton's message."""
    return b"".join([error, b"%c%b" % (ANSWER, varint(sum(map(len, parts)))), *parts])


def fail_stream(form: GrpcForm, draft: InferDraft | None, error: DragomanError) -> WireResponse:
    """A failed request: a message that names it, or the end of the stream."""
    if draft is None or draft.ends_stream or error.code in OUTSIDERS or form.stream_dialect != TRITON:
        return fail_infer(draft, error)
    named = ((MODEL, draft.target.model), (VERSION, draft.asked), (ID, draft.id))
    parts = [field(key, value.encode()) for key, value in named if value]
    message = worded(draft, error).message.encode("utf-8", "replace")
    return WireResponse(0, wrapped([*parts, FINAL], field(ERROR, message)))
