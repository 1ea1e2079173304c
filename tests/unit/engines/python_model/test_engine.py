"""What every engine keeps, kept by Python models in workers."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from dragoman.core.tensors import DType
from dragoman.engines.base import LoadedModel
from dragoman.engines.python_model import PythonModelEngine
from dragoman.execution.workers.model import WorkerModel, placed
from tests.contract.engines import EngineContract
from tests.unit.engines.python_model.texts import ECHO, PAIR


class TestPython(EngineContract):
    engine = placed(PythonModelEngine)
    entry = "model.py"

    @pytest.fixture(autouse=True)
    def _no_worker_left(self) -> Iterator[None]:
        self.models: list[LoadedModel] = []
        yield
        for model in self.models:
            model.close()

    def load(self, folder: Path, options: Mapping[str, Any] | None = None) -> LoadedModel:
        self.models.append(super().load(folder, options))
        return self.models[-1]

    def write_echo(self, folder: Path, dtype: DType) -> None:
        (folder / self.entry).write_text(ECHO % {"dtype": dtype.value})

    def write_pair(self, folder: Path) -> None:
        (folder / self.entry).write_text(PAIR)

    def in_memory(self, model: LoadedModel) -> object:
        assert isinstance(model, WorkerModel)
        return model._first.memory.slot(0)
