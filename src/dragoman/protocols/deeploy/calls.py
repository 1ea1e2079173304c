"""Predict and explain of a deployment: V1's rows, and on predict the tensors of V2, too.

V2 comes as a whole request, or as a single tensor without a list around it, as Deeploy's page shows it. Which
form a body has its keys tell: `instances` are V1's, `datatype` and its like V2's. A list of `inputs` is V2's
where its first entry describes a tensor; in V1 that would be a row of inputs with just such names.
"""

from typing import Any, Final

from dragoman.core.errors import invalid
from dragoman.core.requests import CoreRequest
from dragoman.core.signatures import Signature
from dragoman.protocols.deeploy.flags import check_explain, check_predict
from dragoman.settings.limits import Limits
from dragoman.wire.json_tree import JsonObject, JsonValue
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.surroundings import Surroundings
from dragoman.wire.target import read_target
from dragoman.wire.v1.predict import INPUTS, INSTANCES, PredictDraft, bind_predict, encode_predictions
from dragoman.wire.v1.predict import parse_predict as parse_rows
from dragoman.wire.v2.binary import LENGTH_HEADER
from dragoman.wire.v2.headers import read_headers
from dragoman.wire.v2.infer import bind_infer, encode_infer, read_infer
from dragoman.wire.v2.request import InferDraft, read_document

CallDraft = PredictDraft | InferDraft
TENSOR: Final = ("name", "shape", "datatype", "data")
LENGTH: Final = LENGTH_HEADER.lower()
FORMS: Final = (
    'Expected "instances", or one tensor with "name", "shape", "datatype" and "data", in the request'
)
# What belongs to other paths of the same deployment.
ELSEWHERE: Final = {"prompt": "completions", "messages": "chat/completions", "input": "embeddings"}


def parse_predict(wire: WireRequest, limits: Limits) -> CallDraft:
    """The body in the form that it has, and the model it is for; a path without one means the only one.

    Errors: those of both forms; INVALID_ARGUMENT for a body of neither.
    """
    if wire.header(LENGTH) is not None:  # bytes follow the JSON
        check_predict(wire.query, {})
        return read_infer(read_target(wire, None, superset=True), wire, limits)
    draft = parse_rows(True, wire, limits)
    document = draft.document
    check_predict(wire.query, document)
    if draft.block is not None or draft.event is not None:
        return draft
    whole = as_request(document)
    if whole is None:
        return draft
    return read_document(draft.target, whole, accepted=read_headers(wire.headers)[2])


def parse_explain(wire: WireRequest, limits: Limits) -> PredictDraft:
    """The same of rows, which are what explanations are of.

    Errors: those of V1; INVALID_ARGUMENT for tensors.
    """
    draft = parse_rows(True, wire, limits)
    check_explain(wire.query, draft.document)
    if draft.block is None and draft.event is None and as_request(draft.document) is not None:
        raise invalid('explain takes rows, {"instances": [...]}, and no tensors of V2')
    return draft


def as_request(document: JsonObject) -> JsonObject | None:
    """The request of V2 that a document is, whole; None for one of V1.

    A tensor that stands alone is the request as well, so its parameters are that's, too.
    Errors: INVALID_ARGUMENT for what is neither, and for a single tensor without all of its keys.
    """
    if INSTANCES in document:
        return None
    if INPUTS in document:
        entries = document[INPUTS]
        return document if type(entries) is list and entries and describes_tensor(entries[0]) else None
    if not any(key in document for key in TENSOR):
        hints = [f'"{key}" goes to {path}; ' for key, path in ELSEWHERE.items() if key in document]
        raise invalid("".join([*hints[:1], FORMS]))
    missing = [f'"{key}"' for key in TENSOR if document.get(key) is None]
    if missing:
        raise invalid(f"the body is one tensor, and has no {' and no '.join(missing)}; {FORMS}")
    return {"id": document.get("id"), "parameters": document.get("parameters"), "inputs": [document]}


def describes_tensor(entry: JsonValue) -> bool:
    """Whether an entry has two or more of the keys of a tensor."""
    return type(entry) is dict and sum(key in entry for key in TENSOR) > 1


def bind_call(draft: CallDraft, signature: Signature) -> CoreRequest:
    """The request for the model.

    Errors: those of the form that the body has.
    """
    if isinstance(draft, InferDraft):
        return bind_infer(draft, signature)
    return bind_predict(False, draft, signature)


def encode_call(surroundings: Surroundings, draft: CallDraft, response: Any) -> WireResponse:
    """The answer in the form of the request.

    Errors: those of that form.
    """
    if isinstance(draft, InferDraft):
        return encode_infer(draft, response)
    return encode_predictions("predictions", surroundings, draft, response)
