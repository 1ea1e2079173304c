"""Small models of PyTorch, saved on the spot in each of its forms."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import save_model

from dragoman.core.tensors import DType

N: Final = torch.export.Dim("N")
ANY: Final = torch.export.Dim.DYNAMIC
TORCH: Final[Mapping[DType, Any]] = {
    dtype: getattr(torch, dtype.value) for dtype in DType if dtype is not DType.BYTES
}

PAIR: Final = """
import torch


class Pair(torch.nn.Module):
    def forward(self, a, b):
        return {"c": a, "d": b}
"""
ECHO: Final = """
import torch


class Echo(torch.nn.Module):
    def forward(self, x):
        return {"y": x}
"""
MLP: Final = """
import torch


class Model(torch.nn.Module):
    def __init__(self, hidden=4):
        super().__init__()
        self.first = torch.nn.Linear(3, hidden)
        self.second = torch.nn.Linear(hidden, 2)

    def forward(self, x):
        return self.second(torch.relu(self.first(x)))
"""


class Half(torch.nn.Module):
    """y = x / 2 + offset."""

    def __init__(self, offset: float = 2.0) -> None:
        super().__init__()
        self.offset = torch.nn.Parameter(torch.tensor(offset))

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"y": x / 2 + self.offset}


class Echo(torch.nn.Module):
    """y = x."""

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"y": x}


class Pair(torch.nn.Module):
    """c = a, d = b."""

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"c": a, "d": b}


def made(source: str, name: str = "", *args: Any) -> Any:
    """A model of the class in this text."""
    namespace: dict[str, Any] = {}
    exec(compile(source, "model.py", "exec"), namespace)
    torch.manual_seed(0)
    classes = [value for value in namespace.values() if isinstance(value, type)]
    return (namespace[name] if name else classes[-1])(*args).eval()


def export(
    file: Path,
    model: torch.nn.Module,
    args: Sequence[Any],
    sizes: Any = None,
    kwargs: Mapping[str, Any] | None = None,
) -> Path:
    """An exported program of the model, called with these arguments; `sizes` by argument, where open."""
    exported = torch.export.export(model.eval(), tuple(args), dict(kwargs or {}), dynamic_shapes=sizes)
    torch.export.save(exported, file)
    return file


def script(file: Path, model: torch.nn.Module) -> Path:
    """The model in TorchScript."""
    with quiet():
        torch.jit.script(model.eval()).save(str(file))
    return file


def traced(file: Path, model: torch.nn.Module, *args: Any) -> Path:
    """The model in TorchScript, of what a call of it did."""
    with quiet():
        torch.jit.trace(model.eval(), args).save(str(file))
    return file


def frozen(file: Path, model: torch.nn.Module) -> Path:
    """The model in TorchScript, its weights constants."""
    with quiet():
        torch.jit.freeze(torch.jit.script(model.eval())).save(str(file))
    return file


@contextmanager
def quiet() -> Iterator[None]:
    """TorchScript's releases announce its end with each use of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def with_class(folder: Path, source: str, model: torch.nn.Module | None = None) -> Path:
    """`model.py` with this text, and the weights of a model of its class beside it."""
    (folder / "model.py").write_text(source, encoding="utf-8")
    file = folder / "model.safetensors"
    save_model(made(source) if model is None else model, str(file))
    return file


def declared(**tensors: tuple[str, Sequence[int | None] | None]) -> dict[str, Any]:
    """Inputs or outputs as model.yaml declares them."""
    return {
        name: {"dtype": dtype, "shape": None if shape is None else list(shape)}
        for name, (dtype, shape) in tensors.items()
    }
