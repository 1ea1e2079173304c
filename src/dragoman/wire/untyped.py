"""Rows of JSON for models that say nothing of their tensors: what `instances` and `inputs` mean to those.

`instances` are rows, and so is a list of `inputs`; `inputs` of any other form are one row, which is answered
for without a list around it.
"""

from typing import Final

from msgspec import Struct

from dragoman.core.errors import invalid
from dragoman.core.requests import Kind, TreeRequest
from dragoman.core.responses import TreeResponse
from dragoman.core.signatures import Signature
from dragoman.wire.forms import caller_headers
from dragoman.wire.json_tree import JsonObject, JsonValue, dump_loosely, excerpt
from dragoman.wire.messages import Headers, WireResponse

INSTANCES: Final = "instances"
INPUTS: Final = "inputs"
EXPLAIN: Final = "explain"  # the header by which TorchServe tells handlers what is wanted


class Rows(Struct):
    """A request's rows, and the key that they came under; `alone` = one without a list around it."""

    key: str
    rows: list[JsonValue]
    alone: bool = False


def takes_rows(signature: Signature) -> bool:
    """Whether JSON is the model's to read."""
    return signature.untyped and Kind.TREE in signature.accepts


def read_untyped(document: JsonObject) -> Rows:
    """The rows of a document.

    Errors: INVALID_ARGUMENT for both or neither of the two keys, and for instances that are no list.
    """
    keys = [key for key in (INSTANCES, INPUTS) if key in document]
    if len(keys) != 1:
        raise invalid(f"exactly one of 'instances' and 'inputs' is expected, not {len(keys)} of them")
    (key,) = keys
    value = document[key]
    if type(value) is list:
        return Rows(key, value)
    if key == INSTANCES:
        raise invalid(f"JSON Value: {excerpt(value)} Expecting 'instances' to be an list/array")
    return Rows(key, [value], alone=True)


def tree_request(rows: Rows, signature: Signature, headers: Headers, *, explain: bool = False) -> TreeRequest:
    """The request of these rows, with the caller's headers and what it wants of the model."""
    told = caller_headers(headers)
    told[EXPLAIN] = str(explain)
    return TreeRequest(signature.name, rows.rows, told)


def write_untyped(rows: Rows | None, response: TreeResponse) -> bytes:
    """The answer's rows as JSON."""
    given = response.rows
    alone = rows is not None and rows.alone and len(given) == 1
    return dump_loosely(given[0] if alone else given)


def encode_rows(rows: Rows | None, response: TreeResponse) -> WireResponse:
    """TensorFlow Serving's answer: `predictions` for instances, `outputs` for inputs."""
    key = b"outputs" if rows is not None and rows.key == INPUTS else b"predictions"
    return WireResponse(200, b'{"%b":%b}' % (key, write_untyped(rows, response)))
