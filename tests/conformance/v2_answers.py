"""What the cases of the Open Inference Protocol say of an answer besides what all cases over HTTP may say.

A compressed answer is decoded first. Where it has binary outputs, `json` and the like are about its JSON
part. Errors are compared without regard to case, and every failure has a text under `error`.
"""

import base64
import json
import zlib
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from tests.conformance import compare
from tests.conformance.cases import Expectation
from tests.conformance.exchange import Answer

WINDOWS: Final = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
LENGTH: Final = "inference-header-content-length"
FAILURE: Final = 400


def differences(expected: Expectation, answer: Answer) -> list[str]:
    """Everything about the answer that is not as expected; empty = it is."""
    body = decoded(answer)
    text, outputs = split(answer.headers, body)
    wanted = msgspec.structs.replace(expected, error_contains=None)
    return [
        *compare.differences(wanted, answer._replace(body=text)),
        *_error(expected, answer._replace(body=text)),
        *_outputs(expected, outputs),
    ]


def decoded(answer: Answer) -> bytes:
    """The body as it was before it was compressed."""
    coding = answer.headers.get("content-encoding")
    return answer.body if coding is None else zlib.decompress(answer.body, WINDOWS[coding])


def split(headers: Mapping[str, str], body: bytes) -> tuple[bytes, Mapping[str, bytes]]:
    """The JSON of a body, and the bytes of each binary output.

    Errors: ValueError where the body is not as long as it says.
    """
    if LENGTH not in headers:
        return body, {}
    at = int(headers[LENGTH])
    text = body[:at]
    found = {}
    for output in json.loads(text)["outputs"]:
        size = output.get("parameters", {}).get("binary_data_size")
        if size is not None:
            found[output["name"]] = body[at : at + size]
            at += size
    if at != len(body):
        raise ValueError(f"the body has {len(body)} bytes, its parts take {at}")
    return text, found


def _error(expected: Expectation, answer: Answer) -> Iterator[str]:
    if answer.status < FAILURE and expected.error_contains is None:
        return
    try:
        error = json.loads(answer.body)["error"]
    except (ValueError, TypeError, KeyError):
        error = None
    wanted = expected.error_contains or ""
    if not isinstance(error, str) or wanted.lower() not in error.lower():
        yield f"error: {wanted!r} expected in it, {error!r} given"


def _outputs(expected: Expectation, outputs: Mapping[str, bytes]) -> Iterator[str]:
    for name, data in expected.binary.items():
        given = outputs.get(name)
        if given != base64.b64decode(data):
            yield f"output {name}: the bytes {data} expected, {given!r} given"
