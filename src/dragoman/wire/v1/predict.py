"""Predict and explain: `{"instances": [...]}` or `{"inputs": ...}` in, `{"predictions": ...}` out.

KServe hands any JSON object to the model's own code and so prescribes little. Here `instances`, or a list of
`inputs`, has one entry per row, each a value or an object of values by the inputs' names; an object of
`inputs` has whole columns. The content type is not looked at: curl's own is that of a form.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import field

from dragoman.core.errors import invalid
from dragoman.core.requests import CoreRequest
from dragoman.core.responses import ExplainResponse, TensorResponse, TreeResponse
from dragoman.core.signatures import Signature
from dragoman.core.tensors import Tensor
from dragoman.settings.limits import Limits
from dragoman.wire.cloud_event import event_mode
from dragoman.wire.document import read_body, signature_name
from dragoman.wire.explanation import (
    Form,
    explain_request,
    explanation_headers,
    is_named,
    write_explanations,
)
from dragoman.wire.json_block import NumericBlock, read_block
from dragoman.wire.json_files import FileBlock, read_files
from dragoman.wire.json_tree import JsonObject, JsonValue, type_word
from dragoman.wire.messages import Headers, WireRequest, WireResponse
from dragoman.wire.operation import Draft
from dragoman.wire.rows import Tensors, read_columns, read_rows, tensor_of
from dragoman.wire.serialized import predict_request
from dragoman.wire.surroundings import Surroundings
from dragoman.wire.target import read_target
from dragoman.wire.tensor_json import write_columns, write_rows
from dragoman.wire.untyped import Rows, read_untyped, takes_rows, tree_request, write_untyped
from dragoman.wire.v1.events import Event, read_event, write_event
from dragoman.wire.v1.payload import read_payload

INSTANCES: Final = "instances"
INPUTS: Final = "inputs"


class PredictDraft(Draft):
    """A body, as a tree or as one block of numbers or files; `event` is the one that it came in.

    `rows` are there where the model reads them itself, with the request's headers. `named`: rows or columns
    are by the inputs' names; `shap`: explanations are wanted in that form.
    """

    document: JsonObject
    block: NumericBlock | FileBlock | None = None
    by_row: bool = True
    event: Event | None = None
    headers: Headers = field(default_factory=list)
    rows: Rows | None = None
    named: bool = False
    shap: bool = False


def parse_predict(superset: bool, wire: WireRequest, limits: Limits) -> PredictDraft:
    """The body as a tree, with the model, version and label it is for. Keys and values wait for the model.

    Errors: INVALID_ARGUMENT for what is no JSON object, and for a bad event.
    """
    body = bytes(read_body(wire, limits))  # a view of it would be copied by each that reads it
    mode = event_mode(wire.headers)
    if mode is None:
        block = read_block(body, limits.json_depth) or read_files(body, limits.json_depth)
        if block is not None:
            return PredictDraft(read_target(wire, None, superset), {}, block, headers=wire.headers)
        event, payload = None, read_payload(body, limits.json_depth, "Unrecognized request format")
    else:
        event, payload = read_event(mode, wire.headers, body, limits.json_depth)
    if type(payload) is not dict:
        raise invalid(f"Unrecognized request format: an object is expected, not {type_word(payload)}")
    target = read_target(wire, signature_name(payload), superset)
    return PredictDraft(target, payload, event=event, headers=wire.headers)


def bind_predict(explain: bool, draft: PredictDraft, signature: Signature) -> CoreRequest:
    """Tensors for a body, of the signature's types; Examples where that is what the signature takes.

    The rows themselves, and what is wanted of them, where the model says nothing of its tensors.
    Shapes: rows give (rows, *value); columns give each value as written.
    With `explain` they are to be explained, as the body's `parameters` want it.
    Errors: INVALID_ARGUMENT for both or neither of the two keys, one that holds something else, and all of
    `wire/rows.py`; for a parameter that is wrong.
    """
    block = draft.block
    if takes_rows(signature):
        draft.rows = read_untyped(draft.document if block is None else block.document())
        return tree_request(draft.rows, signature, draft.headers, explain=explain)
    tensors = None if block is None else tensor_of(block, signature, images=True)
    if tensors is None:
        document = draft.document if block is None else block.document()
        draft.by_row, tensors = read_document(document, signature)
        draft.named = is_named(document.get(INSTANCES, document.get(INPUTS)))
    request = predict_request(signature, tensors)
    if not explain:
        return request
    explained, draft.shap = explain_request(request, draft.document, signature)
    return explained


def read_document(document: JsonObject, signature: Signature) -> tuple[bool, Tensors]:
    """Whether a document has the form of rows, and its tensors."""
    keys = document.keys() & {INSTANCES, INPUTS}
    if len(keys) != 1:
        either = "only one of the two, not both" if keys else "one of the two"
        raise invalid(f'Expected "instances" or "inputs" in the request: {either}')
    (key,) = keys
    value: JsonValue = document[key]
    if type(value) is list:
        return True, read_rows(value, signature, images=True)
    if key == INPUTS and type(value) is dict:
        return False, read_columns(value, signature, images=True)
    raise invalid(f'Expected "{key}" to be a list')


def encode_predictions(
    key: str,
    surroundings: Surroundings,
    draft: PredictDraft,
    response: TensorResponse | TreeResponse | ExplainResponse,
) -> WireResponse:
    """The answer under its key, as an event where the request was one.

    Errors: INVALID_ARGUMENT for several outputs that have no common rows, in row form.
    """
    headers: Headers = []
    if isinstance(response, ExplainResponse):
        body, headers = explanations(draft, response), explanation_headers(response)
    elif isinstance(response, TreeResponse):
        body = b'{"%b":%b}' % (key.encode(), write_untyped(draft.rows, response))
    else:
        body = b'{"%b":%b}' % (key.encode(), predictions(draft, response.outputs))
    if draft.event is None:
        return WireResponse(200, body, headers=headers)
    written = write_event(draft.event, draft.target.model, body, surroundings)
    written.headers = [*written.headers, *headers]
    return written


def predictions(draft: PredictDraft, outputs: Mapping[str, Tensor]) -> bytes:
    """The outputs in the form of the request."""
    return write_rows(outputs) if draft.by_row and len(outputs) > 1 else write_columns(outputs)


def explanations(draft: PredictDraft, response: ExplainResponse) -> bytes:
    """The body of an answer that explains, with the predictions first where they are wanted."""
    text = write_explanations(Form(draft.by_row, draft.named, draft.shap), response)
    if response.predictions is None:
        return b'{"explanations":%b}' % text
    return b'{"predictions":%b,"explanations":%b}' % (predictions(draft, response.predictions), text)
