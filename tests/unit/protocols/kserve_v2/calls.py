"""Inference requests through the codec alone, over the reference models."""

import json
from collections.abc import Mapping
from typing import Any, Final

from dragoman.wire.messages import WireResponse
from tests.unit.protocols.kserve_v2.protocol import PROTOCOL
from tests.unit.protocols.tfs.reference import REPORT, Codec

CODEC: Final = Codec("superset", REPORT, PROTOCOL)


def infer(
    document: Any,
    model: str = "echo_float32",
    data: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> WireResponse:
    """The answer to a request of this JSON, which `data` follows in binary form; bytes go as they are."""
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    lines = dict(headers or {})
    if data:
        lines["Inference-Header-Content-Length"] = str(len(text))
    return CODEC.answer("POST", f"/v2/models/{model}/infer", text + data, lines)


def document_of(response: WireResponse) -> Any:
    """The JSON of an answer."""
    body = bytes(response.body)
    length = dict(response.headers).get(b"Inference-Header-Content-Length")
    return json.loads(body if length is None else body[: int(length)])


def answered(document: Any, model: str = "echo_float32", data: bytes = b"", **headers: str) -> Any:
    """The JSON of a good answer."""
    response = infer(document, model, data, headers)
    assert response.status == 200, bytes(response.body)
    return document_of(response)


def refused(document: Any, model: str = "echo_float32", data: bytes = b"", **headers: str) -> str:
    """What a request that is wrong is told."""
    response = infer(
        document, model, data, {name.replace("_", "-"): value for name, value in headers.items()}
    )
    assert response.status == 400, (response.status, bytes(response.body))
    error: str = document_of(response)["error"]
    return error


def tensor(name: str = "x", shape: Any = (1,), datatype: Any = "FP32", **more: Any) -> dict[str, Any]:
    """An entry of `inputs`."""
    return {"name": name, "shape": shape, "datatype": datatype, **more}


def request(*inputs: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A request of these inputs."""
    return {"inputs": list(inputs), **more}
