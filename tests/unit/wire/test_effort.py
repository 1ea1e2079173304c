"""What is cheap to read however long it is, and what is not."""

import json
from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.wire.effort import (
    COPIED,
    MOST_PARTS,
    MOST_SEARCHED,
    PART_BYTES,
    json_to_read,
    predict_message_to_read,
)
from dragoman.wire.messages import WireRequest
from dragoman.wire.protobuf import message_class

IMAGE: Final = bytes(100_000)
LONG: Final = 64 * 1024


def sent(body: Any, **headers: str) -> WireRequest:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return WireRequest("POST", "", "", lines, data)


def predict(fill: Callable[[Any], object] = lambda _: None, dtype: int = 1, **more: Any) -> WireRequest:
    """A PredictRequest whose input `x` is filled by this."""
    request = message_class("tensorflow.serving.PredictRequest")(**more)
    request.inputs["x"].dtype = dtype
    fill(request.inputs["x"])
    return sent(request.SerializeToString())


# JSON


def test_of_few_long_texts_a_sixteenth_counts_and_something_for_each() -> None:
    wire = sent({"instances": [{"b64": "A" * 100_000}]})
    little = len(wire.body) // COPIED + 3 * PART_BYTES
    for body in (wire.body, memoryview(wire.body)):  # the transport's own form of long ones
        assert json_to_read(WireRequest("POST", "", "", [], body)) == little
    assert json_to_read(sent({"instances": [{"b64": "A" * 50_000}] * 10})) < LONG


@pytest.mark.parametrize(
    "wire",
    [
        sent({"instances": [0.5] * 20_000}),
        sent({"instances": [[[0.5]]] * 9000}),
        sent({"instances": [{"b64": "AAAA"}] * 9000}),
        sent(b'{"instances": ["' + b"\\n" * 50_000 + b'"]}'),
        sent(b"[" * 100_000),
        sent(b"{" * 100_000),
        sent(b"," * 100_000),
        sent({"instances": [{"b64": "A" * 100_000}]}, Content_Encoding="gzip"),
        sent({"instances": [{"b64": "A" * MOST_SEARCHED}]}),
    ],
    ids=["numbers", "nested", "texts", "escapes", "opened", "objects", "commas", "compressed", "large"],
)
def test_json_of_many_parts_counts_wholly(wire: WireRequest) -> None:
    assert json_to_read(wire) == len(wire.body)


# PredictRequest


@pytest.mark.parametrize(
    ("fill", "dtype"),
    [
        (lambda tensor: tensor.string_val.append(IMAGE), 7),
        (lambda tensor: setattr(tensor, "tensor_content", IMAGE), 1),
        (lambda tensor: tensor.float_val.extend([0.5] * 25_000), 1),
        (lambda tensor: tensor.double_val.extend([0.5] * 12_500), 2),
    ],
    ids=["a-string", "raw", "floats", "doubles"],
)
def test_what_is_copied_or_lies_ready_in_a_message_counts_for_little(
    fill: Callable[[Any], object], dtype: int
) -> None:
    wire = predict(fill, dtype)
    assert len(wire.body) > LONG
    assert predict_message_to_read(wire) < len(wire.body) / 10


@pytest.mark.parametrize(
    "wire",
    [
        predict(lambda tensor: tensor.int64_val.extend([1] * 100_000), 9),
        predict(lambda tensor: tensor.string_val.extend([b"a"] * 100_000), 7),
        predict(lambda tensor: setattr(tensor, "tensor_content", bytes(100_000)), 7),
        predict(output_filter=["x"] * 40_000),
        predict(model_spec={"name": "m" * 100_000}),
    ],
    ids=["varints", "strings", "strings-in-raw-form", "filters", "a-long-name"],
)
def test_what_is_read_one_by_one_counts(wire: WireRequest) -> None:
    assert predict_message_to_read(wire) > LONG


def test_a_message_of_many_fields_is_not_read_to_its_end() -> None:
    junk = bytes([0x78, 1]) * MOST_PARTS
    entry = bytes([0x12, 0x80, 0x01]) + junk  # an input whose entry is nothing but fields that nobody knows
    for body in (junk * 9, entry + bytes([0xFF] * 99)):
        assert predict_message_to_read(sent(body)) == len(body)


@given(st.binary(max_size=300))
def test_any_bytes_have_a_measure(body: bytes) -> None:
    assert 0 <= predict_message_to_read(sent(body)) <= len(body) * 2 + MOST_PARTS * PART_BYTES
