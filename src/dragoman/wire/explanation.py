"""What a caller says of the explanation that it wants, and what it gets, in JSON.

`parameters` of a request say how to explain; `explanations` have the shape of `instances`, or of `inputs`.
"""

from collections.abc import Mapping
from math import isfinite
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from dragoman.core.errors import DragomanError, invalid
from dragoman.core.explanation import MEAN, Row, Wish
from dragoman.core.requests import CoreRequest, ExplainRequest
from dragoman.core.responses import ExplainResponse, TreeResponse
from dragoman.core.signatures import Signature
from dragoman.core.tensors import Tensor
from dragoman.wire.elements import is_b64_object
from dragoman.wire.json_tree import JsonObject, JsonValue, dump, dump_loosely, excerpt, type_word
from dragoman.wire.messages import Headers
from dragoman.wire.rows import read_rows
from dragoman.wire.tensor_json import write_array, write_columns, write_rows

PARAMETERS: Final = "parameters"
PLAIN: Final = "plain"
SHAP: Final = "shap"  # as the explainers have it whose answers hold `shap_values`
FORMATS: Final = (PLAIN, SHAP)
NUMBER_BYTES: Final = 16
ROW_BYTES: Final = 1024  # of JSON of any form
MOST_SEED: Final = 2**63 - 1
MOST_WHOLE: Final = 2**31 - 1


class Form(Struct, frozen=True):
    """How explanations are written: by row or column, by the inputs' names or bare; `shap`: in that form."""

    by_row: bool = True
    named: bool = False
    shap: bool = False


def explain_request(
    request: CoreRequest, document: JsonObject, signature: Signature
) -> tuple[ExplainRequest, bool]:
    """The request to explain the answer to this one, and whether its answer has the form of `shap`.

    Errors: INVALID_ARGUMENT naming the parameter that is wrong.
    """
    parameters = read_parameters(document)
    form = parameters.get("format", PLAIN)
    if form not in FORMATS:
        raise wrong("format", form, " or ".join(FORMATS))
    wish = read_wish(parameters, signature)
    shap = form == SHAP
    if shap:  # whose answers have the predictions beside them
        wish = replace(wish, predictions=True)
    return ExplainRequest(signature.name, request, wish), shap


def read_parameters(document: JsonObject) -> JsonObject:
    """What a document says of the explanation.

    Errors: INVALID_ARGUMENT for what is no object.
    """
    parameters = document.get(PARAMETERS)
    if parameters is None:
        return {}
    if type(parameters) is not dict:
        raise invalid(f"parameters: an object is expected, not {type_word(parameters)}")
    return parameters


def read_wish(parameters: JsonObject, signature: Signature) -> Wish:
    """The wish that these parameters are.

    Errors: INVALID_ARGUMENT naming the parameter that is wrong.
    """
    return Wish(
        method=text(parameters, "method"),
        output=text(parameters, "output"),
        target=target(parameters.get("target")),
        baseline=baseline(parameters.get("baseline"), signature),
        budget=whole(parameters, "budget", 1, MOST_WHOLE),
        seed=whole(parameters, "seed", 0, MOST_SEED) or 0,
        predictions=flag(parameters, "with_predictions"),
        parameters=parameters,
    )


def text(parameters: JsonObject, key: str) -> str | None:
    """A text; None = it is not given."""
    value = parameters.get(key)
    if value is not None and type(value) is not str:
        raise wrong(key, value, "a text")
    return value


def whole(parameters: JsonObject, key: str, least: int, most: int) -> int | None:
    """A whole number; None = it is not given."""
    value = parameters.get(key)
    if value is None:
        return None
    if type(value) is not int or not least <= value <= most:
        raise wrong(key, value, f"a whole number from {least} to {most}")
    return value


def flag(parameters: JsonObject, key: str) -> bool:
    """A truth; none given is false."""
    value = parameters.get(key)
    if value is not None and type(value) is not bool:
        raise wrong(key, value, "true or false")
    return value is True


def target(value: JsonValue) -> tuple[int, ...] | None:
    """A place in the output's value."""
    if value is None:
        return None
    given = value if isinstance(value, list) else [value]
    places = [place for place in given if type(place) is int and 0 <= place <= MOST_WHOLE]
    if not given or len(places) != len(given):
        raise wrong("target", value, "a whole number from 0, or a list of them")
    return tuple(places)


def baseline(value: JsonValue, signature: Signature) -> float | Row | Literal["mean"] | None:
    """What stands for a missing value: a number, "mean", or a row as it stands in `instances`."""
    if value is None:
        return None
    if value == MEAN:
        return MEAN
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not isfinite(value):
            raise wrong("baseline", value, "a finite number")
        return float(value)
    if isinstance(value, bool) or (isinstance(value, str) and not takes_text(signature)):
        raise wrong("baseline", value, 'a number, "mean", or a row as in instances')
    try:
        return read_rows([value], signature)
    except DragomanError as error:
        raise invalid(f"parameters.baseline: {error.message}") from None


def takes_text(signature: Signature) -> bool:
    """Whether a row may be a text."""
    return signature.only_input is not None and not signature.only_input.dtype.is_float


def wrong(key: str, value: JsonValue, wanted: str) -> DragomanError:
    """The error for a parameter that is of another kind."""
    return invalid(f"parameters.{key}: {excerpt(value)} is given, and {wanted} expected")


def is_named(value: JsonValue) -> bool:
    """Whether rows, or columns, are given by the inputs' names."""
    first = value[0] if type(value) is list and value else value
    return type(first) is dict and not is_b64_object(first)


def numbers_to_write(_: object, response: object) -> int:
    """About how many bytes of JSON an answer that explains comes to; nothing for bytes of a model's own."""
    if isinstance(response, TreeResponse):
        return len(response.rows) * ROW_BYTES
    if not isinstance(response, ExplainResponse):
        return 0
    tensors = [*response.attributions.values(), *(response.predictions or {}).values()]
    return sum(tensor.array.size for tensor in tensors) * NUMBER_BYTES + len(response.value or ()) * ROW_BYTES


def explanation_headers(response: ExplainResponse) -> Headers:
    """How and against what was explained."""
    return [
        (b"x-explain-method", response.method.encode("latin-1", "replace")),
        (b"x-explain-baseline", response.baseline.encode("latin-1", "replace")),
    ]


def write_explanations(form: Form, response: ExplainResponse) -> bytes:
    """The value of `explanations`.

    Errors: INVALID_ARGUMENT as `write_rows`.
    """
    if response.value is not None:
        return dump_loosely(response.value)
    attributions = response.attributions
    if form.shap:
        return write_shap(attributions)
    if not form.named or len(attributions) > 1:
        return write_rows(attributions) if form.by_row else write_columns(attributions)
    ((name, tensor),) = attributions.items()
    key = dump(name)
    if not form.by_row:
        return b"{%b:%b}" % (key, write_array(tensor.array, tensor.dtype))
    rows = [b"{%b:%b}" % (key, write_array(row, tensor.dtype)) for row in tensor.array]
    return b"[%b]" % b",".join(rows)


def write_shap(attributions: Mapping[str, Tensor]) -> bytes:
    """Objects with `shap_values`: the row's values as they are nested; of several inputs, in their order."""
    if len(attributions) == 1:
        (tensor,) = attributions.values()
        rows = [write_array(row, tensor.dtype) for row in tensor.array]
    else:
        columns = [[write_array(row, one.dtype) for row in one.array] for one in attributions.values()]
        rows = [b"[%b]" % b",".join(values) for values in zip(*columns, strict=True)]
    rows = [row if row.startswith(b"[") else b"[%b]" % row for row in rows]
    return b"[%b]" % b",".join([b'{"shap_values":%b}' % row for row in rows])
