"""What every engine keeps, kept by Python models in workers; and what is their own while they load."""

from pathlib import Path

from dragoman.core.tensors import DType
from dragoman.engines.base import LoadedModel
from dragoman.engines.python_model import PythonModelEngine
from dragoman.execution.workers.model import WorkerModel, placed
from tests.contract.engines import EngineContract
from tests.unit.engines.python_model.texts import ECHO, PAIR


class TestPython(EngineContract):
    engine = placed(PythonModelEngine)
    entry = "model.py"

    def write_echo(self, folder: Path, dtype: DType) -> None:
        (folder / self.entry).write_text(ECHO % {"dtype": dtype.value})

    def write_pair(self, folder: Path) -> None:
        (folder / self.entry).write_text(PAIR)

    def in_memory(self, model: LoadedModel) -> object:
        assert isinstance(model, WorkerModel)
        return model._first.memory.slot(0)
