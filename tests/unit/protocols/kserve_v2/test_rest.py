import gzip
import json
import math
import re
import zlib
from typing import Any, Final

import numpy as np
import pytest

from dragoman.core.tensors import DType
from dragoman.wire.datatypes import DTYPES
from tests.unit.protocols.kserve_v2.calls import answered, document_of, infer, refused, request, tensor

ONE: Final = request(tensor(data=[1.5]))
ECHO: Final = {
    word: f"echo_{'string' if dtype is DType.BYTES else dtype.value}" for word, dtype in DTYPES.items()
}


def echoed(shape: list[int], data: Any, datatype: str = "FP32") -> Any:
    (output,) = answered(request(tensor("x", shape, datatype, data=data)), ECHO[datatype])["outputs"]
    assert (output["name"], output["datatype"]) == ("y", datatype)
    return output["shape"], output["data"]


# What is answered


def test_an_answer_names_the_model_and_the_version_that_ran() -> None:
    half = request(tensor(data=[1.0]))
    assert answered(half, "half_plus_two") == {
        "model_name": "half_plus_two",
        "model_version": "2",
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [1], "data": [3.5]}],
    }
    assert answered(half, "half_plus_two/versions/1")["model_version"] == "1"


def test_an_id_comes_back_and_none_is_made_up() -> None:
    assert answered(ONE | {"id": 'a "b"\u00e9'})["id"] == 'a "b"\u00e9'
    assert answered(ONE | {"id": ""})["id"] == ""
    assert "id" not in answered(ONE)
    assert "id" not in answered(ONE | {"id": None})


def test_an_answer_in_json_has_the_exact_type() -> None:
    response = infer(ONE)
    assert (response.content_type, response.headers) == (b"application/json", [])


def test_null_is_as_good_as_absent() -> None:
    entry = tensor(data=[1.5], parameters=None)
    document = request(entry, id=None, parameters=None, outputs=None, model_name=None)
    assert answered(document) == answered(ONE)
    assert answered(request(tensor(data=[1.5], parameters={"binary_data_size": None}))) == answered(ONE)


def test_keys_that_are_not_known_are_not_looked_at() -> None:
    document = request(tensor(data=[1.5], layout={"a": [1]}), model_name="other", more=[{}])
    assert answered(document) == answered(ONE)


def test_outputs_come_in_the_order_in_which_they_are_asked_for() -> None:
    inputs = [tensor(f"INPUT{number}", [1, 16], "INT32", data=[number] * 16) for number in range(2)]
    wanted = [{"name": "OUTPUT1"}, {"name": "OUTPUT0", "parameters": {}}]
    body = answered(request(*inputs, outputs=wanted), "add_sub")
    assert [output["name"] for output in body["outputs"]] == ["OUTPUT1", "OUTPUT0"]
    assert len(answered(request(*inputs, outputs=[]), "add_sub")["outputs"]) == 2
    assert len(answered(request(*inputs, outputs=wanted[:1]), "add_sub")["outputs"]) == 1


# Values


@pytest.mark.parametrize(
    ("datatype", "data"),
    [
        ("BOOL", [True, False]),
        ("UINT8", [0, 255]),
        ("INT8", [-128, 127]),
        ("UINT16", [0, 65535]),
        ("INT16", [-32768, 32767]),
        ("UINT32", [0, 2**32 - 1]),
        ("INT32", [-(2**31), 2**31 - 1]),
        ("UINT64", [9007199254740993, 2**64 - 1]),
        ("INT64", [-(2**63), 2**63 - 1]),
        ("FP16", [0.5, 65504.0]),
        ("BF16", [0.5, -2.0]),
        ("FP32", [0.1, 3.4028235e38]),
        ("FP64", [0.1, 1.7976931348623157e308]),
        ("BYTES", ["", "caf\u00e9 \u0000"]),
    ],
)
def test_the_values_of_every_type_come_back_exactly(datatype: str, data: list[Any]) -> None:
    assert echoed([2], data, datatype) == ([2], data)


@pytest.mark.parametrize("datatype", ["FP16", "BF16", "FP32", "FP64"])
def test_numbers_that_are_not_finite_are_bare_words_in_and_out(datatype: str) -> None:
    document = b'{"inputs":[{"name":"x","shape":[3],"datatype":"%b","data":[NaN,Infinity,-Infinity]}]}'
    response = infer(document % datatype.encode(), ECHO[datatype])
    assert b'"data":[NaN,Infinity,-Infinity]' in bytes(response.body)
    (output,) = json.loads(bytes(response.body))["outputs"]
    assert math.isnan(output["data"][0])


def test_a_datatype_may_be_in_lower_case() -> None:
    assert answered(request(tensor(datatype="fp32", data=[1.5])))["outputs"][0]["datatype"] == "FP32"


@pytest.mark.parametrize(
    ("data", "shape"),
    [
        ([1.0, 2.0, 3.0, 4.0], [2, 2]),
        ([[1.0, 2.0], [3.0, 4.0]], [2, 2]),
        ([[[1.0, 2.0, 3.0, 4.0]]], [2, 2]),
        ([[1.0, 2.0], 3.0, [[], [4.0]]], [4]),
        ([1, 2.0, [3, [4]]], [2, 1, 2]),
    ],
)
def test_data_may_be_flat_nested_or_both(data: Any, shape: list[int]) -> None:
    assert echoed(shape, data) == (shape, [1.0, 2.0, 3.0, 4.0])


@pytest.mark.parametrize(("shape", "data"), [([0, 16], []), ([2, 0], [[], []]), ([], [1.5]), ([1, 1], [1.5])])
def test_sizes_of_zero_and_no_dimensions_are_legal(shape: list[int], data: Any) -> None:
    assert echoed(shape, data) == (shape, [1.5] if data == [1.5] else [])


def test_lists_may_be_nested_a_hundred_levels_and_no_more() -> None:
    for levels, fits in ((100, True), (101, False)):
        for beside in ([], [2.0]):
            data: Any = [1.0]
            for _ in range(levels - 1):
                data = [data, *beside]
            document = request(tensor("x", [1 + len(beside) * (levels - 1)], data=data))
            if fits:
                assert answered(document)
            else:
                assert refused(document) == "input 'x': 'data' is nested more than 100 levels deep"


def test_whole_numbers_may_have_a_fraction_of_zero_and_booleans_be_numbers() -> None:
    assert echoed([3], [1, 2.0, -0.0], "INT8") == ([3], [1, 2, 0])
    assert echoed([3], [1, 0, True], "BOOL") == ([3], [True, False, True])


@pytest.mark.parametrize(
    ("datatype", "data", "told"),
    [
        ("INT32", [1, 1.5], "element 1 of 'data' is 1.5, which is not of type INT32"),
        ("INT8", [300], "element 0 of 'data' is 300, which is not of type INT8"),
        ("UINT8", [-1], "element 0 of 'data' is -1, which is not of type UINT8"),
        ("UINT64", [2**64], "element 0 of 'data' is 1.8446744073709552e+19, which is not of type UINT64"),
        ("INT64", [2**63], "element 0 of 'data' is 9223372036854775808, which is not of type INT64"),
        # The nearest double of the one below the least is the least.
        (
            "INT64",
            [-1 - 2**63],
            "element 0 of 'data' is -9.223372036854776e+18, which is not of type INT64",
        ),
        ("INT64", [float("nan")], "element 0 of 'data' is NaN, which is not of type INT64"),
        ("INT32", [0, True], "element 1 of 'data' is true, which is not of type INT32"),
        ("FP32", [1.0, None], "element 1 of 'data' is null, which is not of type FP32"),
        ("FP32", ["1.0"], "element 0 of 'data' is \"1.0\", which is not of type FP32"),
        ("FP16", [1.0, 70000.0], "element 1 of 'data' is 70000.0, which is not of type FP16"),
        ("BOOL", [True, 2], "element 1 of 'data' is 2, which is not of type BOOL"),
        ("BYTES", ["a", 1], "element 1 of 'data' is 1, which is not of type BYTES"),
        ("BYTES", [{"b64": "YQ=="}], 'element 0 of \'data\' is {"b64":"YQ=="}, which is not of type BYTES'),
    ],
)
def test_an_element_that_the_type_does_not_hold_is_named(datatype: str, data: list[Any], told: str) -> None:
    message = refused(request(tensor("x", [len(data)], datatype, data=data)), ECHO[datatype])
    assert re.sub(r"(\d)e(\d)", r"\1e+\2", message) == f"input 'x': {told}"


# What is wrong


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (b"", "JSON Parse error: The document is empty"),
        (b"[]", "the body must be a JSON object, not []"),
        ({}, "'inputs' is missing"),
        ({"inputs": None}, "'inputs' is missing"),
        ({"inputs": {}}, "'inputs' must be a list, not {}"),
        ({"inputs": [1]}, "each of 'inputs' must be an object, not 1"),
        ({"inputs": [{}]}, "an input has no 'name'"),
        ({"inputs": [{"name": 1}]}, "an input has a 'name' that is no string: 1"),
        ({"inputs": [{"name": "x"}]}, "input 'x': 'datatype' is missing"),
        ({"inputs": [tensor(datatype=["FP32"])]}, "input 'x': 'datatype' must be a string, not [\"FP32\"]"),
        ({"inputs": [tensor(shape=None, data=[1])]}, "input 'x': 'shape' is missing"),
        (
            {"inputs": [tensor(shape=["1"])]},
            "input 'x': 'shape' must be a list of whole numbers, not [\"1\"]",
        ),
        (
            {"inputs": [tensor(shape=[True])]},
            "input 'x': 'shape' must be a list of whole numbers, not [true]",
        ),
        ({"inputs": [tensor(shape=1)]}, "input 'x': 'shape' must be a list of whole numbers, not 1"),
        (request(tensor()), "input 'x' has neither 'data' nor the parameter 'binary_data_size'"),
        (request(tensor(data=1.0)), "input 'x': 'data' must be a list, not 1.0"),
        (request(tensor(shape=[2], data=[1])), "input 'x': 'data' has 1 elements, and its shape [2] takes 2"),
        (request(*[tensor(data=[1])] * 2), "input 'x' already exists in request"),
        (ONE | {"id": 42}, "'id' must be a string, not 42"),
        (ONE | {"outputs": {}}, "'outputs' must be a list, not {}"),
        (ONE | {"outputs": {"name": "y"}}, '\'outputs\' must be a list, not {"name":"y"}'),
        (ONE | {"outputs": [1]}, "each of 'outputs' must be an object, not 1"),
        (ONE | {"outputs": [{}]}, "an output has no 'name'"),
        (ONE | {"outputs": [{"name": "z"}]}, "unexpected inference output 'z' for model 'echo_float32'"),
        (ONE | {"outputs": [{"name": "y"}] * 2}, "output 'y' already exists in request"),
        (ONE | {"parameters": []}, "the request: 'parameters' must be an object, not []"),
        (ONE | {"parameters": {"a": []}}, 'the request: parameter "a" must be a text, number or boolean'),
        (ONE | {"parameters": {"sequence_id": 1.5}}, "'sequence_id' must be a whole number or a text, not"),
        (ONE | {"parameters": {"sequence_id": True}}, "'sequence_id' must be a whole number or a text"),
        (ONE | {"parameters": {"sequence_start": 1}}, "'sequence_start' must be true or false, not 1"),
        (ONE | {"parameters": {"sequence_end": "no"}}, "'sequence_end' must be true or false, not \"no\""),
        (ONE | {"parameters": {"priority": "high"}}, "'priority' must be a whole number, not \"high\""),
        (ONE | {"parameters": {"timeout": 1.5}}, "'timeout' must be a whole number, not 1.5"),
        (ONE | {"parameters": {"triton_x": 1}}, "parameter \"triton_x\": names that begin with 'triton_'"),
        (
            ONE | {"parameters": {"binary_data_output": 1}},
            "'binary_data_output' must be true or false, not 1",
        ),
        (
            ONE | {"outputs": [{"name": "y", "parameters": {"classification": 0}}]},
            "output 'y': 'classification' must be a number of classes, not 0",
        ),
        (
            request(tensor(data=[1], parameters={"binary_data_size": 4})),
            "input 'x' has 'data' and 'binary_data_size', of which only one may be there",
        ),
        (
            request(tensor(parameters={"binary_data_size": "4"})),
            "input 'x': 'binary_data_size' must be a number of bytes, not \"4\"",
        ),
        (
            request(tensor(parameters={"binary_data_size": -4})),
            "input 'x': 'binary_data_size' must be a number of bytes, not -4",
        ),
        (
            request(tensor(parameters={"binary_data_size": 4})),
            "input 'x': binary_data_size is 4, and 0 bytes of the body are left",
        ),
    ],
)
def test_what_is_wrong_is_named(document: Any, told: str) -> None:
    assert told in refused(document)


@pytest.mark.parametrize("after", [b"x", b"{}", b"\0", b"\x01\x02\x03\x04"])
def test_nothing_may_follow_the_json(after: bytes) -> None:
    told = "The document root must not be followed by other values."
    assert told in refused(json.dumps(ONE).encode() + after)


@pytest.mark.parametrize("where", ["input", "output"])
def test_shared_memory_is_not_used(where: str) -> None:
    region = {"parameters": {"shared_memory_region": "r", "shared_memory_byte_size": 4}}
    document = request(tensor(**region)) if where == "input" else ONE | {"outputs": [{"name": "y"} | region]}
    response = infer(document)
    assert response.status == 501
    assert "this server does not use shared memory" in document_of(response)["error"]


@pytest.mark.parametrize(
    "shape", [[-1], [2**62, 4], [4, 1152921504606846978], [0, 2**62, 4], [1] * 40, [10**30], [2**63]]
)
def test_a_shape_is_checked_before_anything_is_made_of_it(shape: list[int]) -> None:
    assert "'x'" in refused(request(tensor(shape=shape, data=[1.0])))


@pytest.mark.parametrize("many", [5000, 200_000])
def test_very_many_inputs_or_outputs_are_refused(many: int) -> None:
    told = "the request names more than 4096 inputs or outputs"
    assert refused(b'{"inputs":[%b{}]}' % (b"{}," * many)) == told
    assert refused(ONE | {"outputs": [{}] * many}) == told


def test_parameters_of_schedulers_are_taken() -> None:
    parameters = {
        "sequence_id": 1,
        "sequence_start": True,
        "priority": 1,
        "timeout": 5,
        "headers": {"a": "b"},
    }
    assert answered(ONE | {"parameters": parameters}) == answered(ONE)


def test_a_content_type_of_base64_is_decoded() -> None:
    for document in (
        request(tensor(datatype="BYTES", data=["/wA="], parameters={"content_type": "base64"})),
        request(tensor(datatype="BYTES", data=["/wA="]), parameters={"content_type": "base64"}),
    ):
        wanted = document | {"outputs": [{"name": "y", "parameters": {"binary_data": True}}]}
        response = infer(wanted, "echo_string")
        assert bytes(response.body).endswith(b"\x02\0\0\0\xff\0")
    wrong = request(tensor(datatype="BYTES", data=["?"], parameters={"content_type": "base64"}))
    assert refused(wrong, "echo_string") == "input 'x' is not base64, as its content type says"
    other = request(tensor(datatype="BYTES", data=["/wA="], parameters={"content_type": "str"}))
    assert answered(other, "echo_string")["outputs"][0]["data"] == ["/wA="]


# Compression


@pytest.mark.parametrize(
    ("encoding", "compress"), [("gzip", gzip.compress), ("GZip", gzip.compress), ("deflate", zlib.compress)]
)
def test_a_compressed_body_is_the_same_request(encoding: str, compress: Any) -> None:
    body = compress(json.dumps(ONE).encode())
    assert document_of(infer(body, headers={"Content-Encoding": encoding})) == answered(ONE)


def test_the_length_of_the_json_counts_what_was_inflated() -> None:
    text = json.dumps(request(tensor(parameters={"binary_data_size": 4}))).encode()
    body = gzip.compress(text + np.float32(1.5).tobytes())
    headers = {"Content-Encoding": "gzip", "Inference-Header-Content-Length": str(len(text))}
    assert document_of(infer(body, headers=headers)) == answered(ONE)
