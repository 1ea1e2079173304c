"""Weights in safetensors, and the class that they are of."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from dragoman.core.errors import Code
from tests.unit.engines.torch.calls import floats, infer, load, refused, unloaded
from tests.unit.engines.torch.programs import ECHO, MLP, made, with_class

DEMO = "model demo version 1"
SHOWN = "x float32 (2,)"
NO_MEMORY = f"{DEMO} has not enough memory to run on {SHOWN}"
TIED = """
import torch


class Tied(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(5, 3)
        self.head = torch.nn.Linear(3, 5, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, tokens):
        return self.head(self.embedding(tokens))
"""
FORWARD = """
import torch
from typing import Any


class Model(torch.nn.Module):
    def forward({arguments}):
        {body}
"""


@pytest.fixture(autouse=True)
def _own_modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Classes change what can be imported; in a worker nobody minds."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    known = set(sys.modules)
    yield
    for name in set(sys.modules) - known:
        del sys.modules[name]


def of(folder: Path, arguments: str, body: str, **options: Any) -> Any:
    """A model whose `forward` is that."""
    return load(with_class(folder, FORWARD.format(arguments=arguments, body=body)), **options)


def test_it_answers_as_the_class_does_with_these_weights(tmp_path: Path) -> None:
    model = made(MLP)
    file = with_class(tmp_path, MLP, model)
    wanted = model(torch.from_numpy(floats(5, 3))).detach().numpy()
    assert np.array_equal(infer(load(file), x=floats(5, 3))["output0"].array, wanted)


def test_the_class_gets_its_arguments_from_the_options(tmp_path: Path) -> None:
    file = with_class(tmp_path, MLP, made(MLP, "Model", 7))
    assert infer(load(file, class_arguments={"hidden": 7}), x=floats(2, 3))["output0"].array.shape == (2, 2)
    error = unloaded(file, class_arguments={"hiden": 7})
    assert error.code is Code.INVALID_ARGUMENT
    assert error.message == "options.class_arguments: got an unexpected keyword argument 'hiden'"


def test_weights_of_other_shapes_are_named(tmp_path: Path) -> None:
    error = unloaded(with_class(tmp_path, MLP, made(MLP, "Model", 7)))
    assert error.code is Code.FAILED_PRECONDITION
    where = "model.safetensors does not fit the class Model in model.py: it has "
    first = "first.weight (7, 3), where the class has (4, 3), first.bias (7,), where the class has (4,)"
    assert error.message == f"{where}{first}, second.weight (2, 7), where the class has (2, 4)"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"first.bias": None}, "it lacks first.bias"),
        ({"third.bias": torch.zeros(2)}, "the class has no third.bias"),
        (
            dict.fromkeys(("first.weight", "first.bias", "second.weight", "second.bias")),
            "it lacks first.weight, first.bias, second.weight and 1 more",
        ),
    ],
)
def test_weights_that_are_missing_or_unknown_are_named(
    tmp_path: Path, changed: dict[str, Any], why: str
) -> None:
    file = with_class(tmp_path, MLP)
    weights = {**made(MLP).state_dict(), **changed}
    save_file({name: each for name, each in weights.items() if each is not None}, file)
    error = unloaded(file)
    assert error.code is Code.FAILED_PRECONDITION
    assert error.message == f"model.safetensors does not fit the class Model in model.py: {why}"


def test_weights_that_are_used_twice_are_saved_once_and_not_missed(tmp_path: Path) -> None:
    model = made(TIED)
    tokens = np.array([0, 4])
    wanted = model(torch.from_numpy(tokens)).detach().numpy()
    answer = infer(load(with_class(tmp_path, TIED, model)), tokens=tokens)
    assert np.array_equal(answer["output0"].array, wanted)


def test_weights_may_come_in_several_files_with_an_index(tmp_path: Path) -> None:
    model = made(MLP)
    with_class(tmp_path, MLP, model).unlink()
    parts = {"a.safetensors": "first", "b.safetensors": "second"}
    places = {}
    for name, layer in parts.items():
        weights = {key: each for key, each in model.state_dict().items() if key.startswith(layer)}
        save_file(weights, tmp_path / name)
        places.update(dict.fromkeys(weights, name))
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": places}))
    wanted = model(torch.from_numpy(floats(1, 3))).detach().numpy()
    assert np.array_equal(infer(load(index), x=floats(1, 3))["output0"].array, wanted)
    (tmp_path / "b.safetensors").unlink()
    assert unloaded(index).message == "b.safetensors does not load: there is no such file"


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"weight_map": 3}', '{"weight_map": {"x": 3}}', "[" * 9999]
)
def test_an_index_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    with_class(tmp_path, MLP)
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(text)
    error = unloaded(index)
    assert error.code is Code.INTERNAL
    assert "it is no index of safetensors files" in error.message


def test_an_index_names_files_beside_it_only(tmp_path: Path) -> None:
    with_class(tmp_path, MLP)
    index = tmp_path / "model.safetensors.index.json"
    index.write_text('{"weight_map": {"x": "../model.safetensors"}}')
    assert "no file beside it" in unloaded(index).message


def test_weights_are_kept_in_the_types_of_the_class(tmp_path: Path) -> None:
    file = with_class(tmp_path, MLP, made(MLP).to(torch.bfloat16))
    assert infer(load(file), x=floats(1, 3))["output0"].array.dtype == np.float32


def test_of_several_classes_the_options_say_which(tmp_path: Path) -> None:
    file = with_class(tmp_path, ECHO + ECHO.replace("Echo", "Other").replace('"y"', '"z"'), made(ECHO))
    assert unloaded(file).message == "model.py has the classes Echo, Other; options.class_name says which"
    assert list(infer(load(file, class_name="Other"), x=floats(1))) == ["z"]
    assert unloaded(file, class_name="Third").message == (
        "options.class_name: model.py has no class or function 'Third'"
    )


def test_a_function_may_make_the_model(tmp_path: Path) -> None:
    source = ECHO + "\n\ndef build():\n    return Echo()\n\n\ndef other():\n    return 3\n"
    file = with_class(tmp_path, source, made(ECHO))
    assert list(infer(load(file, class_name="build"), x=floats(1))) == ["y"]
    assert unloaded(file, class_name="other").message == (
        "options.class_name: what other gives is no torch.nn.Module"
    )


def test_the_class_may_lie_in_another_file(tmp_path: Path) -> None:
    file = with_class(tmp_path, ECHO)
    (tmp_path / "model.py").rename(tmp_path / "net.py")
    assert list(infer(load(file, class_file="net.py"), x=floats(1))) == ["y"]


def test_a_python_model_beside_safetensors_is_told_how_to_be_one(tmp_path: Path) -> None:
    file = with_class(tmp_path, ECHO)
    (tmp_path / "model.py").write_text("class Model:\n    def predict(self, inputs): pass\n")
    assert unloaded(file).message.endswith("set engine: python for a Python model")
    (tmp_path / "model.py").write_text("x = 1\n")
    assert unloaded(file).message == "model.py has no class derived from torch.nn.Module"


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("import nothing_of_that_name", Code.FAILED_PRECONDITION, "model.py needs the module nothing_of"),
        ("class Model(:", Code.INVALID_ARGUMENT, "model.py line 1: "),
        ("1 / 0", Code.INTERNAL, "model.py raised ZeroDivisionError in line 1 while it loaded"),
        (MLP.replace("hidden=4", "hidden=no"), Code.INTERNAL, "model.py raised NameError in line 6"),
    ],
)
def test_code_that_fails_is_named_by_its_line(tmp_path: Path, text: str, code: Code, message: str) -> None:
    file = with_class(tmp_path, MLP)
    (tmp_path / "model.py").write_text(text)
    error = unloaded(file)
    assert error.code is code
    assert error.message.startswith(message)


def test_arguments_that_have_defaults_may_be_left_out(tmp_path: Path) -> None:
    model = of(tmp_path, "self, x, scale: float = 2.0, *args", "return x * scale")
    assert infer(model, x=floats(2))["output0"].array.tolist() == [0, 2]
    assert infer(model, x=floats(2), scale=np.array(3))["output0"].array.tolist() == [0, 3]
    assert refused(model).message == 'input "x" is missing'
    assert 'no input "args"' in refused(model, x=floats(2), args=floats(2)).message


def test_arguments_of_any_name_are_taken_where_forward_takes_them(tmp_path: Path) -> None:
    model = of(tmp_path, "self, **inputs", "return inputs")
    assert list(infer(model, one=floats(1), two=floats(1))) == ["one", "two"]


def test_an_argument_without_a_name_is_refused(tmp_path: Path) -> None:
    file = with_class(tmp_path, FORWARD.format(arguments="self, x, /", body="return x"))
    assert unloaded(file).message == (
        "model.py: forward takes 'x' by position only; inputs are given by name"
    )


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("return {'y': (x, x)}", 'output "y" is a tuple'),
        ("return [x, 'text']", 'output "output1" is a str'),
        ("return x.to_sparse()", 'output "output0" is a sparse tensor (torch.sparse_coo)'),
        ("return x.to(torch.complex64)", 'output "output0" is a tensor of torch.complex64'),
    ],
)  # fmt: skip
def test_an_answer_that_cannot_be_sent_is_named(tmp_path: Path, body: str, why: str) -> None:
    error = refused(of(tmp_path, "self, x", body), x=floats(2))
    told = f"the model's answer cannot be sent: {why}, and has to be a tensor"
    assert (error.code, error.message) == (Code.INTERNAL, told)


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ("raise ValueError('no cats')", Code.INVALID_ARGUMENT, "no cats"),
        ("assert len(x) > 9, 'too few'", Code.INVALID_ARGUMENT, f"{DEMO} does not take {SHOWN}: too few"),
        ("raise KeyError('secret')", Code.INTERNAL, f"{DEMO} failed while it ran on {SHOWN}"),
        ("return torch.empty(10**14)", Code.RESOURCE_EXHAUSTED, NO_MEMORY),
    ],
)  # fmt: skip
def test_what_the_code_raises_is_the_callers_fault_or_the_models(
    tmp_path: Path, body: str, code: Code, message: str
) -> None:
    error = refused(of(tmp_path, "self, x", body), x=floats(2))
    assert (error.code, error.message) == (code, message)


def test_a_model_may_change_its_inputs(tmp_path: Path) -> None:
    model = of(tmp_path, "self, x", "return x.add_(1)")
    frozen = np.frombuffer(floats(2).tobytes(), np.float32)
    assert infer(model, x=frozen)["output0"].array.tolist() == [1, 2]
    assert frozen.tolist() == [0, 1]
