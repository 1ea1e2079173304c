"""How the tests of scikit-learn's estimators save, load and call them."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import skops.io

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import TensorRequest
from dragoman.core.signatures import DEFAULT_SIGNATURE
from dragoman.engines.base import Artifact
from dragoman.engines.sklearn import SklearnEngine, SkopsEngine
from dragoman.repository.tree import scan
from dragoman.settings.model import ModelSettings
from tests.contract.engines import tensor
from tests.unit.engines.sklearn.estimators import PEOPLE

PROBABLE = "predict_proba"


def load(folder: Path, **options: Any) -> Any:
    """What the repository does: claim, then load."""
    for engine in (SklearnEngine(), SkopsEngine()):
        claim = engine.claim(scan(str(folder)), ModelSettings())
        if claim is not None:
            return engine.load(Artifact(str(folder / claim.entry), "demo", 1), options)
    raise AssertionError("no engine claims the folder")


def saved(folder: Path, estimator: Any, **options: Any) -> Any:
    """The estimator, saved and loaded."""
    joblib.dump(estimator, folder / "model.joblib")
    return load(folder, **options)


def call(model: Any, signature: str = DEFAULT_SIGNATURE, **inputs: Any) -> Any:
    """The one output of a call."""
    given = {name.replace("_", "-"): tensor(array) for name, array in inputs.items()}
    (answer,) = model.infer(TensorRequest(signature, given), CallContext("test")).outputs.values()
    return answer


def refused(model: Any, **inputs: Any) -> str:
    """The message of a call that has to fail because of its inputs."""
    with pytest.raises(DragomanError) as caught:
        call(model, **inputs)
    assert caught.value.code is Code.INVALID_ARGUMENT
    return caught.value.message


def texts(*values: str) -> Any:
    """A column of text as callers send it."""
    return np.array([value.encode() for value in values], object)


SENT = {"age": PEOPLE["age"].to_numpy(), "sex": texts(*PEOPLE["sex"]), "fare": PEOPLE["fare"].to_numpy()}


def dump_pickle(estimator: Any, path: Path) -> None:
    path.write_bytes(pickle.dumps(estimator))


WRITERS: dict[str, Callable[[Any, Path], Any]] = {
    "model.joblib": joblib.dump,
    "other.pkl": dump_pickle,
    "other.pickle": dump_pickle,
    "model.skops": skops.io.dump,
}
