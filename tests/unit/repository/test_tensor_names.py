"""Other names for inputs and outputs, from a file in the version's folder."""

import json

import pytest

from dragoman.core.errors import DragomanError
from dragoman.core.signatures import DEFAULT_SIGNATURE, Signature, TensorSpec
from dragoman.core.tensors import DType
from dragoman.repository.tensor_names import renamed_signatures

FILE = "mapping_config.json"


def spec(name):
    return TensorSpec(name, DType.FP32, (None,), name)


FOUND = {
    DEFAULT_SIGNATURE: Signature(
        DEFAULT_SIGNATURE, {"a": spec("a"), "b": spec("b")}, {"y": spec("y")}, DEFAULT_SIGNATURE
    )
}


def renamed(folder, text):
    (folder / FILE).write_text(text)
    return renamed_signatures(FOUND, str(folder), FILE)[DEFAULT_SIGNATURE]


def test_callers_see_the_names_of_the_file_and_the_engine_its_own(tmp_path):
    signature = renamed(tmp_path, json.dumps({"inputs": {"a": "first"}, "outputs": {"y": "sum"}}))
    assert {name: one.source for name, one in signature.inputs.items()} == {"first": "a", "b": "b"}
    assert [(one.name, one.source) for one in signature.outputs.values()] == [("sum", "y")]


def test_a_name_that_the_model_does_not_have_is_passed_over(tmp_path):
    assert list(renamed(tmp_path, '{"inputs": {"other": "x"}}').inputs) == ["a", "b"]


def test_names_stay_where_there_is_no_such_file_and_where_none_is_asked_for(tmp_path):
    assert renamed_signatures(FOUND, str(tmp_path), FILE) is FOUND
    (tmp_path / FILE).write_text('{"inputs": {"a": "first"}}')
    assert renamed_signatures(FOUND, str(tmp_path), "") is FOUND


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "mapping_config.json: Input data was truncated"),
        ("[]", "mapping_config.json: Expected `object`, got `array`"),
        ('{"input": {}}', "mapping_config.json: Object contains unknown field `input`"),
        ('{"inputs": {"a": 1}}', "mapping_config.json: Expected `str`, got `int` - at `$.inputs[...]`"),
        (
            '{"inputs": {"a": "b"}}',
            "mapping_config.json: inputs: two of the model's tensors would be called 'b'",
        ),
        ('{"x":"' + "x" * (1 << 20) + '"}', "mapping_config.json: the file is larger than 1048576 bytes"),
    ],
)
def test_a_file_that_gives_no_names_is_refused(tmp_path, text, told):
    with pytest.raises(DragomanError) as refused:
        renamed(tmp_path, text)
    assert refused.value.message == told
