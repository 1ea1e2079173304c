"""Reference models in PyTorch, saved in each of its forms."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import torch

from dragoman.core.tensors import DType
from tests.unit.engines.torch.programs import MLP, Echo, N, export, made, script, traced, with_class

ROWS: Final = {0: N}
DECLARED: Final = """\
trust: code
options:
  inputs: {{x: {{dtype: {dtype}}}}}
  outputs: {{y: {{dtype: {dtype}}}}}
"""
PERCEPTRON: Final = """\
trust: code
options:
  inputs: {x: {dtype: float32, shape: [null, 3]}}
  outputs: {y: {dtype: float32, shape: [null, 2]}}
"""


class Half(torch.nn.Module):
    def __init__(self, offset: float) -> None:
        super().__init__()
        self.offset = offset

    def forward(self, x: torch.Tensor) -> Mapping[str, torch.Tensor]:
        return {"y": x * 0.5 + self.offset}


class TwoOut(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> Mapping[str, torch.Tensor]:
        return {"sum": x[:, 0] + x[:, 1], "diff": x[:, 0] - x[:, 1]}


class Matrix(torch.nn.Module):
    def forward(self, m: torch.Tensor) -> Mapping[str, torch.Tensor]:
        return {"t": m.t()}


class AddSub(torch.nn.Module):
    def forward(self, INPUT0: torch.Tensor, INPUT1: torch.Tensor) -> Mapping[str, torch.Tensor]:  # noqa: N803
        return {"OUTPUT0": INPUT0 + INPUT1, "OUTPUT1": INPUT0 - INPUT1}


def half_plus_two(file: Path, offset: float) -> None:
    export(file, Half(offset), [torch.zeros(2)], {"x": ROWS})


def two_out(file: Path) -> None:
    export(file, TwoOut(), [torch.zeros(4, 2)], {"x": ROWS})


def matrix(file: Path) -> None:
    columns = torch.export.Dim("M")
    export(file, Matrix(), [torch.zeros(3, 4)], {"m": {0: N, 1: columns}})


def add_sub(file: Path) -> None:
    given = [torch.zeros(4, 16, dtype=torch.int32), torch.zeros(4, 16, dtype=torch.int32)]
    export(file, AddSub(), given, {"INPUT0": ROWS, "INPUT1": ROWS})


REFERENCE: Final[Mapping[tuple[str, int], Callable[[Path], None]]] = {
    ("half_plus_two", 1): lambda file: half_plus_two(file, 2.0),
    ("half_plus_two", 2): lambda file: half_plus_two(file, 3.0),
    ("two_out", 1): two_out,
    ("matrix", 1): matrix,
    ("add_sub", 1): add_sub,
}


def write_echoes(models: Path, dtypes: Iterable[DType]) -> None:
    """A model `echo_<type>` for each of these types, in TorchScript, which takes any shape."""
    for dtype in dtypes:
        folder = models / f"echo_{dtype.value}" / "1"
        folder.mkdir(parents=True)
        script(folder / "model.pt", Echo())
        (folder.parent / "model.yaml").write_text(DECLARED.format(dtype=dtype.value), encoding="utf-8")


def write_perceptrons(models: Path) -> Any:
    """One perceptron of 3, 4 and 2 in the three forms; the model itself."""
    model = made(MLP)
    aliased = "trust: code\nsignatures: {serving_default: {inputs: {x: x}, outputs: {y: output0}}}\n"
    for name, said in (("exported", aliased), ("scripted", PERCEPTRON), ("classed", PERCEPTRON)):
        (models / name / "1").mkdir(parents=True)
        (models / name / "model.yaml").write_text(said, encoding="utf-8")
    export(models / "exported" / "1" / "model.pt2", model, [torch.zeros(2, 3)], {"x": ROWS})
    traced(models / "scripted" / "1" / "model.pt", model, torch.zeros(2, 3))
    with_class(models / "classed" / "1", MLP, model)
    return model
