"""XGBoost's and LightGBM's own files: their columns, their methods, and what is refused."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
import xgboost
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import TensorRequest
from dragoman.core.signatures import DEFAULT_SIGNATURE
from dragoman.core.tensors import DType, Tensor
from dragoman.engines.base import Artifact
from dragoman.engines.lightgbm import LightGbmEngine
from dragoman.engines.xgboost import XgboostEngine
from dragoman.repository.tree import scan
from dragoman.settings.model import ModelSettings
from tests.contract.engines import tensor

IRIS = load_iris(return_X_y=True)
CANCER = load_breast_cancer(return_X_y=True)
TABLE = load_diabetes(return_X_y=True, as_frame=True)
QUIET: Any = {"n_estimators": 5, "verbose": -1}


def load(folder: Path, **options: Any) -> Any:
    """What the repository does: claim, then load."""
    for engine in (XgboostEngine(), LightGbmEngine()):
        claim = engine.claim(scan(str(folder)), ModelSettings())
        if claim is not None:
            return engine.load(Artifact(str(folder / claim.entry), "demo", 1), options)
    raise AssertionError("no engine claims the folder")


def call(model: Any, signature: str = DEFAULT_SIGNATURE, **inputs: Any) -> Any:
    """The one output of a call."""
    given = {name.replace("input_0", "input-0"): tensor(array) for name, array in inputs.items()}
    (answer,) = model.infer(TensorRequest(signature, given), CallContext("test")).outputs.values()
    return answer.array


def save_xgboost(x: Any, y: Any, path: Path, kind: Any = xgboost.XGBClassifier, **options: Any) -> Any:
    model = kind(n_estimators=5, n_jobs=1, **options).fit(x, y)
    model.save_model(path)
    return model


def save_lightgbm(x: Any, y: Any, path: Path, kind: Any = lightgbm.LGBMClassifier) -> Any:
    model = kind(**QUIET, n_jobs=1).fit(x, y)
    model.booster_.save_model(path)
    return model


SAVED: dict[str, Callable[[Any, Any, Path], Any]] = {
    "model.json": save_xgboost,
    "model.ubj": save_xgboost,
    "model.txt": save_lightgbm,
}


@pytest.mark.parametrize("file", SAVED)
def test_many_classes_have_a_probability_each_and_a_likeliest(tmp_path: Path, file: str) -> None:
    x, y = IRIS[0].astype(np.float32), IRIS[1]
    trained = SAVED[file](x, y, tmp_path / file)
    model = load(tmp_path)
    assert call(model, "predict_proba", input_0=x) == pytest.approx(trained.predict_proba(x))
    assert call(model, input_0=x) == pytest.approx(trained.predict_proba(x))
    assert call(model, "predict_label", input_0=x).tolist() == trained.predict(x).tolist()
    assert model.signatures["predict_proba"].classes == ("0", "1", "2")


@pytest.mark.parametrize("file", SAVED)
def test_of_two_classes_predictions_are_the_second_ones_probability(tmp_path: Path, file: str) -> None:
    x, y = CANCER[0].astype(np.float32), CANCER[1]
    trained = SAVED[file](x, y, tmp_path / file)
    model = load(tmp_path)
    assert call(model, input_0=x) == pytest.approx(trained.predict_proba(x)[:, 1])
    assert call(model, "predict_proba", input_0=x) == pytest.approx(trained.predict_proba(x))
    assert call(model, "predict_label", input_0=x).tolist() == trained.predict(x).tolist()


def test_a_regression_of_named_columns_by_xgboost(tmp_path: Path) -> None:
    trained = save_xgboost(*TABLE, tmp_path / "m.ubj", xgboost.XGBRegressor)
    model = load(tmp_path)
    assert set(model.signatures) == {DEFAULT_SIGNATURE}
    told = {
        name: (spec.dtype, spec.shape) for name, spec in model.signatures[DEFAULT_SIGNATURE].inputs.items()
    }
    assert told == {str(name): (DType.FP32, (None,)) for name in TABLE[0].columns}
    columns = {name: TABLE[0][name].to_numpy() for name in reversed(TABLE[0].columns)}
    assert call(model, **columns) == pytest.approx(trained.predict(TABLE[0]))


def test_a_regression_of_named_columns_by_lightgbm(tmp_path: Path) -> None:
    trained = save_lightgbm(*TABLE, tmp_path / "model.txt", lightgbm.LGBMRegressor)
    columns = {name: TABLE[0][name].to_numpy() for name in reversed(TABLE[0].columns)}
    assert call(load(tmp_path), **columns) == pytest.approx(trained.predict(TABLE[0]))


def test_a_model_with_names_takes_one_matrix_where_its_owner_says_so(tmp_path: Path) -> None:
    trained = save_xgboost(*TABLE, tmp_path / "m.ubj", xgboost.XGBRegressor)
    values = call(load(tmp_path, columns=False), input_0=TABLE[0].to_numpy())
    assert values == pytest.approx(trained.predict(TABLE[0]))


def test_a_file_of_json_by_another_name_is_read_by_what_is_in_it(tmp_path: Path) -> None:
    trained = save_xgboost(*IRIS, tmp_path / "m.json")
    (tmp_path / "m.json").rename(tmp_path / "m.bst")
    assert call(load(tmp_path), input_0=IRIS[0]) == pytest.approx(trained.predict_proba(IRIS[0]))


def test_a_linear_booster_answers_too(tmp_path: Path) -> None:
    data = xgboost.DMatrix(*IRIS)
    booster = xgboost.train({"booster": "gblinear", "updater": "coord_descent"}, data, 3)
    booster.save_model(tmp_path / "m.ubj")
    model = load(tmp_path)
    assert model.concurrency == 1
    assert call(model, input_0=IRIS[0]) == pytest.approx(booster.predict(data))


def test_rounds_after_the_best_are_left_out_as_the_classes_for_scikit_learn_do(tmp_path: Path) -> None:
    x, y = TABLE[0].to_numpy(), TABLE[1].to_numpy()
    trained = xgboost.XGBRegressor(n_estimators=60, early_stopping_rounds=3, learning_rate=1.0)
    trained.fit(x[:200], y[:200], eval_set=[(x[200:], y[200:])], verbose=False)
    trained.save_model(tmp_path / "m.ubj")
    assert trained.best_iteration + 1 < trained.get_booster().num_boosted_rounds()
    assert call(load(tmp_path), input_0=x) == pytest.approx(trained.predict(x))


@pytest.mark.parametrize("file", SAVED)
@pytest.mark.parametrize("damage", ["truncated", "garbage", "empty"])
def test_a_damaged_file_is_named_and_its_place_is_not(tmp_path: Path, file: str, damage: str) -> None:
    path = tmp_path / file
    SAVED[file](*IRIS, path)
    whole = path.read_bytes()
    path.write_bytes({"truncated": whole[: len(whole) // 2], "garbage": b"\xff" * 99, "empty": b""}[damage])
    with pytest.raises(DragomanError, match=file) as caught:
        load(tmp_path)
    assert caught.value.code is Code.INTERNAL
    assert str(tmp_path) not in caught.value.message


@pytest.mark.parametrize("file", SAVED)
def test_a_file_cut_anywhere_is_refused_unless_it_answers_as_the_whole_one(tmp_path: Path, file: str) -> None:
    x = IRIS[0].astype(np.float32)
    trained = SAVED[file](x, IRIS[1], tmp_path / file)
    whole = (tmp_path / file).read_bytes()
    answered = []
    for length in range(1, len(whole), 97):
        (tmp_path / file).write_bytes(whole[:length])
        try:
            model = load(tmp_path)
        except DragomanError:
            continue
        answered.append(length)
        assert call(model, input_0=x) == pytest.approx(trained.predict_proba(x))
    assert not answered or (file == "model.txt" and min(answered) > whole.index(b"end of trees"))


@pytest.mark.parametrize("file", SAVED)
def test_calls_from_several_threads_each_get_their_own_answer(tmp_path: Path, file: str) -> None:
    x = IRIS[0].astype(np.float32)
    SAVED[file](x, IRIS[1], tmp_path / file)
    model = load(tmp_path)
    whole = call(model, input_0=x)
    with ThreadPoolExecutor(4) as threads:
        rows = list(threads.map(lambda row: call(model, input_0=x[row : row + 1]), range(len(x))))
    assert np.concatenate(rows) == pytest.approx(whole)


@pytest.mark.parametrize("file", SAVED)
def test_no_rows_give_no_rows_and_other_widths_are_refused(tmp_path: Path, file: str) -> None:
    SAVED[file](*IRIS, tmp_path / file)
    model = load(tmp_path)
    assert call(model, input_0=np.empty((0, 4))).shape == (0, 3)
    with pytest.raises(DragomanError, match=r'input "input-0": shape \(2, 3\) does not fit \(\?, 4\)'):
        call(model, input_0=np.zeros((2, 3)))
    model.close()
    with pytest.raises(DragomanError, match="closed"):
        call(model, input_0=np.zeros((1, 4)))


@pytest.mark.parametrize("options", [{"threds": 1}, {"threads": 0}, {"concurrency": -1}])
def test_an_option_that_is_none_is_named(tmp_path: Path, options: Any) -> None:
    save_xgboost(*IRIS, tmp_path / "m.ubj")
    with pytest.raises(DragomanError, match=f"options.{next(iter(options))}") as caught:
        load(tmp_path, **options)
    assert caught.value.code is Code.INVALID_ARGUMENT


def test_files_of_common_kinds_are_claimed_by_name_or_where_their_owner_says_so(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").touch()
    (tmp_path / "config.json").touch()
    for engine, file in ((XgboostEngine, "config.json"), (LightGbmEngine, "labels.txt")):
        assert engine.claim(scan(str(tmp_path)), ModelSettings()) is None
        claim = engine.claim(scan(str(tmp_path)), ModelSettings(engine=engine.name))
        assert claim is not None
        assert claim.entry == file
        assert engine.claim(scan(str(tmp_path / file)), ModelSettings()) is None  # a note beside versions


def test_text_is_no_number(tmp_path: Path) -> None:
    save_xgboost(*IRIS, tmp_path / "m.ubj")
    given = {"input-0": Tensor(DType.BYTES, np.full((1, 4), b"1", object))}
    with pytest.raises(DragomanError, match="bytes given, float32 expected"):
        load(tmp_path).infer(TensorRequest(DEFAULT_SIGNATURE, given), CallContext("test"))
