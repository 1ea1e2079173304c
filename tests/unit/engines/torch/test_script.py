"""TorchScript files, which say what their arguments are called."""

from pathlib import Path
from typing import Any, NamedTuple, Optional

import numpy as np
import pytest
import torch

from dragoman.core.errors import Code
from dragoman.core.signatures import DEFAULT_SIGNATURE
from dragoman.core.tensors import DType
from tests.unit.engines.torch.calls import floats, infer, load, refused, unloaded
from tests.unit.engines.torch.programs import Half, Pair, declared, frozen, script, traced


class Point(NamedTuple):
    u: torch.Tensor
    v: torch.Tensor


class Tuple(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x + 1, x.sum()


class Named(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> Point:
        return Point(x, x * 2)


class Optionals(torch.nn.Module):
    def forward(
        self,
        x: torch.Tensor,
        bias: Optional[torch.Tensor] = None,  # noqa: UP045 (as TorchScript reads it)
        times: int = 2,
        names: Optional[list[str]] = None,  # noqa: UP045
    ) -> torch.Tensor:
        x = x * times
        return x if bias is None else x + bias


class Scaled(torch.nn.Module):
    def forward(self, x: torch.Tensor, scale: float, flag: bool) -> tuple[torch.Tensor, float]:
        return (x * scale if flag else x), scale


class Many(torch.nn.Module):
    def forward(self, xs: list[torch.Tensor]) -> torch.Tensor:
        return xs[0]


class Nested(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        return x, [x, x]


class Strict(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        assert x.dim() == 2, "two axes"
        if x.size(1) > 4:
            raise ValueError("at most four columns")
        return x


class Without(torch.nn.Module):
    @torch.jit.export
    def other(self, x: torch.Tensor) -> torch.Tensor:
        return x


class Counting(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tensor([float(torch.is_grad_enabled()), float(self.training)]) + x


def saved(folder: Path, model: torch.nn.Module) -> Path:
    return script(folder / "model.pt", model)


def test_without_declared_types_any_tensors_of_the_arguments_names_are_taken(tmp_path: Path) -> None:
    model = load(saved(tmp_path, Pair()))
    assert model.signatures[DEFAULT_SIGNATURE].untyped
    for dtype in (np.float64, np.int8, np.bool_):
        given = np.ones((2, 2), dtype)
        answer = infer(model, a=given, b=floats(3))
        assert answer["c"].array.dtype == dtype
        assert answer["d"].array.tolist() == [0, 1, 2]
    assert list(infer(model, ["d"], a=floats(1), b=floats(2))) == ["d"]


def test_its_inputs_and_outputs_are_checked_by_name(tmp_path: Path) -> None:
    model = load(saved(tmp_path, Pair()))
    wrong = {
        'input "b" is missing': refused(model, a=floats(1)),
        'there is no input "z"; the model takes a, b': refused(model, a=floats(1), b=floats(1), z=floats(1)),
        'there is no output "z"; the model gives c, d': refused(model, ["z"], a=floats(1), b=floats(1)),
        'input "a": bytes given, and PyTorch has tensors of numbers only': refused(
            model, a=np.array([b"x"], object), b=floats(1)
        ),
    }
    assert {error.message for error in wrong.values()} == set(wrong)
    assert {error.code for error in wrong.values()} == {Code.INVALID_ARGUMENT}


def test_what_an_operator_says_of_the_inputs_reaches_the_caller(tmp_path: Path) -> None:
    model = load(saved(tmp_path, torch.nn.Sequential(torch.nn.Linear(3, 4))))
    error = refused(model, input=floats(2, 5))
    assert error.code is Code.INVALID_ARGUMENT
    assert error.message == (
        "model demo version 1 does not take input float32 (2, 5): "
        "mat1 and mat2 shapes cannot be multiplied (2x5 and 3x4)"
    )
    error = refused(model, input=np.ones((2, 3)))
    assert error.code is Code.INVALID_ARGUMENT
    assert error.message.startswith(
        "model demo version 1 does not take input float64 (2, 3): mat1 and mat2 must"
    )


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (floats(3), "model demo version 1 does not take x float32 (3,): two axes"),
        (floats(1, 5), "at most four columns"),
    ],
)
def test_so_do_assertions_and_errors_of_the_models_own(tmp_path: Path, given: Any, why: str) -> None:
    error = refused(load(saved(tmp_path, Strict())), x=given)
    assert (error.code, error.message) == (Code.INVALID_ARGUMENT, why)


@pytest.mark.parametrize(("model", "names"), [(Tuple(), ["output0", "output1"]), (Named(), ["u", "v"])])
def test_a_tuple_is_numbered_and_a_named_one_keeps_its_names(
    tmp_path: Path, model: torch.nn.Module, names: list[str]
) -> None:
    answer = infer(load(saved(tmp_path, model)), x=floats(2))
    assert list(answer) == names
    assert answer[names[1]].array.tolist() == (1.0 if "output1" in names else [0.0, 2.0])


def test_declared_outputs_name_the_parts_of_a_tuple_in_order(tmp_path: Path) -> None:
    told = {
        "inputs": declared(x=("float32", [None])),
        "outputs": declared(more=("float32", [None]), total=("float32", [])),
    }
    model = load(saved(tmp_path, Tuple()), **told)
    assert {name: each.array.tolist() for name, each in infer(model, x=floats(2)).items()} == {
        "more": [1.0, 2.0],
        "total": 1.0,
    }
    assert refused(model, x=floats(2, 2)).message == 'input "x": shape (2, 2) does not fit (?,)'


def test_declared_outputs_that_the_model_does_not_give_are_its_failure(tmp_path: Path) -> None:
    inputs = declared(x=("float32", None))
    model = load(saved(tmp_path, Half()), inputs=inputs, outputs=declared(z=("float32", None)))
    error = refused(model, x=floats(2))
    assert error.code is Code.INTERNAL
    assert error.message == 'the model\'s answer cannot be sent: it gives no output "z"; it gives y'


def test_arguments_with_defaults_may_be_left_out_and_numbers_are_sent_as_one_element(tmp_path: Path) -> None:
    model = load(saved(tmp_path, Optionals()))
    assert infer(model, x=floats(3))["output0"].array.tolist() == [0, 2, 4]
    assert infer(model, x=floats(3), times=np.array(3))["output0"].array.tolist() == [0, 3, 6]
    assert infer(model, x=floats(3), bias=floats(3))["output0"].array.tolist() == [0, 3, 6]
    error = refused(model, x=floats(3), times=floats(1))
    assert error.message == 'input "times": one integer expected, float32 of shape (1,) given'
    assert 'there is no input "names"' in refused(model, x=floats(3), names=floats(1)).message


def test_numbers_come_back_as_tensors_without_axes(tmp_path: Path) -> None:
    model = load(saved(tmp_path, Scaled()))
    answer = infer(model, x=floats(2), scale=np.array([0.5]), flag=np.array(True))
    assert answer["output0"].array.tolist() == [0.0, 0.5]
    assert (answer["output1"].dtype, answer["output1"].array.shape) == (DType.FP64, ())
    assert answer["output1"].array == 0.5


def test_it_runs_for_inference(tmp_path: Path) -> None:
    model = load(saved(tmp_path, Counting().train()))
    assert infer(model, x=np.zeros(2, np.float32))["output0"].array.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (Many(), "forward's argument 'xs' is List[Tensor], and has to be a tensor"),
        (Nested(), "forward gives List[Tensor] among its outputs, which have to be tensors"),
        (Without(), "it has no method forward"),
    ],
)
def test_a_model_that_cannot_be_called_with_tensors_does_not_load(
    tmp_path: Path, model: torch.nn.Module, why: str
) -> None:
    error = unloaded(saved(tmp_path, model))
    assert (error.code, error.message) == (Code.FAILED_PRECONDITION, f"model.pt does not load: {why}")


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (("x", "z"), "options.inputs.z: forward has no such argument; it takes a, b"),
        (("a",), "options.inputs: forward's argument 'b' is missing"),
    ],
)
def test_declared_inputs_have_to_be_its_arguments(tmp_path: Path, inputs: Any, message: str) -> None:
    told = declared(**dict.fromkeys(inputs, ("float32", None)))
    if "x" in told:
        told = {"a": told["x"], "b": told["x"], **told}
        del told["x"]
    error = unloaded(saved(tmp_path, Pair()), inputs=told, outputs=declared(c=("float32", None)))
    assert (error.code, error.message) == (Code.INVALID_ARGUMENT, message)


def test_a_traced_model_serves_too(tmp_path: Path) -> None:
    file = traced(tmp_path / "model.pt", torch.nn.Linear(3, 2), torch.zeros(1, 3))
    assert infer(load(file), input=floats(4, 3))["output0"].array.shape == (4, 2)


def test_a_frozen_model_serves_too(tmp_path: Path) -> None:
    file = frozen(tmp_path / "model.pt", Half())
    assert infer(load(file), x=floats(2))["y"].array.tolist() == [2.0, 2.5]
