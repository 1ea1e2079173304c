"""The torch engine: what every engine keeps, for each of the forms in which models are saved."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import torch

from dragoman.core.tensors import DType
from dragoman.engines.base import LoadedModel
from dragoman.engines.torch import TorchEngine
from dragoman.engines.torch.model import TorchModel
from tests.contract.engines import EngineContract
from tests.unit.engines.torch import programs
from tests.unit.engines.torch.programs import ANY, TORCH, N, declared

NUMBERS: Final = tuple(TORCH)
PAIR: Final = {
    "inputs": declared(a=("float32", [None, 3]), b=("int64", [None])),
    "outputs": declared(c=("float32", [None, 3]), d=("int64", [None])),
}


@pytest.fixture(autouse=True)
def _own_modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Classes change what can be imported; in a worker nobody minds."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "model", raising=False)
    yield
    sys.modules.pop("model", None)


def echo(dtype: DType) -> Mapping[str, Any]:
    """What model.yaml says of an echo."""
    tensor = (dtype.value, [None, None])
    return {"inputs": declared(x=tensor), "outputs": declared(y=tensor)}


class Torch(EngineContract):
    engine = TorchEngine()
    dtypes = NUMBERS

    def in_memory(self, model: LoadedModel) -> object:
        assert isinstance(model, TorchModel)
        assert model._program is not None
        return model._program.module


class TestExported(Torch):
    entry = "model.pt2"

    def write_echo(self, folder: Path, dtype: DType) -> None:
        given = torch.zeros(3, 4).to(TORCH[dtype])
        programs.export(folder / self.entry, programs.Echo(), [given], {"x": {0: ANY, 1: ANY}})

    def write_pair(self, folder: Path) -> None:
        given = [torch.zeros(4, 3), torch.zeros(4, dtype=torch.int64)]
        programs.export(folder / self.entry, programs.Pair(), given, {"a": {0: N}, "b": {0: N}})


class Declared(Torch):
    """Forms that do not say what they take: `options` does."""

    options: Mapping[str, Any] = PAIR

    def load(self, folder: Path, options: Mapping[str, Any] | None = None) -> LoadedModel:
        return super().load(folder, {**self.options, **(options or {})})


class TestTorchScript(Declared):
    entry = "model.pt"

    def write_echo(self, folder: Path, dtype: DType) -> None:
        self.options = echo(dtype)
        programs.script(folder / self.entry, programs.Echo())

    def write_pair(self, folder: Path) -> None:
        programs.script(folder / self.entry, programs.Pair())


class TestSafetensors(Declared):
    entry = "model.safetensors"

    def write_echo(self, folder: Path, dtype: DType) -> None:
        self.options = echo(dtype)
        programs.with_class(folder, programs.ECHO)

    def write_pair(self, folder: Path) -> None:
        programs.with_class(folder, programs.PAIR)
