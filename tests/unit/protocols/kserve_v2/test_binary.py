import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pytest

from dragoman.core.errors import DragomanError
from dragoman.core.signatures import Signature
from dragoman.core.tensors import Array, DType
from dragoman.protocols.kserve_v2.rest import parse_infer
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.v2.binary import read_raw_body
from tests.unit.protocols.kserve_v2.calls import answered, document_of, infer, refused, request, tensor
from tests.unit.protocols.tfs.reference import ADD_SUB, LIMITS, echo_signature

FLOATS: Final = np.array([1.0, 2.0, 5.0], np.float32)
BINARY: Final = {"parameters": {"binary_data": True}}
JSON: Final = {"parameters": {"binary_data": False}}


def binary(name: str, array: Array, datatype: str = "FP32") -> dict[str, Any]:
    return tensor(name, list(array.shape), datatype, parameters={"binary_data_size": array.nbytes})


def parts(response: WireResponse) -> Mapping[str, bytes]:
    """The bytes of each binary output."""
    assert response.status == 200, bytes(response.body)
    assert response.content_type == b"application/octet-stream"
    body = bytes(response.body)
    at = int(dict(response.headers)[b"Inference-Header-Content-Length"])
    found = {}
    for output in json.loads(body[:at])["outputs"]:
        if "parameters" in output:
            size = output["parameters"]["binary_data_size"]
            found[output["name"]] = body[at : at + size]
            at += size
    assert at == len(body)
    return found


def test_tensors_lie_where_they_are_in_the_body() -> None:
    text = json.dumps(request(binary("x", FLOATS))).encode()
    body = bytearray(text + FLOATS.tobytes())
    headers = [(b"inference-header-content-LENGTH", b"%d" % len(text))]
    draft = parse_infer(WireRequest("POST", "", "", headers, body, {"model": "m"}), LIMITS)
    array = draft.inputs["x"].array
    body[-4:] = np.float32(7.0).tobytes()
    assert array.tolist() == [1.0, 2.0, 7.0]


def test_json_and_binary_may_be_mixed_both_ways() -> None:
    row = np.arange(16, dtype=np.int32).reshape(1, 16)
    inputs = [binary("INPUT0", row, "INT32"), tensor("INPUT1", [1, 16], "INT32", data=[1] * 16)]
    document = request(*inputs, outputs=[{"name": "OUTPUT0"} | JSON, {"name": "OUTPUT1"} | BINARY])
    response = infer(document, "add_sub", row.tobytes())
    assert parts(response) == {"OUTPUT1": (row - 1).tobytes()}
    first, second = document_of(response)["outputs"]
    assert first["data"] == (row + 1).reshape(-1).tolist()
    assert second == {
        "name": "OUTPUT1",
        "datatype": "INT32",
        "shape": [1, 16],
        "parameters": {"binary_data_size": 64},
    }


@pytest.mark.parametrize(
    ("default", "outputs", "is_binary"),
    [
        (None, None, False),
        (False, None, False),
        (True, None, True),
        (True, [{"name": "y"}], True),
        (True, [{"name": "y"} | JSON], False),
        (False, [{"name": "y"} | BINARY], True),
        (None, [{"name": "y"} | BINARY], True),
        (None, [{"name": "y", "parameters": {"binary_data": None}}], False),
    ],
)
def test_an_output_is_binary_where_it_or_the_default_says_so(
    default: bool | None, outputs: Any, is_binary: bool
) -> None:
    parameters = None if default is None else {"binary_data_output": default}
    response = infer(request(tensor(data=[1.5]), parameters=parameters, outputs=outputs))
    if is_binary:
        assert parts(response) == {"y": np.float32(1.5).tobytes()}
    else:
        assert (response.content_type, response.headers) == (b"application/json", [])
        assert document_of(response)["outputs"][0]["data"] == [1.5]


def test_an_output_of_no_bytes_is_binary_all_the_same() -> None:
    document = request(
        tensor(shape=[0], parameters={"binary_data_size": 0}), outputs=[{"name": "y"} | BINARY]
    )
    assert parts(infer(document)) == {"y": b""}


def test_bytes_that_are_no_text_need_the_binary_form() -> None:
    data = b"\x02\0\0\0\xff\xfe"
    entry = tensor(datatype="BYTES", parameters={"binary_data_size": len(data)})
    told = refused(request(entry), "echo_string", data)
    assert told == "output 'y' holds bytes that are no UTF-8 text: ask for it as binary data"
    assert parts(infer(request(entry, outputs=[{"name": "y"} | BINARY]), "echo_string", data)) == {"y": data}


@pytest.mark.parametrize(
    ("length", "told"),
    [
        ("x", "must be a number of bytes, not 'x'"),
        ("-5", "must be a number of bytes, not '-5'"),
        ("+5", "must be a number of bytes, not '+5'"),
        ("", "must be a number of bytes, not ''"),
        ("9" * 5000, "must be a number of bytes, not '999"),
        ("9999", "is 9999, and the body has 3 bytes"),
        ("4", "is 4, and the body has 3 bytes"),
    ],
)
def test_a_header_that_lies_is_refused(length: str, told: str) -> None:
    message = refused(b"{} ", Inference_Header_Content_Length=length)
    assert message.startswith("Inference-Header-Content-Length")
    assert told in message


@pytest.mark.parametrize(
    ("size", "data", "told"),
    [
        (12, b"12345678", "input 'x': binary_data_size is 12, and 8 bytes of the body are left"),
        (12, b"1" * 16, "4 bytes of the body are left over after its last tensor"),
        (8, b"1" * 8, "input byte size mismatch for input 'x' for model 'echo_float32'. Expected 12, got 8"),
        (2**70, b"1", "binary_data_size"),
    ],
)
def test_sizes_that_do_not_match_are_refused(size: int, data: bytes, told: str) -> None:
    assert told in refused(request(tensor(shape=[3], parameters={"binary_data_size": size})), data=data)


@pytest.mark.parametrize(
    "data", [b"\x09\0\0\0ab", b"\x01\0", b"\x01\0\0\0a", b"\x01\0\0\0a\0\0\0\0x", b"\xff" * 8]
)
def test_elements_that_do_not_fill_their_bytes_are_refused(data: bytes) -> None:
    entry = tensor(shape=[2], datatype="BYTES", parameters={"binary_data_size": len(data)})
    assert "'x'" in refused(request(entry), "echo_string", data)


def test_bytes_after_json_that_has_all_its_data_are_refused() -> None:
    assert refused(request(tensor(data=[1.0])), data=b"1234").startswith("4 bytes of the body are left over")


# The raw form


def raw(body: bytes, model: str) -> WireResponse:
    return infer(body, model, headers={"Inference-Header-Content-Length": "0"})


def test_a_raw_body_is_the_only_input_and_all_outputs_are_binary() -> None:
    response = raw(FLOATS.tobytes(), "half_plus_two")
    assert parts(response) == {"y": (FLOATS / 2 + 3).tobytes()}
    assert document_of(response)["outputs"][0]["shape"] == [3]


@pytest.mark.parametrize(
    ("dtype", "shape", "size", "found"),
    [
        (DType.FP32, (None,), 12, (3,)),
        (DType.FP32, (None, 2, 3), 48, (2, 2, 3)),
        (DType.INT16, (2, None), 12, (2, 3)),
        (DType.FP64, (2,), 16, (2,)),
        (DType.UINT8, None, 5, (5,)),
        (DType.FP32, (None,), 0, (0,)),
        (DType.BYTES, (1,), 5, (1,)),
        (DType.BYTES, (None, 1), 5, (1, 1)),
        (DType.BYTES, None, 0, (1,)),
    ],
)
def test_the_one_open_size_follows_from_the_bytes(
    dtype: DType, shape: tuple[int | None, ...] | None, size: int, found: tuple[int, ...]
) -> None:
    tensors = read_raw_body("m", b"a" * size, echo_signature(dtype, shape))
    assert tensors["x"].array.shape == found
    if dtype is DType.BYTES:
        assert tensors["x"].array.reshape(-1).tolist() == [b"a" * size]


@pytest.mark.parametrize(
    ("signature", "body", "told"),
    [
        (ADD_SUB, b"", "raw binary data is for models with one input, and model 'm' has 2"),
        (
            echo_signature(DType.FP32, (None, None)),
            b"",
            "the shape [-1,-1] of input 'x' of model 'm' does not",
        ),
        (echo_signature(DType.FP32, (None, 0)), b"", "the shape [-1,0] of input 'x' of model 'm' does not"),
        (echo_signature(DType.BYTES, (2,)), b"", "the shape [2] of input 'x' of model 'm' does not follow"),
        (echo_signature(DType.BYTES, ()), b"", "the shape [] of input 'x' of model 'm' does not follow"),
        (echo_signature(DType.FP32, (None, 3)), b"1" * 13, "Expected 12, got 13"),
        (echo_signature(DType.FP32, (3,)), b"1" * 8, "Expected 12, got 8"),
    ],
)
def test_a_raw_body_that_does_not_say_enough_is_refused(signature: Signature, body: bytes, told: str) -> None:
    with pytest.raises(DragomanError) as caught:
        read_raw_body("m", body, signature)
    assert told in caught.value.message


def test_answers_to_binary_requests_may_be_json() -> None:
    assert answered(request(binary("x", FLOATS)), data=FLOATS.tobytes())["outputs"][0]["data"] == [
        1.0,
        2.0,
        5.0,
    ]
