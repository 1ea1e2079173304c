"""What a body means to a model that takes tensors, of which TorchServe itself has none.

The rules are told in docs/protocols/torchserve.md. A JSON value is what the model is asked with: rows under
`instances`, columns by the inputs' names, tensors of the Open Inference Protocol, or the value of the only
input, bare or under `data` or `body`, where TorchServe's handlers look. One row may come without a list
around it, and is then answered for without one. What is no JSON is an image or a text.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from msgspec.structs import replace

from dragoman.core.errors import DragomanError, invalid
from dragoman.core.requests import CoreRequest, PayloadPart
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.tensors import Array, DType, Tensor
from dragoman.protocols.torchserve.json_bodies import read_json, read_value
from dragoman.protocols.torchserve.reading import Asking, Read, Reading, listed
from dragoman.protocols.torchserve.values import is_one_row
from dragoman.wire.document import read_body as inflated_body
from dragoman.wire.forms import BODY, URLENCODED, Form
from dragoman.wire.json_block import read_block
from dragoman.wire.json_tree import JsonObject, JsonValue, load
from dragoman.wire.messages import WireRequest
from dragoman.wire.rows import Tensors, check_typed, read_columns, tensor_of
from dragoman.wire.serialized import predict_request

BEGINS_JSON: Final = frozenset({b"{", b"[", b'"'})
LOOKED_AT: Final = 64  # bytes at a body's beginning, of which the first that is no blank tells
Data = bytes | bytearray | memoryview


def read_body(wire: WireRequest, form: Form, asking: Asking) -> Read:
    """The request that a body is to a model of this signature.

    Errors: INVALID_ARGUMENT for what is neither JSON nor what an input takes, and all of `wire/rows.py`;
    TOO_LARGE for what inflates beyond the limit.
    """
    if form.kind is None:
        body = inflated_body(wire, asking.limits)
        return read_part(PayloadPart(BODY, body, form.parts[0].media_type), asking)
    if form.kind == URLENCODED and is_no_form(wire.body):
        return read_part(PayloadPart(BODY, wire.body), asking)
    return read_parts(form.parts, asking)


def read_parts(parts: Sequence[PayloadPart], asking: Asking) -> Read:
    """The request that a form is: an input in each part, or the only input's rows under one name.

    Errors: as `read_body`.
    """
    names = {part.name for part in parts}
    inputs = asking.signature.inputs
    if not names:
        raise invalid("the form has no parts")
    if names <= inputs.keys():
        return read_named_parts(parts, asking)
    if len(names) > 1:
        check_typed(asking.signature)
        raise invalid(f"the form has the parts {listed(names)}, and the model the inputs {asking.inputs}")
    if len(parts) == 1:
        return read_part(parts[0], asking)
    spec = asking.only_input
    if takes_bytes(spec):
        return Reading(), bytes_request([part.data for part in parts], spec, asking.signature)
    rows = [load(part.data, asking.limits.json_depth) for part in parts]
    return read_value(rows, asking)


def read_named_parts(parts: Iterable[PayloadPart], asking: Asking) -> Read:
    """The request whose inputs are the parts of a form; those of one name are its rows."""
    signature, depth = asking.signature, asking.limits.json_depth
    rows: dict[str, list[PayloadPart]] = {}
    for part in parts:
        rows.setdefault(part.name, []).append(part)
    tensors: Tensors = {}
    values: JsonObject = {}
    for name, given in rows.items():
        spec = signature.inputs[name]
        if all(is_opaque(part, spec) for part in given):
            tensors[name] = bytes_tensor([part.data for part in given], spec)
        else:
            loaded = [load(part.data, depth) for part in given]
            values[name] = loaded if len(loaded) > 1 else loaded[0]
    missing = [n for n, spec in signature.inputs.items() if n not in rows and spec.default is None]
    if missing:
        raise invalid(f"the form has no part for the inputs {listed(missing)}")
    single = all(len(given) == 1 for given in rows.values())
    one_row = single and all(is_one_row(value, signature.inputs[name]) for name, value in values.items())
    if values:
        named: JsonObject = {name: [value] if one_row else value for name, value in values.items()}
        specs = {name: signature.inputs[name] for name in named}
        tensors |= read_columns(named, replace(signature, inputs=specs), images=True)
    return Reading(one_row=one_row), predict_request(signature, tensors)


def read_part(part: PayloadPart, asking: Asking) -> Read:
    """The request that one part is.

    Errors: as `read_body`.
    """
    signature, depth = asking.signature, asking.limits.json_depth
    spec = signature.only_input
    if spec is not None and is_opaque(part, spec):
        if spec.image is not None and is_text(part):
            text = bytes(part.data).decode("utf-8", "replace")
            return read_value(text, asking)
        return Reading(one_row=True), bytes_request([part.data], spec, signature)
    block = read_block(part.data, depth)
    if block is not None and block.key not in signature.inputs:
        tensors = tensor_of(block, signature)
        if tensors is not None:
            return Reading(), predict_request(signature, tensors)
        return read_json(block.document(), asking)
    return read_json(load_json(part, asking), asking)


def load_json(part: PayloadPart, asking: Asking) -> JsonValue:
    """The JSON value of a part.

    Errors: INVALID_ARGUMENT that tells what the model takes.
    """
    if not part.data:
        raise invalid(f"the body is empty; the model takes {asking.inputs}")
    try:
        return load(part.data, asking.limits.json_depth)
    except DragomanError as error:
        raise invalid(
            f"the body is no JSON, which the model takes {asking.inputs} in: {error.message}"
        ) from None


def is_opaque(part: PayloadPart, spec: TensorSpec) -> bool:
    """Whether a part is an element of the input as it is, and no JSON."""
    kind = (part.media_type or "").lower()
    if not takes_bytes(spec) or kind.endswith("json"):
        return False
    return kind.startswith(("image/", "text/")) or not begins_json(part.data)


def is_text(part: PayloadPart) -> bool:
    """Whether a part says that it is a text."""
    return (part.media_type or "").lower().startswith("text/")


def takes_bytes(spec: TensorSpec) -> bool:
    """Whether an element of the input may be any bytes."""
    return spec.image is not None or spec.dtype is DType.BYTES


def begins_json(data: Data) -> bool:
    """Whether this looks like a JSON object, list or text. Images do not."""
    return bytes(data[:LOOKED_AT]).lstrip()[:1] in BEGINS_JSON


def is_no_form(data: Data) -> bool:
    """Whether a body only says that it is a form, which curl says of whatever it is told to send."""
    return begins_json(data) or b"=" not in bytes(data)


def bytes_request(rows: Sequence[Data], spec: TensorSpec, signature: Signature) -> CoreRequest:
    """The request of these elements of the only input."""
    return predict_request(signature, {spec.name: bytes_tensor(rows, spec)})


def bytes_tensor(rows: Sequence[Data], spec: TensorSpec) -> Tensor:
    """Elements as a tensor of byte strings, of the input's rank where that is BYTES itself."""
    rank = len(spec.shape) if spec.dtype is DType.BYTES and spec.shape is not None else 1
    array: Array = np.empty(len(rows), np.object_)
    array[:] = [bytes(row) for row in rows]
    if rank == 0 and len(rows) == 1:
        return Tensor(DType.BYTES, array.reshape(()))
    return Tensor(DType.BYTES, array.reshape(len(rows), *(1,) * (rank - 1)))
