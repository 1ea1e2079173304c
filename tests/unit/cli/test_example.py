"""The curl lines that the server prints."""

import json
import shlex
import subprocess
import sys

import pytest

from dragoman.cli.example import ELEMENTS
from dragoman.cli.example import curl_line as line_of
from dragoman.core.requests import Kind
from dragoman.core.signatures import DEFAULT_SIGNATURE, FeatureSpec, Method, Signature, TensorSpec
from dragoman.core.tensors import DType
from dragoman.protocols.kserve_v1.example import make_example as kserve_v1
from dragoman.protocols.kserve_v2.example import make_example as kserve_v2
from dragoman.protocols.torchserve.example import make_example as torchserve
from dragoman.wire.v1_example import column_example

URL = "http://127.0.0.1:8000"


def curl_line(url, model, signatures):
    return line_of(url, column_example("TensorFlow Serving REST", model, signatures))


def predict(name=DEFAULT_SIGNATURE, **inputs):
    specs = {key: TensorSpec(key, dtype, shape, key) for key, (dtype, shape) in inputs.items()}
    return {name: Signature(name, specs, {})}


def body_of(line):
    curl, flag, body, _ = shlex.split(line)
    assert (curl, flag) == ("curl", "-d")
    return json.loads(body)


def test_an_open_size_becomes_one():
    line = curl_line(URL, "half", predict(x=(DType.FP32, (None, 3))))
    assert body_of(line) == {"inputs": [[1.0, 1.0, 1.0]]}


def test_an_open_rank_becomes_one_dimension():
    assert body_of(curl_line(URL, "echo", predict(x=(DType.INT64, None)))) == {"inputs": [1]}


def test_a_scalar_input_is_a_bare_value():
    assert body_of(curl_line(URL, "m", predict(x=(DType.BOOL, ())))) == {"inputs": True}


def test_several_inputs_are_named():
    line = curl_line(URL, "m", predict(tag=(DType.BYTES, (None,)), signal=(DType.UINT8, (None, 2))))
    assert body_of(line) == {"inputs": {"tag": ["text"], "signal": [[1, 1]]}}


def test_the_default_signature_is_not_named_but_another_is():
    other = predict("embed", x=(DType.FP32, (1,)))
    assert body_of(curl_line(URL, "m", other)) == {"signature_name": "embed", "inputs": [1.0]}
    both = other | predict(x=(DType.FP32, (2,)))
    assert body_of(curl_line(URL, "m", both)) == {"inputs": [1.0, 1.0]}


def test_the_url_ends_in_the_method_and_is_quoted_for_a_shell():
    line = curl_line(URL, "it's", predict(x=(DType.FP32, (1,))))
    assert shlex.split(line)[-1] == f"{URL}/v1/models/it's:predict"


def test_a_classify_signature_gets_examples_with_flat_features():
    features = {
        "image": FeatureSpec("image", DType.FP32, (2, 2), "image"),
        "age": FeatureSpec("age", DType.INT64, (), "age"),
    }
    signature = Signature("c", {}, {}, method=Method.CLASSIFY, features=features)
    line = curl_line(URL, "m", {"c": signature})
    assert body_of(line) == {"signature_name": "c", "examples": [{"image": [1.0, 1.0, 1.0, 1.0], "age": 1}]}
    assert line.endswith(":classify")


@pytest.mark.parametrize("dtype", DType)
def test_a_body_too_long_to_paste_is_made_by_a_program_that_makes_the_same(dtype):
    signatures = predict(image=(dtype, (None, 20, 20, 3)), size=(DType.INT64, (2,)))
    program, curl = curl_line(URL, "m", signatures).split(" | ")
    assert curl == f"curl -d @- {URL}/v1/models/m:predict"
    python, flag, source = shlex.split(program)
    assert (python, flag) == ("python3", "-c")
    run = subprocess.run([sys.executable, "-c", source], capture_output=True, check=True, text=True)
    assert json.loads(run.stdout) == {
        "inputs": {"image": [[[[ELEMENTS[dtype]] * 3] * 20] * 20], "size": [1, 1]}
    }


def test_kserve_v1_gets_one_instance():
    line = line_of(URL, kserve_v1("m", predict(x=(DType.FP32, (None, 2)))))
    assert body_of(line) == {"instances": [[1.0, 1.0]]}
    named = kserve_v1("m", predict(a=(DType.INT64, (None,)), b=(DType.BYTES, (None, 1))))
    assert body_of(line_of(URL, named)) == {"instances": [{"a": 1, "b": ["text"]}]}


def test_kserve_v1_has_none_for_inputs_that_are_not_rows():
    assert kserve_v1("m", predict(x=(DType.FP32, ()))) is None
    assert kserve_v1("m", predict(x=(DType.FP32, (3,)), y=(DType.FP32, (1, 3)))) is None


def test_the_open_inference_protocol_gets_named_tensors_with_shape_and_type():
    line = line_of(URL, kserve_v2("m", predict(x=(DType.FP32, (None, 2)), tag=(DType.BYTES, (1,)))))
    assert line.endswith(f" {URL}/v2/models/m/infer")
    assert body_of(line) == {
        "inputs": [
            {"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [[1.0, 1.0]]},
            {"name": "tag", "shape": [1], "datatype": "BYTES", "data": ["text"]},
        ]
    }


@pytest.mark.parametrize("make", [kserve_v1, kserve_v2])
def test_a_model_without_a_default_signature_of_tensors_is_not_shown_where_none_can_be_named(make):
    assert make("m", predict("embed", x=(DType.FP32, (1,)))) is None
    classify = Signature(DEFAULT_SIGNATURE, {}, {}, method=Method.CLASSIFY)
    assert make("m", {DEFAULT_SIGNATURE: classify}) is None


def test_torchserve_gets_the_inputs_by_name():
    line = line_of(URL, torchserve("m", predict(x=(DType.FP32, (None, 2)))))
    assert body_of(line) == {"x": [[1.0, 1.0]]}
    assert line.endswith(f" {URL}/predictions/m")


def test_a_handler_is_sent_a_text_and_told_that_it_is_json():
    handler = Signature(DEFAULT_SIGNATURE, {}, {}, accepts=frozenset({Kind.PAYLOAD}), untyped=True)
    line = line_of(URL, torchserve("m", {DEFAULT_SIGNATURE: handler}))
    assert shlex.split(line) == [
        "curl", "-H", "Content-Type: application/json", "-d", '{"data": "text"}', f"{URL}/predictions/m"
    ]  # fmt: skip
