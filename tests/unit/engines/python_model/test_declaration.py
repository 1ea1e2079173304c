"""What a model says of its inputs and outputs."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.core.signatures import Answers
from dragoman.core.tensors import DType
from dragoman.engines.python_model.declaration import (
    declared_answers,
    declared_concurrency,
    declared_signature,
    specs,
)


def refused(declared: Any) -> str:
    with pytest.raises(DragomanError) as caught:
        specs(declared, "inputs")
    assert caught.value.code is Code.INVALID_ARGUMENT
    return caught.value.message


def test_names_types_and_shapes_are_read_in_order() -> None:
    declared = {"x": ("float32", [None, 3]), "n": ["int64", ()], "any": (np.float16, None), "text": "string"}
    found = [(name, spec.dtype, spec.shape) for name, spec in specs(declared, "inputs").items()]
    assert found == [
        ("x", DType.FP32, (None, 3)),
        ("n", DType.INT64, ()),
        ("any", DType.FP16, None),
        ("text", DType.BYTES, None),
    ]


@pytest.mark.parametrize("dtype", list(DType), ids=lambda dtype: dtype.value)
def test_every_type_has_a_name(dtype: DType) -> None:
    assert specs({"x": dtype.value}, "inputs")["x"].dtype is dtype


@pytest.mark.parametrize(("declared", "message"), [
    (None, "model.py: inputs has to name the model's inputs, as in"),
    ({}, "model.py: inputs has to name the model's inputs, as in"),
    ({"x": "float31"}, "model.py: inputs[\"x\"]: 'float31' is no type; there is bfloat16, bool,"),
    ({"x": 7}, 'model.py: inputs["x"]: 7 is no type'),
    ({"x": ("complex64", None)}, "model.py: inputs[\"x\"]: 'complex64' is no type"),
    ({"x": ("float32",)}, "model.py: inputs[\"x\"] is ('float32',); it has to be a type and a shape"),
    ({"x": ("float32", 3)}, 'model.py: inputs["x"]: 3 is no shape'),
    ({"x": ("float32", [-1])}, 'model.py: inputs["x"]: [-1] is no shape'),
    ({"x": ("float32", [True])}, 'model.py: inputs["x"]: [True] is no shape'),
    ({"": "float32"}, "model.py: inputs has the name ''; a name is text"),
    ({3: "float32"}, "model.py: inputs has the name 3; a name is text"),
])  # fmt: skip
def test_what_is_no_declaration_is_named(declared: Any, message: str) -> None:
    assert refused(declared).startswith(message)


def whole(inputs: Any) -> Any:
    return inputs


def in_parts(inputs: Any) -> Any:
    yield inputs


def test_a_signature_holds_both() -> None:
    signature = declared_signature(
        SimpleNamespace(inputs={"x": "bool"}, outputs={"y": "int8"}, predict=whole)
    )
    assert (list(signature.inputs), list(signature.outputs)) == (["x"], ["y"])


@pytest.mark.parametrize(("methods", "answers"), [
    ({"predict": whole}, Answers.WHOLE),
    ({"predict": in_parts}, Answers.PARTS),
    ({"predict": whole, "stream": in_parts}, Answers.EITHER),
    ({"predict": in_parts, "stream": in_parts}, Answers.PARTS),
])  # fmt: skip
def test_generators_tell_how_a_model_answers(methods: Any, answers: Answers) -> None:
    assert declared_answers(SimpleNamespace(**methods)) is answers


@pytest.mark.parametrize("given", [0, -1, 1.5, "2", True])
def test_concurrency_is_a_whole_number_from_one_on(given: Any) -> None:
    with pytest.raises(DragomanError, match="concurrency"):
        declared_concurrency(SimpleNamespace(concurrency=given))


def test_a_model_that_does_not_say_takes_one_call_at_a_time() -> None:
    assert declared_concurrency(object()) == 1
    assert declared_concurrency(SimpleNamespace(concurrency=4)) == 4
