"""KServe V1 over the reference models, at a fixed time and with ids that count."""

import json
from collections.abc import Mapping
from itertools import count
from typing import Any, Final

from dragoman.core.status import StatusReport
from dragoman.protocols.kserve_v1 import make_protocol
from dragoman.wire.operation import ProtocolSpec
from dragoman.wire.surroundings import EventAttributes, Surroundings
from tests.unit.protocols.tfs.reference import REPORT, Codec

NOW_S: Final = 1_700_000_000.25
NOW: Final = "2023-11-14T22:13:20.250000+00:00"
HALF: Final = "/v1/models/half_plus_two"


def protocol(events: EventAttributes = EventAttributes()) -> ProtocolSpec:  # noqa: B008
    numbers = count(1)
    return make_protocol(Surroundings(lambda: NOW_S, lambda: f"id-{next(numbers)}", events))


def codec(
    dialect: str = "kserve",
    events: EventAttributes = EventAttributes(),  # noqa: B008
    report: StatusReport = REPORT,
) -> Codec:
    return Codec(dialect, report, protocol(events))


def get(codec: Codec, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
    response = codec.answer("GET", path, headers=headers)
    assert response.content_type == b"application/json"
    return response.status, json.loads(bytes(response.body))


def post(
    codec: Codec, path: str, body: Any, headers: Mapping[str, str] | None = None
) -> tuple[int, dict[str, Any]]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = codec.answer("POST", path, raw, headers)
    assert response.content_type == b"application/json"
    return response.status, json.loads(bytes(response.body))
