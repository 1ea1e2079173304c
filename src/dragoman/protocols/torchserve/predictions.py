"""Predictions and explanations: the body to the model, and what the model says to the caller.

A model that reads bodies itself gets the body's parts and the request's headers, and chooses status, headers,
type and bytes of its answer. One that takes tensors gets those that `bodies.py` reads, and is answered for in
JSON.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.requests import CoreRequest, Kind, PayloadPart, PayloadRequest, Target
from dragoman.core.responses import Chunk, ExplainResponse, PayloadResponse, TensorResponse
from dragoman.core.signatures import Signature
from dragoman.protocols.torchserve.answers import Manner, finished
from dragoman.protocols.torchserve.bodies import read_body
from dragoman.protocols.torchserve.errors import AskedDraft, fail
from dragoman.protocols.torchserve.payloads import write_payload, write_stream_head
from dragoman.protocols.torchserve.reading import Asking, Reading
from dragoman.protocols.torchserve.texts import written_text
from dragoman.protocols.torchserve.written import write_explained, write_tensors
from dragoman.settings.limits import Limits
from dragoman.wire.explanation import explain_request
from dragoman.wire.forms import Form, caller_headers, last_of_each, read_fields, read_form
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.percent import percent_decoded

NAME_FIELD: Final = "model_name"
TEXT: Final = "text/plain; charset=utf-8"


class Route(Struct, frozen=True):
    """What a path says beside the model's name.

    `explain` None = nothing of predicting or explaining; `has_rest` = what follows the version is the
    model's; `takes_query` = the query's fields are parts, too; `key` = under which tensors are answered.
    """

    explain: bool | None = None
    has_rest: bool = False
    takes_query: bool = False
    key: str = ""


class PredictionDraft(AskedDraft):
    """A request whose body waits for the model: its parts, and what the path adds to its headers.

    `reading` is there once tensors were read.
    """

    wire: WireRequest
    form: Form
    query: list[PayloadPart]
    added: Mapping[str, str]
    limits: Limits
    reading: Reading | None = None


def parse_prediction(route: Route, wire: WireRequest, limits: Limits) -> PredictionDraft:
    """The body in parts, with the model and version it is for. What the parts say waits for the model.

    Errors: INVALID_ARGUMENT for a form beyond the limits.
    """
    params = wire.params
    asked = percent_decoded(params.get("version", ""))
    form = read_form(wire)
    query = read_fields(wire.query.encode("latin-1")) if route.takes_query else []
    model = percent_decoded(params["model"]) if "model" in params else named_model(query, form)
    added = {}
    if route.has_rest:
        added["url_path"] = percent_decoded(params.get("rest", "")).strip("/")
    if route.explain is not None:
        added["explain"] = str(route.explain)
    target = Target(model, version_name=asked or None)
    return PredictionDraft(target, asked, wire, form, query, added, limits)


def named_model(query: list[PayloadPart], form: Form) -> str:
    """The model that a field names; empty = none does."""
    fields = query if form.kind is None else [*form.parts, *query]
    named = {field.name: bytes(field.data).decode("utf-8", "replace") for field in fields}
    return named.get(NAME_FIELD, "")


def bind_prediction(
    manner: Manner, route: Route, draft: PredictionDraft, signature: Signature
) -> CoreRequest:
    """The body in its parts where the model reads bodies, else the tensors in it.

    Where the path explains, they are to be explained, as the body's `parameters` want it.
    Errors: those of `read_body`; INVALID_ARGUMENT for a parameter that is wrong; NOT_FOUND for a path below
    the version of a model that does not read paths.
    """
    if Kind.PAYLOAD in signature.accepts:
        return payload_request(manner, draft, signature)
    if draft.added.get("url_path"):
        message = f"model {draft.target.model} has nothing below its version"
        raise DragomanError(Code.NOT_FOUND, message, reason=Reason.ROUTE_UNKNOWN)
    form = draft.form
    parts = form.parts if manner.keeps_repeated else last_of_each(form.parts)
    asking = Asking(draft.target, signature, draft.limits)
    draft.reading, request = read_body(draft.wire, Form(parts, form.kind), asking)
    draft.reading.key = route.key
    if not route.explain:
        return request
    explained, draft.reading.shap = explain_request(request, draft.reading.parameters or {}, signature)
    return explained


def payload_request(manner: Manner, draft: PredictionDraft, signature: Signature) -> PayloadRequest:
    """The parts and headers as a model's own code sees them."""
    parts = [*draft.query, *draft.form.parts]
    if not manner.keeps_repeated and len(parts) > 1:
        parts = last_of_each(parts)
    headers = caller_headers(draft.wire.headers)
    headers.update(draft.added)
    return PayloadRequest(signature.name, parts, headers)


def encode_prediction(
    manner: Manner, draft: PredictionDraft, response: PayloadResponse | TensorResponse | ExplainResponse
) -> WireResponse:
    """The model's own answer, or the outputs in the form that the request's calls for.

    Errors: INTERNAL for an answer of the model's that HTTP cannot carry.
    """
    if isinstance(response, PayloadResponse):
        return finished(manner, write_payload(manner, response))
    reading = draft.reading or Reading()
    if isinstance(response, ExplainResponse):
        return finished(manner, write_explained(draft.target.model, reading, response))
    return finished(manner, write_tensors(draft.target.model, reading, response))


class PartsEncoder:
    """Writes an answer that a model's code gives in parts, each as it is. What fails midway breaks it off."""

    def __init__(self, manner: Manner, draft: PredictionDraft) -> None:
        self._manner = manner
        self._draft = draft

    def head(self, first: Chunk | None) -> WireResponse:
        """The status, type and headers that were set before the first part."""
        payload = first.payload if first is not None else None
        return finished(self._manner, write_stream_head(self._manner, payload or PayloadResponse(b"")))

    def chunk(self, item: Chunk) -> bytes:
        """One part."""
        return item.payload.body if item.payload is not None else b""

    def end(self) -> bytes | None:
        """Nothing."""
        return None

    def fail(self, error: DragomanError) -> bytes | WireResponse:
        """The status is sent, and what is sent is the model's: there is no room for words."""
        return fail(self._manner, self._draft, error)


class TextEncoder(PartsEncoder):
    """Writes a text as it comes, and nothing else, as handlers of such models do."""

    def head(self, _: Chunk | None) -> WireResponse:
        """The head of an answer in parts."""
        return finished(self._manner, write_stream_head(self._manner, PayloadResponse(b"", media_type=TEXT)))

    def chunk(self, item: Chunk) -> bytes:
        """What has come."""
        return written_text(item.outputs)


def stream_prediction(manner: Manner, draft: PredictionDraft) -> PartsEncoder | None:
    """An encoder where the model reads bodies: its code may answer in parts whenever it likes.

    And one for a text that is wanted as it comes.
    """
    if draft.reading is None:
        return PartsEncoder(manner, draft)
    return TextEncoder(manner, draft) if draft.reading.streams else None
