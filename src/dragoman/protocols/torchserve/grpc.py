"""Predictions over gRPC: the entries of `input` are the parts of a body, and a body is the answer.

A handler sees no headers, as the reference hands none of a call's metadata on, and what it says of status,
headers and type is left out.
"""

from collections.abc import Callable, Mapping
from typing import Final

from dragoman.core.errors import DragomanError, invalid
from dragoman.core.requests import CoreRequest, Kind, PayloadPart, PayloadRequest, Target
from dragoman.core.responses import Chunk, PayloadResponse, TensorResponse
from dragoman.core.signatures import Signature
from dragoman.core.status import StatusReport
from dragoman.protocols.torchserve.answers import Manner
from dragoman.protocols.torchserve.bodies import read_parts
from dragoman.protocols.torchserve.errors import NO_NAME, AskedDraft
from dragoman.protocols.torchserve.grpc_errors import NO_SEQUENCE, fail
from dragoman.protocols.torchserve.grpc_messages import messages
from dragoman.protocols.torchserve.reading import Asking, Reading
from dragoman.protocols.torchserve.status import health
from dragoman.protocols.torchserve.texts import written_text
from dragoman.protocols.torchserve.written import write_tensors
from dragoman.settings.limits import Limits
from dragoman.wire.json_tree import dump_indented
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.proto_fields import as_data, field, fields, map_entry, text

# Keys in PredictionsRequest and PredictionResponse.
MODEL: Final = 0x0A
VERSION: Final = 0x12
INPUT: Final = 0x1A
SEQUENCE: Final = 0x22
PREDICTION: Final = 0x0A

SEQUENCE_ID: Final = "ts_request_sequence_id"
SEQUENCE_START: Final = "ts_request_sequence_start"
SEQUENCE_END: Final = "ts_request_sequence_end"


class GrpcDraft(AskedDraft):
    """A request whose input waits for the model. `headers` are what a handler sees of the sequence.

    `reading` is there once tensors were read; `streams`: the model gives them in parts, which
    are the text itself where it `writes_text`.
    """

    parts: list[PayloadPart]
    limits: Limits
    headers: Mapping[str, str]
    reading: Reading | None = None
    streams: bool = False
    writes_text: bool = False


def parse_prediction(wire: WireRequest, limits: Limits) -> GrpcDraft:
    """A PredictionsRequest; of entries of one name the last counts.

    Errors: INVALID_ARGUMENT for what is no such message, and where it names no model.
    """
    return parse(wire, limits)[0]


def parse_in_sequence(new_id: Callable[[], str], wire: WireRequest, limits: Limits) -> GrpcDraft:
    """The same of a stream's message, which belongs to a sequence or begins one.

    Errors: INVALID_ARGUMENT where it does neither, besides.
    """
    draft, sequence = parse(wire, limits)
    said = {part.name: bytes(part.data).strip().lower() == b"true" for part in draft.parts}
    headers = {SEQUENCE_ID: sequence}
    if not sequence:
        if not said.get(SEQUENCE_START):
            raise invalid(NO_SEQUENCE)
        headers = {SEQUENCE_ID: f"ts-seq-{new_id()}", SEQUENCE_START: "true"}
    if said.get(SEQUENCE_END):
        headers[SEQUENCE_END] = "true"
    draft.headers = headers
    return draft


def parse(wire: WireRequest, limits: Limits) -> tuple[GrpcDraft, str]:
    """The request, and the sequence that it names, empty = none."""
    named = {MODEL: "", VERSION: "", SEQUENCE: ""}
    parts: dict[str, PayloadPart] = {}
    for key, value in fields(as_data(wire.body)):
        if key == INPUT:
            name, data = map_entry(value)
            parts[name] = PayloadPart(name, data)
        elif key in named:
            named[key] = text(value)
    if not named[MODEL]:
        raise invalid(NO_NAME)
    asked = named[VERSION]
    target = Target(named[MODEL], version_name=asked or None)
    return GrpcDraft(target, asked, list(parts.values()), limits, {}), named[SEQUENCE]


def bind_prediction(draft: GrpcDraft, signature: Signature) -> CoreRequest:
    """The input in its parts where the model reads bodies, else the tensors in it.

    Errors: those of `read_parts`.
    """
    if Kind.PAYLOAD in signature.accepts:
        return PayloadRequest(signature.name, draft.parts, draft.headers)
    asking = Asking(draft.target, signature, draft.limits)
    parts = [part for part in draft.parts if part.name not in (SEQUENCE_START, SEQUENCE_END)]
    if not parts:
        raise invalid(f"the request has no input; the model takes {asking.inputs}")
    draft.reading, request = read_parts(parts, asking)
    draft.streams = signature.streams
    draft.writes_text = signature.text is not None
    return request


def encode_prediction(draft: GrpcDraft, response: PayloadResponse | TensorResponse) -> WireResponse:
    """The model's own body, or the outputs in JSON."""
    return WireResponse(0, prediction(body_of(draft, response)))


def body_of(draft: GrpcDraft, response: PayloadResponse | TensorResponse) -> bytes:
    """What the model answers."""
    if isinstance(response, PayloadResponse):
        return response.body
    return bytes(write_tensors(draft.target.model, draft.reading or Reading(), response).body)


def prediction(body: bytes) -> bytes:
    """A PredictionResponse."""
    return field(PREDICTION, body)


class PartsEncoder:
    """Writes a message for each part of an answer, and ends the call where the model fails midway."""

    def __init__(self, manner: Manner, draft: GrpcDraft) -> None:
        self._manner = manner
        self._draft = draft

    def head(self, _: Chunk | None) -> WireResponse:
        """Nothing goes before the first part."""
        return WireResponse(0)

    def chunk(self, item: Chunk) -> bytes:
        """One part."""
        if self._draft.writes_text:
            return prediction(written_text(item.outputs))
        return prediction(body_of(self._draft, item.payload or TensorResponse(item.outputs, item.version)))

    def end(self) -> bytes | None:
        """Nothing follows."""
        return None

    def fail(self, error: DragomanError) -> bytes | WireResponse:
        """The status that ends the call."""
        return fail(self._manner, self._draft, error)


def stream_prediction(manner: Manner, draft: GrpcDraft) -> PartsEncoder | None:
    """An encoder for code that may answer in parts whenever it likes, and for models that do."""
    return PartsEncoder(manner, draft) if draft.reading is None or draft.streams else None


def answer_ping(_: WireRequest, report: StatusReport) -> WireResponse:
    """The health as /ping tells it, in a message."""
    told = dump_indented(health(report)).rstrip().decode()
    return WireResponse(0, messages().TorchServeHealthResponse(health=told).SerializeToString())
