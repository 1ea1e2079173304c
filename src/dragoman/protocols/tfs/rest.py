"""Predict over REST: `{"instances": [...]}` by row, `{"inputs": ...}` by column."""

from msgspec import field

from dragoman.core.errors import invalid
from dragoman.core.requests import CoreRequest
from dragoman.core.responses import TensorResponse, TreeResponse
from dragoman.core.signatures import Signature
from dragoman.protocols.tfs.errors import malformed
from dragoman.settings.limits import Limits
from dragoman.wire.document import parse_document, read_body, signature_name
from dragoman.wire.json_block import NumericBlock, read_block
from dragoman.wire.json_files import FileBlock, read_files
from dragoman.wire.json_tree import JsonObject, excerpt
from dragoman.wire.messages import Headers, WireRequest, WireResponse
from dragoman.wire.operation import Draft
from dragoman.wire.rows import read_columns, read_rows, tensor_of
from dragoman.wire.serialized import predict_request
from dragoman.wire.target import read_target
from dragoman.wire.tensor_json import write_columns, write_rows
from dragoman.wire.untyped import Rows, encode_rows, read_untyped, takes_rows, tree_request


class PredictDraft(Draft):
    """A predict body, as a tree or as one block of numbers or files; `by_row` is known once its form is.

    `rows` are there where the model reads them itself, with the request's headers.
    """

    document: JsonObject
    block: NumericBlock | FileBlock | None = None
    by_row: bool = True
    headers: Headers = field(default_factory=list)
    rows: Rows | None = None


def parse_predict(superset: bool, wire: WireRequest, limits: Limits) -> PredictDraft:
    """The body as a tree, with the model, version, label and signature it is for.

    Errors: INVALID_ARGUMENT for a path, a body or a signature name that is none. Keys and values wait for
    `bind_predict`: the reference looks the model up first.
    """
    # The route matches in any case, the reference's method word does not.
    if not wire.path.endswith(":predict"):
        raise malformed(wire)
    body = bytes(read_body(wire, limits))  # a view of it would be copied by each that reads it
    block = read_block(body, limits.json_depth) or read_files(body, limits.json_depth)
    if block is not None:
        return PredictDraft(read_target(wire, None, superset), {}, block, headers=wire.headers)
    document = parse_document(body, limits)
    target = read_target(wire, signature_name(document), superset)
    return PredictDraft(target, document, headers=wire.headers)


def bind_predict(superset: bool, draft: PredictDraft, signature: Signature) -> CoreRequest:
    """Tensors for a predict body, of the signature's types; Examples where that is what the signature takes.

    The rows themselves where the model says nothing of its tensors. The superset takes encoded images where
    an input can be made of them.
    Shapes: row form gives (rows, *value); column form gives each value as written.
    Errors: INVALID_ARGUMENT for both or neither of the two keys, and all of `wire/rows.py`.
    """
    document = draft.document
    if takes_rows(signature):
        draft.rows = read_untyped(document if draft.block is None else draft.block.document())
        return tree_request(draft.rows, signature, draft.headers)
    if draft.block is not None:
        tensors = tensor_of(draft.block, signature, images=superset)
        if tensors is not None:
            draft.by_row = draft.block.key == "instances"
            return predict_request(signature, tensors)
        document = draft.block.document()
    if "instances" in document:
        if "inputs" in document:
            raise invalid(
                f"JSON Value: {excerpt(document)} Not formatted correctly expecting only one of "
                "'inputs' or 'instances' keys to exist "
            )
        tensors = read_rows(document["instances"], signature, images=superset)
    elif "inputs" in document:
        draft.by_row = False
        tensors = read_columns(document["inputs"], signature, images=superset)
    else:
        raise invalid("Missing 'inputs' or 'instances' key")
    return predict_request(signature, tensors)


def encode_predict(draft: PredictDraft, response: TensorResponse | TreeResponse) -> WireResponse:
    """The answer in the request's form.

    Errors: INVALID_ARGUMENT for outputs that have no common rows, in row form.
    """
    if isinstance(response, TreeResponse):
        return encode_rows(draft.rows, response)
    if draft.by_row:
        return WireResponse(200, b'{"predictions":%b}' % write_rows(response.outputs))
    return WireResponse(200, b'{"outputs":%b}' % write_columns(response.outputs))
