"""Classify and regress over REST: `{"context": {...}, "examples": [{...}, ...]}`."""

from typing import Any, Final

from dragoman.core.errors import DragomanError, invalid
from dragoman.core.requests import Feature, FeatureKind
from dragoman.protocols.tfs.errors import malformed
from dragoman.settings.limits import Limits
from dragoman.wire.document import read_document, signature_name
from dragoman.wire.elements import is_b64_object, text_bytes
from dragoman.wire.json_tree import JsonObject, JsonValue, excerpt, type_word
from dragoman.wire.messages import WireRequest
from dragoman.wire.operation import Draft
from dragoman.wire.target import read_target

Example = dict[str, Feature]

MAX_INT64: Final = 2**63 - 1
# The first element of a feature fixes its kind, and with it the Python types that may follow.
KINDS: Final[dict[type, FeatureKind]] = {
    str: FeatureKind.BYTES,
    dict: FeatureKind.BYTES,
    float: FeatureKind.FLOAT,
    int: FeatureKind.INT64,
    bool: FeatureKind.INT64,
}


class ExamplesDraft(Draft):
    """The examples of a classify or regress body; `labels` are the signature's class labels by index."""

    examples: list[Example]
    labels: tuple[str, ...] = ()


def parse_classify(superset: bool, wire: WireRequest, limits: Limits) -> ExamplesDraft:
    """The examples of a classify body; they are read wholly before the model is looked up.

    Errors: INVALID_ARGUMENT naming the feature.
    """
    return _parse(superset, wire, limits, ":classify")


def parse_regress(superset: bool, wire: WireRequest, limits: Limits) -> ExamplesDraft:
    """The examples of a regress body, as for classify."""
    return _parse(superset, wire, limits, ":regress")


def _parse(superset: bool, wire: WireRequest, limits: Limits, method: str) -> ExamplesDraft:
    if not wire.path.endswith(method):  # the route matches in any case, the reference's method word does not
        raise malformed(wire)
    document = read_document(wire, limits)
    target = read_target(wire, signature_name(document), superset)
    return ExamplesDraft(target, read_examples(document))


def read_examples(document: JsonObject) -> list[Example]:
    """Every example, each with the context's features below its own.

    Errors: INVALID_ARGUMENT for a missing or empty list, and naming a feature whose elements are none.
    """
    context = read_example(document["context"]) if "context" in document else {}
    if "examples" not in document:  # the reference says classify for both methods
        raise _fault(document, "When method is classify, key 'examples' is expected and was not found")
    examples = document["examples"]
    if not isinstance(examples, list):
        raise _fault(document, "Expecting 'examples' value to be an list/array")
    if not examples:
        raise _fault(document, "'examples' value is an empty array")
    return [context | read_example(example) for example in examples]


def read_example(value: JsonValue) -> Example:
    """The features of one example: each a value or a list of values.

    Errors: INVALID_ARGUMENT for no object, and naming a feature whose elements are none.
    """
    if not isinstance(value, dict):
        raise invalid(f"Example must be JSON object but got JSON {type_word(value)}")
    return {name: read_feature(name, feature) for name, feature in value.items()}


def read_feature(name: str, value: JsonValue) -> Feature:
    """The values of one feature. An empty list has no kind of its own and passes as a float feature.

    Errors: INVALID_ARGUMENT for elements of several kinds, null, nested lists, objects, and beyond int64.
    """
    values: list[Any] = value if isinstance(value, list) else [value]
    for element in values:
        fault = _element_fault(name, element)
        if fault is not None:
            raise fault
    kinds = {KINDS[type(element)] for element in values}
    kind = KINDS[type(values[0])] if values else FeatureKind.FLOAT
    if len(kinds) > 1:
        raise invalid(f"Unexpected element type in feature: {name} expecting type: {kind.value}")
    if kind is FeatureKind.BYTES:
        return Feature(kind, [text_bytes(element) for element in values])
    return Feature(kind, values)


def _fault(document: JsonObject, message: str) -> DragomanError:
    return invalid(f"JSON Value: {excerpt(document)} {message}")


def _element_fault(name: str, element: JsonValue) -> DragomanError | None:
    """Why this can be an element of no feature."""
    if type(element) not in KINDS or (isinstance(element, dict) and not is_b64_object(element)):
        return invalid(f"Feature: {name} has element with unexpected JSON type: {type_word(element)}")
    if isinstance(element, int) and element > MAX_INT64:
        return invalid(f"Feature: {name} has uint64_t element. Only int64_t is supported.")
    return None
