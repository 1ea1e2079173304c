"""Deeploy's calls over the reference models, where its mounts lead to."""

import json
from collections.abc import Mapping
from itertools import count
from typing import Any, Final

from dragoman.protocols.deeploy import make_protocol
from dragoman.wire.operation import ProtocolSpec
from dragoman.wire.surroundings import Surroundings
from tests.unit.protocols.tfs.reference import REPORT, Codec

HALF: Final = "/v1/models/half_plus_two"
TENSOR: Final = {"name": "x", "shape": [3], "datatype": "FP32", "data": [1.0, 2.0, 5.0]}
OUTPUTS: Final = [{"name": "y", "datatype": "FP32", "shape": [3], "data": [3.5, 4.0, 5.5]}]


def protocol() -> ProtocolSpec:
    numbers = count(1)
    return make_protocol(Surroundings(lambda: 1_700_000_000.25, lambda: f"id-{next(numbers)}"))


def codec() -> Codec:
    return Codec("superset", REPORT, protocol())


def post(path: str, body: Any, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
    """The status and the JSON of an answer."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = codec().answer("POST", path, raw, headers)
    return response.status, json.loads(bytes(response.body))
