"""Predict over REST: `{"instances": [...]}` by row, `{"inputs": ...}` by column."""

from dragoman.core.errors import invalid
from dragoman.core.requests import CoreRequest
from dragoman.core.responses import TensorResponse
from dragoman.core.signatures import Signature
from dragoman.protocols.tfs.errors import malformed
from dragoman.settings.limits import Limits
from dragoman.wire.document import parse_document, read_body, signature_name
from dragoman.wire.json_block import NumericBlock, read_block
from dragoman.wire.json_tree import JsonObject, excerpt
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import Draft
from dragoman.wire.rows import read_columns, read_numbers, read_rows
from dragoman.wire.serialized import predict_request
from dragoman.wire.target import read_target
from dragoman.wire.tensor_json import write_columns, write_rows


class PredictDraft(Draft):
    """A predict body, as a tree or as one block of numbers; `by_row` is known once its form is."""

    document: JsonObject
    block: NumericBlock | None = None
    by_row: bool = True


def parse_predict(superset: bool, wire: WireRequest, limits: Limits) -> PredictDraft:
    """The body as a tree, with the model, version, label and signature it is for.

    Errors: INVALID_ARGUMENT for a path, a body or a signature name that is none. Keys and values wait for
    `bind_predict`: the reference looks the model up first.
    """
    # The route matches in any case, the reference's method word does not.
    if not wire.path.endswith(":predict"):
        raise malformed(wire)
    body = read_body(wire, limits)
    block = read_block(body, limits.json_depth)
    if block is not None:
        return PredictDraft(read_target(wire, None, superset), {}, block)
    document = parse_document(body, limits)
    return PredictDraft(read_target(wire, signature_name(document), superset), document)


def bind_predict(superset: bool, draft: PredictDraft, signature: Signature) -> CoreRequest:
    """Tensors for a predict body, of the signature's types; Examples where that is what the signature takes.

    The superset takes encoded images where an input can be made of them.
    Shapes: row form gives (rows, *value); column form gives each value as written.
    Errors: INVALID_ARGUMENT for both or neither of the two keys, and all of `wire/rows.py`.
    """
    document = draft.document
    if draft.block is not None:
        tensors = read_numbers(draft.block, signature)
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


def encode_predict(draft: PredictDraft, response: TensorResponse) -> WireResponse:
    """The answer in the request's form.

    Errors: INVALID_ARGUMENT for outputs that have no common rows, in row form.
    """
    if draft.by_row:
        return WireResponse(200, b'{"predictions":%b}' % write_rows(response.outputs))
    return WireResponse(200, b'{"outputs":%b}' % write_columns(response.outputs))
