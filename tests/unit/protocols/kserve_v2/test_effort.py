import json
from typing import Any, Final

import numpy as np
import pytest

from dragoman.core.responses import TensorResponse
from dragoman.core.tensors import DType, Tensor
from dragoman.protocols.kserve_v2.effort import bytes_to_read, bytes_to_write
from dragoman.protocols.kserve_v2.rest import parse_infer
from dragoman.wire.messages import WireRequest
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
        sent(request(tensor(data=[1.0]))),
        sent(request(tensor(datatype="BYTES")), TAIL),
        sent(request(tensor(datatype="bytes")), TAIL),
        sent(json.dumps(request(tensor(datatype="BYTES"))).encode().replace(b"BYTES", b"\\u0042YTES"), TAIL),
        sent(request(tensor()), TAIL, Content_Encoding="gzip"),
        sent(request(tensor(), more="x" * 70_000), TAIL),
    ],
)
def test_what_has_to_be_read_piece_by_piece_counts_wholly(wire: WireRequest) -> None:
    assert bytes_to_read(wire) == len(wire.body)


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
