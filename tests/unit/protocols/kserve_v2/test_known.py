import json

import numpy as np
import pytest

from dragoman.core.errors import DragomanError
from dragoman.protocols.kserve_v2.rest import parse_infer
from dragoman.settings.limits import Limits
from dragoman.wire.messages import WireRequest
from dragoman.wire.v2.known import KNOWN_BYTES, find_known, known
from dragoman.wire.v2.request import InferDraft

LIMITS = Limits()
HEAD = {
    "inputs": [
        {"name": "a", "datatype": "FP32", "shape": [2], "parameters": {"binary_data_size": 8}},
        {"name": "b", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": 6}},
    ],
    "outputs": [{"name": "y", "parameters": {"binary_data": True, "classification": 2}}],
    "parameters": {"priority": 3},
}
NUMBERS = np.array([1.5, -2.0], np.float32)
TEXT = b"\2\0\0\0hi"


def asked(head: object, data: bytes = NUMBERS.tobytes() + TEXT) -> InferDraft:
    text = json.dumps(head).encode()
    headers = [(b"Inference-Header-Content-Length", b"%d" % len(text))]
    return parse_infer(WireRequest("POST", "/", "", headers, text + data, {"model": "m"}), LIMITS)


def test_a_request_whose_json_was_met_before_is_read_as_ever() -> None:
    first, second = asked(HEAD), asked(HEAD, NUMBERS[::-1].tobytes() + TEXT)
    assert known.cache_info().hits
    assert first.inputs["a"].array.tolist() == [1.5, -2.0]
    assert second.inputs["a"].array.tolist() == [-2.0, 1.5]
    assert second.inputs["b"].array.tolist() == [b"hi"]
    for draft in (first, second):
        assert [(one.name, one.binary, one.classes) for one in draft.outputs] == [("y", True, 2)]
        assert (draft.target.model, draft.id, draft.parameters) == ("m", None, {"priority": 3})


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (NUMBERS.tobytes() + TEXT + b"!", "1 bytes of the body are left over"),
        (NUMBERS.tobytes() + TEXT[:-1], "input 'b': binary_data_size is 6, and 5 bytes of the body are left"),
        (NUMBERS.tobytes() + b"\3\0\0\0hi", "input 'b': BYTES element 0 has 3 bytes"),
    ],
)
def test_bytes_that_do_not_fit_a_json_met_before_are_refused_as_ever(data: bytes, words: str) -> None:
    asked(HEAD)
    with pytest.raises(DragomanError, match=words):
        asked(HEAD, data)


def text_of(**changes: object) -> bytes:
    return json.dumps(HEAD | changes).encode()


def test_a_size_written_otherwise_is_no_size_though_an_equal_one_was_met() -> None:
    asked(HEAD)
    for size in (2.0, True):
        entry = {"name": "a", "datatype": "FP32", "shape": [size], "parameters": {"binary_data_size": 8}}
        with pytest.raises(DragomanError, match=r"input 'a': 'shape' must be a list of whole numbers"):
            asked({"inputs": [entry]}, NUMBERS.tobytes())


@pytest.mark.parametrize(
    "text",
    [
        text_of(id="7"),
        text_of(id="7").replace(b'"id"', b'"\\u0069d"'),
        text_of(inputs=[{"name": "a", "datatype": "FP32", "shape": [1], "data": [1]}]),
        text_of(inputs=[*HEAD["inputs"], {"name": "c", "datatype": "FP32", "shape": [1], "data": [1]}]),
        text_of(inputs=7),
        text_of() + b" ",
        text_of().replace(b"{", b"", 1),
        text_of(parameters={"x": "y" * KNOWN_BYTES}),
        b"[]",
    ],
    ids=[
        "id", "hidden-id", "data", "data-too", "no-inputs", "blank-after", "no-json", "long", "no-object",
    ],
)  # fmt: skip
def test_a_json_that_says_more_or_is_wrong_is_read_each_time(text: bytes) -> None:
    kept = find_known(text, LIMITS.json_depth)
    assert (kept is None) is not text.endswith(b" ")  # white space is none of it
