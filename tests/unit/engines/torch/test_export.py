"""Exported programs, which say of themselves what they take and give."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dragoman.core.errors import Code
from dragoman.core.signatures import DEFAULT_SIGNATURE
from dragoman.core.tensors import DType
from dragoman.engines.torch.model import TorchModel
from tests.unit.engines.torch.calls import floats, infer, load, refused, unloaded
from tests.unit.engines.torch.programs import ANY, Half, N, Pair, declared, export


class Rich(torch.nn.Module):
    """Arguments of every kind."""

    def forward(self, d: Any, xs: Any, lengths: Any = None, *, scale: float = 1.0, input: Any = None) -> Any:
        return (d["a"] + d["b"]) * scale, xs[0] + xs[1], input


class Cased(torch.nn.Module):
    def forward(self, INPUT0: Any, d: Any) -> Any:  # noqa: N803
        return INPUT0 + d["K"][0]


class Doubled(torch.nn.Module):
    def forward(self, d: Any, d_a: Any) -> Any:
        return d["a"] - d_a + d["b"] * 0


class Times(torch.nn.Module):
    def forward(self, x: torch.Tensor, n: int) -> torch.Tensor:
        return x * n


class Nested(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> Any:
        return {"logits": x, "past": (x, x + 1)}


class Complex(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.fft.fft(x)


class Optionals(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> Any:
        return {"y": x + 1, "nothing": None}


class Halves(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.view(x.shape[0] // 2, 2)


class Counter(torch.nn.Module):
    """A model that keeps what it has seen."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen += x.sum()
        return self.seen + 0


def saved(folder: Path, model: torch.nn.Module, *args: Any, sizes: Any = None, **kwargs: Any) -> Path:
    return export(folder / "model.pt2", model, args, sizes, kwargs)


def shapes(model: TorchModel, role: str) -> Mapping[str, Any]:
    specs = getattr(model.signatures[DEFAULT_SIGNATURE], role)
    return {name: (spec.dtype, spec.shape) for name, spec in specs.items()}


def test_names_types_and_open_sizes_are_the_exports(tmp_path: Path) -> None:
    model = load(saved(tmp_path, Half(), torch.zeros(2, 3), sizes={"x": {0: N}}))
    assert shapes(model, "inputs") == {"x": (DType.FP32, (None, 3))}
    assert shapes(model, "outputs") == {"y": (DType.FP32, (None, 3))}
    for rows in (0, 1, 2, 7):
        assert infer(model, x=floats(rows, 3))["y"].array.shape == (rows, 3)
    assert infer(model, x=floats(1, 3))["y"].array.tolist() == [[2.0, 2.5, 3.0]]


def test_nested_arguments_are_called_by_their_path_and_fixed_ones_stay(tmp_path: Path) -> None:
    one, two, three, four, five = (torch.ones(2) for _ in range(5))
    file = saved(tmp_path, Rich(), {"a": one, "b": two}, [three, four], scale=3.0, input=five)
    model = load(file)
    assert list(shapes(model, "inputs")) == ["d_a", "d_b", "xs_0", "xs_1", "input"]
    given = {name: floats(2) + index for index, name in enumerate(shapes(model, "inputs"))}
    assert {name: each.array.tolist() for name, each in infer(model, **given).items()} == {
        "output0": [3.0, 9.0],
        "output1": [5.0, 7.0],
        "output2": [4.0, 5.0],
    }


def test_names_keep_their_case_and_those_that_would_be_one_are_told_apart(tmp_path: Path) -> None:
    x, y, z = (torch.ones(2) for _ in range(3))
    assert list(shapes(load(saved(tmp_path, Cased(), x, {"K": [y]})), "inputs")) == ["INPUT0", "d_K_0"]
    model = load(saved(tmp_path, Doubled(), {"a": x, "b": z}, y))
    assert list(shapes(model, "inputs")) == ["d_a", "d_b", "d_a_1"]
    given = {"d_a": floats(2), "d_b": floats(2), "d_a_1": floats(2) + 3}
    assert infer(model, **given)["output0"].array.tolist() == [-3.0, -3.0]


def test_a_number_that_was_left_open_is_a_tensor_without_axes(tmp_path: Path) -> None:
    model = load(saved(tmp_path, Times(), torch.ones(2), 4, sizes={"x": None, "n": ANY}))
    assert shapes(model, "inputs") == {"x": (DType.FP32, (2,)), "n": (DType.INT64, ())}
    assert infer(model, x=floats(2), n=np.array(7))["output0"].array.tolist() == [0.0, 7.0]


def test_sizes_keep_to_the_bounds_of_the_export(tmp_path: Path) -> None:
    bounded = torch.export.Dim("B", min=3, max=5)
    model = load(saved(tmp_path, Half(), torch.zeros(4, 2), sizes={"x": {0: bounded}}))
    assert infer(model, x=floats(5, 2))["y"].array.shape == (5, 2)
    assert refused(model, x=floats(6, 2)).message == 'input "x": size 6 of axis 0 is above 5'
    assert refused(model, x=floats(2, 2)).message == 'input "x": size 2 of axis 0 is below 3'


def test_sizes_that_the_export_calls_by_one_name_are_equal(tmp_path: Path) -> None:
    file = saved(tmp_path, Pair(), torch.zeros(4, 3), torch.zeros(4), sizes={"a": {0: N}, "b": {0: N}})
    error = refused(load(file), a=floats(2, 3), b=floats(3))
    assert error.code is Code.INVALID_ARGUMENT
    assert error.message == 'input "b": size 3 of axis 0 has to be 2, as in input "a"'


def test_what_only_the_exports_guards_know_is_the_callers_fault_too(tmp_path: Path) -> None:
    even = 2 * torch.export.Dim("half", min=1, max=64)
    model = load(saved(tmp_path, Halves(), torch.zeros(8), sizes={"x": {0: even}}))
    assert infer(model, x=floats(6))["output0"].array.shape == (3, 2)
    error = refused(model, x=floats(7))
    assert error.code is Code.INVALID_ARGUMENT
    assert "does not take x float32 (7,)" in error.message


def test_a_fixed_size_is_the_only_one_taken(tmp_path: Path) -> None:
    model = load(saved(tmp_path, Half(), torch.zeros(2, 3)))
    assert refused(model, x=floats(1, 3)).message == 'input "x": shape (1, 3) does not fit (2, 3)'


def test_an_output_that_is_none_is_left_out(tmp_path: Path) -> None:
    model = load(saved(tmp_path, Optionals(), torch.zeros(2)))
    assert list(shapes(model, "outputs")) == ["y"]
    assert list(infer(model, x=floats(2))) == ["y"]


def test_what_a_model_keeps_between_calls_is_kept(tmp_path: Path) -> None:
    model = load(saved(tmp_path, Counter(), torch.zeros(2)))
    answers = [infer(model, x=floats(2))["output0"].array.item() for _ in range(3)]
    assert answers == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (Nested(), 'output "past" is a tuple, and has to be a tensor'),
        (Complex(), '"output0" is a tensor of torch.complex64, which cannot be sent'),
    ],
)
def test_what_cannot_be_sent_does_not_load(tmp_path: Path, model: torch.nn.Module, why: str) -> None:
    error = unloaded(saved(tmp_path, model, torch.zeros(2)))
    assert (error.code, error.message) == (Code.FAILED_PRECONDITION, f"model.pt2 does not load: {why}")


def test_it_cannot_be_told_otherwise(tmp_path: Path) -> None:
    told = {"inputs": declared(x=("float32", None)), "outputs": declared(y=("float32", None))}
    error = unloaded(saved(tmp_path, Half(), torch.zeros(2)), **told)
    assert error.code is Code.INVALID_ARGUMENT
    assert error.message.startswith("options.inputs: model.pt2 says itself what it takes and gives")


def test_it_may_bear_another_suffix(tmp_path: Path) -> None:
    file = saved(tmp_path, Half(), torch.zeros(2)).rename(tmp_path / "model.pt")
    assert infer(load(file), x=floats(2))["y"].array.tolist() == [2.0, 2.5]
