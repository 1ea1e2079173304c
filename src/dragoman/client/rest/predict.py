"""The `predict` of TensorFlow Serving and KServe V1, and the `explain` of the latter: JSON both ways."""

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import orjson

from dragoman.client.documents import read_object
from dragoman.client.errors import BadAnswer, InvalidInput
from dragoman.client.exchange import Answer

RESULTS: Final = ("predictions", "outputs")


def predict_body(body: Mapping[str, Any]) -> bytes:
    """The body as JSON. Arrays become lists, and bytes the object `{"b64": ...}`.

    Errors: InvalidInput for anything else that JSON cannot hold.
    """
    try:
        text = orjson.dumps(body, default=as_json, option=orjson.OPT_SERIALIZE_NUMPY)
        if b"null" not in text:
            return text
        return json.dumps(body, default=as_json).encode()  # the fast one writes NaN as null
    except TypeError as error:
        cause = error.__cause__ or error
        raise InvalidInput(f"the request is no JSON: {cause}") from None


def as_json(value: object) -> object:
    """A value in the form that JSON can hold."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, bytes | bytearray | memoryview):
        return {"b64": b64encode(value).decode()}
    if hasattr(value, "__array__"):
        return np.asarray(value).tolist()
    raise TypeError(f"{type(value).__name__} is none of its types")


def read_predict(answer: Answer) -> Any:
    """The predictions.

    Errors: BadAnswer where there are none.
    """
    document = read_object(answer.body)
    for key in RESULTS:
        if key in document:
            return document[key]
    raise BadAnswer("the answer has neither 'predictions' nor 'outputs'")


def read_explain(answer: Answer) -> Any:
    """The explanations.

    Errors: BadAnswer where there are none.
    """
    document = read_object(answer.body)
    if "explanations" not in document:
        raise BadAnswer("the answer has no 'explanations'")
    return document["explanations"]
