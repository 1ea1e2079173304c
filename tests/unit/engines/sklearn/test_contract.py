"""What every engine keeps of loading and closing, kept by scikit-learn's two, also in workers.

They keep no more of the contract: no estimator has two outputs, nor gives back numbers of every type.
"""

from collections.abc import Iterator, Mapping
from inspect import getclosurevars
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import skops.io

from dragoman.core.requests import TensorRequest
from dragoman.core.responses import TensorResponse
from dragoman.core.signatures import DEFAULT_SIGNATURE
from dragoman.engines.base import LoadedModel
from dragoman.engines.sklearn import SklearnEngine, SkopsEngine
from dragoman.engines.table_model import TableModel
from dragoman.execution.workers.model import WorkerModel, placed
from tests.contract.engines import CALL, LoadingContract, tensor
from tests.unit.engines.sklearn.estimators import iris


class Estimators(LoadingContract):
    def ask(self, model: LoadedModel) -> TensorResponse:
        return model.infer(TensorRequest(DEFAULT_SIGNATURE, {"input-0": tensor(np.ones((2, 4)))}), CALL)

    def in_memory(self, model: LoadedModel) -> object:
        assert isinstance(model, TableModel)
        assert model._methods is not None
        return getclosurevars(model._methods[DEFAULT_SIGNATURE].call).nonlocals["predict"].__self__


class TestSklearn(Estimators):
    engine = SklearnEngine()
    entry = "model.joblib"

    def write_model(self, folder: Path) -> None:
        joblib.dump(iris(), folder / self.entry)


class TestSkops(Estimators):
    engine = SkopsEngine()
    entry = "model.skops"

    def write_model(self, folder: Path) -> None:
        skops.io.dump(iris(), folder / self.entry)


class TestSklearnInWorkers(TestSklearn):
    engine = placed(SklearnEngine)

    @pytest.fixture(autouse=True)
    def _no_worker_left(self) -> Iterator[None]:
        self.models: list[LoadedModel] = []
        yield
        for model in self.models:
            model.close()

    def load(self, folder: Path, options: Mapping[str, Any] | None = None) -> LoadedModel:
        self.models.append(super().load(folder, options))
        return self.models[-1]

    def in_memory(self, model: LoadedModel) -> object:
        assert isinstance(model, WorkerModel)
        return model._first.memory.slot(0)
