import json
from typing import Any, Final

import numpy as np
import pytest

from dragoman.core.responses import TensorResponse
from dragoman.core.tensors import DType, Tensor
from dragoman.protocols.kserve_v2.effort import bytes_to_read, bytes_to_write, message_to_read
from dragoman.protocols.kserve_v2.rest import parse_infer
from dragoman.wire.effort import copied
from dragoman.wire.messages import WireRequest
from dragoman.wire.protobuf import message_class
from tests.unit.protocols.kserve_v2.calls import request, tensor
from tests.unit.protocols.tfs.reference import LIMITS

TAIL: Final = bytes(1000)
BINARY: Final = {"parameters": {"binary_data": True}}
ANSWER: Final = TensorResponse(
    {
        "y": Tensor(DType.FP32, np.zeros((10, 10), np.float32)),
        "z": Tensor(DType.BYTES, np.array([b"a" * 30, b"b"], np.object_)),
    },
    1,
)


def sent(document: Any, data: bytes = b"", **headers: str) -> WireRequest:
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    lines = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    if data and "Inference_Header_Content_Length" not in headers:
        lines.append((b"Inference-Header-Content-Length", b"%d" % len(text)))
    return WireRequest("POST", "", "", lines, text + data, {"model": "m"})


def to_write(accepted: str = "", **more: Any) -> int:
    wire = sent(request(tensor(data=[1.0]), **more), **({"Accept_Encoding": accepted} if accepted else {}))
    return bytes_to_write(parse_infer(wire, LIMITS), ANSWER)


def test_the_json_before_binary_numbers_is_read_and_nothing_else() -> None:
    document = request(tensor(shape=[250], parameters={"binary_data_size": 1000}))
    assert bytes_to_read(sent(document, TAIL)) == len(json.dumps(document))
    assert bytes_to_read(sent(b"", TAIL, Inference_Header_Content_Length="0")) == 0


@pytest.mark.parametrize(
    "wire",
    [
        sent(request(tensor(data=[1.0] * 99))),
        sent(json.dumps(request(tensor(datatype="BYTES"))).encode().replace(b"BYTES", b"\\u0042YTES"), TAIL),
        sent(request(tensor()), TAIL, Content_Encoding="gzip"),
        sent(request(tensor(), more="x" * 70_000), TAIL),
    ],
)
def test_what_has_to_be_read_piece_by_piece_counts_wholly(wire: WireRequest) -> None:
    assert bytes_to_read(wire) == len(wire.body)


@pytest.mark.parametrize("datatype", ["BYTES", "bytes"])
@pytest.mark.parametrize(("shapes", "count"), [(["[1]"], 1), (["[2, 3]"], 6), (["[2]", "[ 5 ]"], 7)])
def test_elements_of_bytes_count_as_many_as_their_shapes_say(
    datatype: str, shapes: list[str], count: int
) -> None:
    described = [f'{{"name": "x", "datatype": "{datatype}", "shape" : {shape}}}' for shape in shapes]
    text = f'{{"inputs": [{", ".join(described)}]}}'.encode()
    assert bytes_to_read(sent(text, TAIL)) == len(text) + copied(len(TAIL), count)


def test_a_size_of_any_length_counts() -> None:
    text = b'{"inputs": [{"name": "x", "datatype": "BYTES", "shape": [%b]}]}' % (b"9" * 9000)
    assert bytes_to_read(sent(text, TAIL)) > 2**64


def message(**more: Any) -> WireRequest:
    made = message_class("inference.ModelInferRequest")(model_name="m", **more)
    return WireRequest("POST", "", "", [], made.SerializeToString())


def given(datatype: str, count: int, **contents: Any) -> dict[str, Any]:
    return {"name": "x", "datatype": datatype, "shape": [count], **contents}


@pytest.mark.parametrize(
    ("wire", "parts"),
    [
        (message(inputs=[given("FP32", 25_000)], raw_input_contents=[bytes(100_000)]), 3),
        (message(inputs=[given("BYTES", 7)], raw_input_contents=[bytes(100_000)]), 10),
        (message(inputs=[given("BYTES", 1, contents={"bytes_contents": [bytes(100_000)]})]), 7),
        (message(inputs=[given("FP32", 1, contents={"fp32_contents": [0.5] * 25_000})]), 7),
        (message(inputs=[given("BOOL", 1, contents={"bool_contents": [True] * 99_000})]), 7),
    ],
    ids=["raw", "raw-bytes", "bytes", "floats", "bools"],
)
def test_what_lies_ready_in_a_message_counts_for_little(wire: WireRequest, parts: int) -> None:
    assert message_to_read(wire) - copied(len(wire.body), parts) in range(20)


@pytest.mark.parametrize(
    "wire",
    [
        message(inputs=[given("INT64", 1, contents={"int64_contents": [1] * 99_000})]),
        message(inputs=[given("BYTES", 1, contents={"bytes_contents": [b"a"] * 30_000})]),
        message(inputs=[given("BYTES", 90_000)], raw_input_contents=[bytes(4)]),
        message(inputs=[given("FP32", 1)] * 9000),
        message(id="x" * 90_000),
    ],
    ids=["varints", "texts", "raw-texts", "inputs", "a-long-id"],
)
def test_what_is_read_one_by_one_in_a_message_counts(wire: WireRequest) -> None:
    assert message_to_read(wire) > 64 * 1024


def test_a_message_that_is_none_costs_nothing() -> None:
    assert message_to_read(WireRequest("POST", "", "", [], b"\x0a\xff")) == 0


@pytest.mark.parametrize("length", ["-1", "x", "99999"])
def test_what_is_refused_at_once_costs_nothing(length: str) -> None:
    assert bytes_to_read(sent(b"{}", TAIL, Inference_Header_Content_Length=length)) == 0


@pytest.mark.parametrize(
    ("more", "size"),
    [
        ({}, 431),
        ({"parameters": {"binary_data_output": True}}, 31),
        ({"parameters": {"binary_data_output": True}, "accepted": "gzip"}, 431),
        ({"parameters": {"binary_data_output": True}, "accepted": "br"}, 31),
        ({"outputs": [{"name": "y"} | BINARY, {"name": "z"} | BINARY]}, 31),
        ({"outputs": [{"name": "y"} | BINARY, {"name": "z"}]}, 31),
        ({"outputs": [{"name": "y"}, {"name": "z"}]}, 431),
        ({"outputs": [{"name": "y", "parameters": {"binary_data": True, "classification": 1}}]}, 431),
    ],
)
def test_what_is_written_in_binary_form_costs_nothing_unless_it_is_compressed(
    more: dict[str, Any], size: int
) -> None:
    assert to_write(**more) == size
