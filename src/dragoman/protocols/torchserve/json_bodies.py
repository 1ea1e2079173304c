"""JSON bodies for models that take tensors, by the first rule that fits."""

from typing import Final

from dragoman.core.errors import invalid
from dragoman.protocols.torchserve.reading import Asking, Read, Reading, listed
from dragoman.protocols.torchserve.texts import is_prompt, read_prompt
from dragoman.protocols.torchserve.values import as_image, is_one_row
from dragoman.wire.elements import is_b64_object
from dragoman.wire.explanation import is_named
from dragoman.wire.forms import BODY
from dragoman.wire.json_tree import JsonObject, JsonValue
from dragoman.wire.rows import check_typed, read_columns, read_rows
from dragoman.wire.serialized import predict_request
from dragoman.wire.v2.binding import bind_tensors
from dragoman.wire.v2.request import read_document

WRAPPERS: Final = frozenset({"data", BODY})  # where handlers look for a request
INSTANCES: Final = "instances"
INPUTS: Final = "inputs"
V2_TENSOR: Final = frozenset({"name", "shape", "datatype"})


def read_json(value: JsonValue, asking: Asking) -> Read:
    """The request that a JSON value is, by the first rule that fits.

    Errors: as `read_body`.
    """
    signature = asking.signature
    while type(value) is dict and not is_b64_object(value):
        if value and value.keys() <= signature.inputs.keys():
            return read_named(value, asking)
        if signature.text is not None and is_prompt(value):
            return read_prompt(value, asking)
        if INSTANCES in value:
            rows = read_rows(value[INSTANCES], signature, images=True)
            named = is_named(value[INSTANCES])
            return Reading(by_row=True, named=named, parameters=value), predict_request(signature, rows)
        if INPUTS in value:
            return read_inputs(value, asking)
        if len(value) != 1 or not value.keys() <= WRAPPERS:
            check_typed(signature)
            raise invalid(
                f"the request has the keys {listed(value)}, and the model the inputs {asking.inputs}; "
                "or give instances, inputs, or data"
            )
        (value,) = value.values()
    if is_rows(value):
        rows = read_rows(value, signature, images=True)
        return Reading(by_row=True, named=True), predict_request(signature, rows)
    return read_value(value, asking)


def read_inputs(value: JsonObject, asking: Asking) -> Read:
    """The request of an object with `inputs`: V2's tensors, rows of several inputs, or columns."""
    signature, inputs = asking.signature, value[INPUTS]
    if is_v2(inputs):
        draft = read_document(asking.target, value)
        if any(output.classes for output in draft.outputs):
            raise invalid("classification is for /v2/models/.../infer")
        wanted = [output.name for output in draft.outputs]
        return Reading(v2=draft, parameters=value), bind_tensors(
            asking.target.model, draft.inputs, wanted, signature
        )
    by_row = is_rows(inputs)
    read = read_rows if by_row else read_columns
    reading = Reading(by_row=by_row, named=is_named(inputs), parameters=value)
    return reading, predict_request(signature, read(inputs, signature, images=True))


def read_named(value: JsonObject, asking: Asking) -> Read:
    """The request of an object by the inputs' names."""
    inputs = asking.signature.inputs
    images = {name: as_image(each, inputs[name]) for name, each in value.items()}
    one_row = all(is_one_row(each, inputs[name]) for name, each in images.items())
    named: JsonObject = {name: [each] if one_row else each for name, each in images.items()}
    tensors = read_columns(named, asking.signature, images=True)
    return Reading(one_row=one_row, named=True), predict_request(asking.signature, tensors)


def read_value(value: JsonValue, asking: Asking) -> Read:
    """The request of the only input's value."""
    spec = asking.only_input
    value = as_image(value, spec)
    one_row = is_one_row(value, spec)
    tensors = read_columns([value] if one_row else value, asking.signature, images=True)
    return Reading(one_row=one_row), predict_request(asking.signature, tensors)


def is_v2(inputs: JsonValue) -> bool:
    """Whether these are tensors as the Open Inference Protocol has them."""
    return type(inputs) is list and bool(inputs) and type(inputs[0]) is dict and inputs[0].keys() >= V2_TENSOR


def is_rows(value: JsonValue) -> bool:
    """Whether this is a list of objects, each of which has every input of a row."""
    return type(value) is list and bool(value) and type(value[0]) is dict and not is_b64_object(value[0])
