import json
from contextlib import suppress
from typing import Any

import pytest

from dragoman.core.errors import DragomanError
from dragoman.core.requests import Target
from dragoman.protocols.kserve_v2.rest import parse_infer
from dragoman.settings.limits import Limits
from dragoman.wire.messages import WireRequest
from dragoman.wire.v2.known import KNOWN, KNOWN_BYTES
from dragoman.wire.v2.repeated import KEPT, read_repeated
from dragoman.wire.v2.request import InferDraft, read_request

DEPTH = Limits().json_depth
ENTRY: dict[str, Any] = {"name": "a", "shape": [2], "datatype": "FP32", "data": [1.5, -2]}
TARGET = Target("m")


def text_of(entry: dict[str, Any] = ENTRY, **more: Any) -> bytes:
    return json.dumps({"inputs": [entry], **more}).encode()


def asked(text: bytes) -> InferDraft:
    return parse_infer(WireRequest("POST", "/", "", [], text, {"model": "m"}), Limits())


def told(text: bytes) -> tuple[Any, ...]:
    """What a request is when it is read as one that was never met."""
    try:
        draft = read_request(TARGET, text, b"", None, DEPTH)
    except DragomanError as error:
        return error.code, error.message
    return parts(draft)


def parts(draft: InferDraft) -> tuple[Any, ...]:
    tensors = {
        name: (one.dtype, one.array.shape, repr(one.array.tolist())) for name, one in draft.inputs.items()
    }
    outputs = [(one.name, one.binary, one.classes) for one in draft.outputs]
    return tensors, outputs, draft.id, draft.binary, draft.parameters


def again(text: bytes) -> tuple[Any, ...]:
    """What the same request is once it was met."""
    with suppress(DragomanError):
        asked(text)
    try:
        return parts(asked(text))
    except DragomanError as error:
        return error.code, error.message


def test_only_the_values_are_read_of_a_request_whose_json_was_met_before() -> None:
    KEPT.clear()
    asked(text_of())
    draft = read_repeated(TARGET, text_of(ENTRY | {"data": [3, 4.25]}), None, DEPTH)
    assert draft is not None
    assert draft.inputs["a"].array.tolist() == [3, 4.25]
    assert draft.target is TARGET
    assert len(KEPT) == 1


@pytest.mark.parametrize(
    "text",
    [
        text_of(),
        text_of(outputs=[{"name": "y"}, {"name": "z"}]),
        text_of({"data": [1, 2], "datatype": "INT64", "name": "a", "shape": [1, 2]}),
        text_of(ENTRY | {"datatype": "BYTES", "data": ["x", "y"]}),
        text_of(ENTRY | {"datatype": "BYTES", "data": ["x]", "[y"]}),
        text_of(ENTRY | {"datatype": "BOOL", "data": [True, 0]}),
        text_of(ENTRY | {"shape": [0], "data": []}),
        text_of(ENTRY | {"data": [[1], [2]]}),
        text_of(ENTRY | {"name": "data"}),
        text_of(ENTRY | {"name": '"data"[1]'}),
        text_of({"name": "[1]"} | ENTRY | {"name": "[1]"}),
        text_of(id="7"),
        text_of(id="7").replace(b'"id"', b'"\\u0069d"'),
        text_of(parameters={"priority": 3}),
        text_of(ENTRY | {"parameters": {"content_type": "np"}}),
        text_of(ENTRY | {"parameters": {"content_type": "np"}}).replace(b"param", b"\\u0070aram"),
        text_of(other=[7]),
        text_of(ENTRY | {"data": ["1"], "datatype": "BYTES", "shape": [1]}, data=[2]),
        text_of().replace(b"1.5", b"NaN"),
        text_of().replace(b"1.5", b"1e999"),
        text_of(ENTRY | {"datatype": "UINT64", "data": [2**64 - 1, 2**64 - 2]}),
    ],
)
def test_a_request_that_was_met_before_is_read_as_the_first_time(text: bytes) -> None:
    assert again(text) == told(text)


@pytest.mark.parametrize(
    "text",
    [
        text_of(ENTRY | {"data": [1]}),
        text_of(ENTRY | {"data": ["1", "2"]}),
        text_of(ENTRY | {"data": [{"data": 1}, 2]}),
        text_of(ENTRY | {"datatype": "FP31"}),
        text_of(ENTRY | {"name": None}),
        text_of(ENTRY | {"shape": ["1"], "data": ["1"]}),
        text_of(outputs=7),
        text_of()[:-1],
        text_of() + b"!",
        text_of().replace(b"-2", b"-2,"),
        text_of().replace(b"-2", b"-"),
        text_of().replace(b'"data": [1.5, -2]', b'"data": 1'),
        b'{"data": []}',
        b'"data"[1]',
        b"[1]",
    ],
)
def test_a_request_that_is_wrong_is_refused_in_the_same_words(text: bytes) -> None:
    again(text_of())
    refused = told(text)
    assert len(refused) == 2
    assert again(text) == refused


def test_what_is_not_the_same_in_every_request_is_not_kept() -> None:
    KEPT.clear()
    for number in range(3):
        asked(text_of(id=str(number)))
        asked(text_of(parameters={"sent": number}))
        asked(json.dumps({"inputs": [ENTRY, ENTRY | {"name": "b", "data": [number, 0]}]}).encode())
        asked(text_of(ENTRY | {"data": [[number], [0]]}))
        asked(text_of(other="x" * KNOWN_BYTES + str(number)))
    assert not KEPT


def test_no_more_is_kept_than_there_is_room_for() -> None:
    for number in range(KNOWN + 2):
        asked(text_of(ENTRY | {"name": f"a{number}"}))
    assert 0 < len(KEPT) <= KNOWN
