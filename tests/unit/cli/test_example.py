"""The curl lines that the server prints."""

import json
import shlex
import subprocess
import sys

import pytest

from dragoman.cli.example import ELEMENTS, curl_line
from dragoman.core.signatures import DEFAULT_SIGNATURE, FeatureSpec, Method, Signature, TensorSpec
from dragoman.core.tensors import DType

URL = "http://127.0.0.1:8000"


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


def test_the_url_ends_in_the_method_and_escapes_the_models_name():
    line = curl_line(URL, "it's a model", predict(x=(DType.FP32, (1,))))
    assert shlex.split(line)[-1] == f"{URL}/v1/models/it%27s%20a%20model:predict"


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
