"""What every engine keeps of loading and closing, kept by those of boosted trees.

They keep no more of the contract: no booster has two outputs, nor gives back what it is given.
"""

from inspect import getclosurevars
from pathlib import Path

import lightgbm
import numpy as np
import xgboost
from sklearn.datasets import load_iris

from dragoman.core.requests import TensorRequest
from dragoman.core.responses import TensorResponse
from dragoman.core.signatures import DEFAULT_SIGNATURE
from dragoman.engines.base import LoadedModel
from dragoman.engines.lightgbm import LightGbmEngine
from dragoman.engines.table_model import TableModel
from dragoman.engines.xgboost import XgboostEngine
from tests.contract.engines import CALL, LoadingContract, tensor

IRIS = load_iris(return_X_y=True)


class Boosters(LoadingContract):
    def ask(self, model: LoadedModel) -> TensorResponse:
        return model.infer(TensorRequest(DEFAULT_SIGNATURE, {"input-0": tensor(np.ones((2, 4)))}), CALL)

    def in_memory(self, model: LoadedModel) -> object:
        assert isinstance(model, TableModel)
        assert model._methods is not None
        return getclosurevars(model._methods[DEFAULT_SIGNATURE].call).nonlocals["booster"]


class TestXgboost(Boosters):
    engine = XgboostEngine()
    entry = "model.ubj"

    def write_model(self, folder: Path) -> None:
        xgboost.XGBClassifier(n_estimators=5, n_jobs=1).fit(*IRIS).save_model(folder / self.entry)


class TestLightGbm(Boosters):
    engine = LightGbmEngine()
    entry = "model.txt"

    def write_model(self, folder: Path) -> None:
        model = lightgbm.LGBMClassifier(n_estimators=5, n_jobs=1, verbose=-1).fit(*IRIS)
        model.booster_.save_model(folder / self.entry)
