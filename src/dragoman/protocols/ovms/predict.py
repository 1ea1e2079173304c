"""Predict in the row and the column form of TensorFlow Serving, with the reference's own rules.

A signature that is named is not looked at, version 0 is none, and where an input is an image its encoded
bytes do as well. Numbers follow TensorFlow Serving's rules, which take more than the reference does.
"""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Final

from msgspec import field

from dragoman.core.errors import DragomanError, invalid
from dragoman.core.requests import CoreRequest
from dragoman.core.responses import TensorResponse, TreeResponse
from dragoman.core.signatures import Signature
from dragoman.protocols.ovms.names import check_names
from dragoman.protocols.ovms.strings import read_strings
from dragoman.protocols.ovms.target import read_target
from dragoman.protocols.ovms.whole_numbers import read_whole
from dragoman.settings.limits import Limits
from dragoman.wire.document import read_body
from dragoman.wire.elements import is_b64_object
from dragoman.wire.json_block import NumericBlock, read_block
from dragoman.wire.json_exact import JsonValue
from dragoman.wire.json_files import FileBlock, read_files
from dragoman.wire.json_tree import JsonObject, load
from dragoman.wire.messages import Headers, WireRequest, WireResponse
from dragoman.wire.operation import Draft
from dragoman.wire.rows import Tensors, check_typed, read_columns, read_rows, tensor_of
from dragoman.wire.serialized import predict_request
from dragoman.wire.tensor_json import write_columns, write_rows
from dragoman.wire.untyped import Rows, encode_rows, read_untyped, takes_rows, tree_request

INSTANCES: Final = "instances"
INPUTS: Final = "inputs"
NO_JSON: Final = "The file is not valid json - Error: "
NO_OBJECT: Final = "Request body should be JSON object"
NO_FORM: Final = "Invalid JSON structure. Could not detect row or column format"
NO_LIST: Final = "Invalid JSON structure. Nonamed instance is not an array."
NO_INSTANCES: Final = "Invalid JSON structure. Missing instances in row format"
NO_OBJECTS: Final = "Invalid JSON structure. One of named instances is not a JSON object."
NO_INPUTS: Final = "Invalid JSON structure, missing inputs"
UNEVEN: Final = "Invalid JSON structure. Request inputs have different batch sizes"
NO_INSTANCE: Final = "Could not parse instance content. Not valid ndarray detected"
NO_INPUT: Final = "Could not parse input content. Not valid ndarray detected"
UNNAMED: Final = "Inputs inside buffer does not match expected format."


class PredictDraft(Draft):
    """A predict body, as a tree or as one block of numbers or files.

    `rows` are there where the model reads them itself, with the request's headers.
    """

    document: JsonObject
    block: NumericBlock | FileBlock | None = None
    by_row: bool = True
    headers: Headers = field(default_factory=list)
    rows: Rows | None = None


def parse_predict(wire: WireRequest, limits: Limits) -> PredictDraft:
    """The body as a tree, with the model, version and label it is for.

    Errors: INVALID_ARGUMENT for what is no JSON object, and for none or both of the two forms.
    """
    target = read_target(wire)
    body = bytes(read_body(wire, limits))  # a view of it would be copied by each that reads it
    block = read_block(body, limits.json_depth) or read_files(body, limits.json_depth)
    if block is not None:
        return PredictDraft(target, {}, block, block.key == INSTANCES, wire.headers)
    try:
        document = load(body, limits.json_depth)
    except DragomanError as error:
        raise invalid(f"{NO_JSON}{error.message}") from error
    if type(document) is not dict:
        raise invalid(NO_OBJECT)
    by_row = INSTANCES in document
    if by_row == (INPUTS in document):
        raise invalid(NO_FORM)
    return PredictDraft(target, document, None, by_row, wire.headers)


def bind_predict(draft: PredictDraft, signature: Signature) -> CoreRequest:
    """Tensors of the signature's types; the rows themselves where the model says nothing of its tensors.

    Shapes: row form gives (rows, *value); column form gives each value as written.
    Errors: INVALID_ARGUMENT as in `wire/rows.py`, but for some in the reference's words.
    """
    document = draft.document
    if takes_rows(signature):
        draft.rows = read_untyped(document if draft.block is None else draft.block.document())
        return tree_request(draft.rows, signature, draft.headers)
    if draft.block is not None:
        tensors = tensor_of(draft.block, signature, images=True)
        if tensors is not None:
            return predict_request(signature, tensors)
        document = draft.block.document()
    return predict_request(signature, read_tensors(document, draft.by_row, signature))


def read_tensors(document: JsonObject, by_row: bool, signature: Signature) -> Tensors:
    """The tensors of a document.

    Errors: INVALID_ARGUMENT.
    """
    check_typed(signature)
    value = document[INSTANCES if by_row else INPUTS]
    unnamed = type(value) is list and (not by_row or (value and type(value[0]) is not dict))
    if unnamed and len(signature.inputs) != 1:
        raise invalid(UNNAMED)
    if not by_row:
        return read_inputs(value, signature)
    if type(value) is not list:
        raise invalid(NO_LIST)
    if not value:
        raise invalid(NO_INSTANCES)
    read = partial(read_rows, value, images=True)
    try:
        return read(signature)
    except DragomanError as error:
        check_rows(value, signature)
        if (tensors := read_otherwise(read, signature)) is not None:
            return tensors
        raise invalid(f"{NO_INSTANCE} - {error.message}", error.reason) from error


def read_inputs(value: JsonValue, signature: Signature) -> Tensors:
    """The tensors in column form.

    Errors: INVALID_ARGUMENT.
    """
    if type(value) is dict and not is_b64_object(value):
        if not value:
            raise invalid(NO_INPUTS)
        check_names(value, signature)
    read = partial(read_columns, value, images=True)
    try:
        return read(signature)
    except DragomanError as error:
        if (tensors := read_otherwise(read, signature)) is not None:
            return tensors
        raise invalid(f"{NO_INPUT} - {error.message}", error.reason) from error


def read_otherwise(read: Callable[[Signature], Tensors], signature: Signature) -> Tensors | None:
    """The tensors of what is no value of the inputs' types and is taken all the same; None = nothing is."""
    tensors = read_whole(read, signature)
    return read_strings(read, signature) if tensors is None else tensors


def check_rows(rows: list[JsonValue], signature: Signature) -> None:
    """Nothing, unless rows of names and values have others than the inputs' names, or not all the same.

    Errors: INVALID_ARGUMENT.
    """
    if type(rows[0]) is not dict or is_b64_object(rows[0]):
        return
    counts: Counter[str] = Counter()
    for row in rows:
        if type(row) is not dict:
            raise invalid(NO_OBJECTS)
        counts.update(row.keys())
    if len(set(counts.values())) > 1:
        raise invalid(UNEVEN)
    check_names(counts, signature)


def encode_predict(draft: PredictDraft, response: TensorResponse | TreeResponse) -> WireResponse:
    """The answer in the request's form.

    Errors: INVALID_ARGUMENT for outputs that have no common rows, in row form.
    """
    if isinstance(response, TreeResponse):
        return encode_rows(draft.rows, response)
    if draft.by_row:
        return WireResponse(200, b'{"predictions":%b}' % write_rows(response.outputs))
    return WireResponse(200, b'{"outputs":%b}' % write_columns(response.outputs))
