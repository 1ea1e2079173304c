"""The envelope `json`: the row form of TensorFlow Serving's REST protocol."""

import json
from base64 import b64decode
from itertools import chain, islice
from typing import Any

from ts.torch_handler.request_envelope.base import BaseEnvelope


class JSONEnvelope(BaseEnvelope):
    """The handler gets the instances of all requests; each request gets the predictions of its own."""

    _lengths: tuple[int, ...] = ()

    def parse_input(self, data: list[dict[str, Any]]) -> list[Any]:
        """The instances, with {"b64": text} as bytes, as a whole or as a column."""
        batches = [decoded_rows((row.get("data") or row.get("body") or row)["instances"]) for row in data]
        self._lengths = tuple(map(len, batches))
        return list(chain.from_iterable(batches))

    def format_output(self, data: list[Any]) -> list[str]:
        """One text of JSON per request."""
        rest = iter(data)
        return [json.dumps({"predictions": list(islice(rest, length))}) for length in self._lengths]


def decoded_rows(rows: list[Any]) -> list[Any]:
    """The instances, of which the first says whether they are objects."""
    if not rows or not isinstance(rows[0], dict):
        return rows
    return [
        decoded(row) if is_base64(row) else {name: decoded(column) for name, column in row.items()}
        for row in rows
    ]


def is_base64(value: Any) -> bool:
    """Whether the value stands for bytes."""
    return isinstance(value, dict) and list(value) == ["b64"]


def decoded(value: Any) -> Any:
    """The bytes, or the value where it does not stand for any."""
    return b64decode(value["b64"]) if is_base64(value) else value
