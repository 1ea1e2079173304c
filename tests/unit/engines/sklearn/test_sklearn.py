"""What scikit-learn's users save: its columns, its methods, and what is refused."""

from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.cluster import DBSCAN, KMeans
from sklearn.datasets import load_diabetes, load_iris
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import TensorRequest
from dragoman.core.signatures import DEFAULT_SIGNATURE
from dragoman.core.tensors import DType, Tensor
from dragoman.engines.sklearn import SklearnEngine, SkopsEngine
from dragoman.repository.tree import scan
from dragoman.settings.model import ModelSettings
from tests.contract.engines import tensor
from tests.unit.engines.sklearn.estimators import PEOPLE, diabetes, iris, people
from tests.unit.engines.sklearn.loading import (
    PROBABLE,
    SENT,
    WRITERS,
    call,
    dump_pickle,
    load,
    refused,
    saved,
    texts,
)


@pytest.mark.parametrize("file", WRITERS)
def test_every_kind_of_file_answers_as_the_estimator_in_it(tmp_path: Path, file: str) -> None:
    estimator, (x, _) = iris(), load_iris(return_X_y=True)
    WRITERS[file](estimator, tmp_path / file)
    model = load(tmp_path)
    labels = call(model, input_0=x)
    assert labels.dtype is DType.INT64
    assert np.array_equal(labels.array, estimator.predict(x))
    assert np.array_equal(call(model, PROBABLE, input_0=x).array, estimator.predict_proba(x))


def test_a_compressed_file_is_read_too(tmp_path: Path) -> None:
    joblib.dump(iris(), tmp_path / "model.joblib", compress=3)
    assert load(tmp_path).signatures[PROBABLE].classes == ("0", "1", "2")


def test_the_signature_is_that_of_the_matrix_it_was_trained_with(tmp_path: Path) -> None:
    signature = saved(tmp_path, iris()).signatures[DEFAULT_SIGNATURE]
    assert {name: (spec.dtype, spec.shape) for name, spec in signature.inputs.items()} == {
        "input-0": (DType.FP64, (None, 4))
    }
    assert {name: (spec.dtype, spec.shape) for name, spec in signature.outputs.items()} == {
        "predictions": (DType.INT64, (None,))
    }


def test_each_column_it_was_trained_with_is_an_input_of_the_type_its_encoders_saw(tmp_path: Path) -> None:
    model = saved(tmp_path, people())
    told = model.signatures[DEFAULT_SIGNATURE]
    assert {name: (spec.dtype, spec.shape) for name, spec in told.inputs.items()} == {
        "age": (DType.FP64, (None,)),
        "sex": (DType.BYTES, (None,)),
        "fare": (DType.FP64, (None,)),
    }
    assert call(model, **SENT).array.tolist() == [value.encode() for value in people().predict(PEOPLE)]
    assert np.array_equal(call(model, PROBABLE, **SENT).array, people().predict_proba(PEOPLE))
    assert model.signatures[PROBABLE].classes == ("no", "yes")


def test_columns_may_come_in_any_order_and_with_an_axis_of_one(tmp_path: Path) -> None:
    model = saved(tmp_path, people())
    turned = {name: SENT[name][:, None] for name in reversed(SENT)}
    assert call(model, **turned).array.tolist() == call(model, **SENT).array.tolist()


def test_a_model_with_names_takes_one_matrix_where_its_owner_says_so(tmp_path: Path) -> None:
    x, _ = load_diabetes(return_X_y=True)
    model = saved(tmp_path, diabetes(), columns=False)
    wanted = diabetes().predict(load_diabetes(as_frame=True).data)
    assert call(model, input_0=x).array == pytest.approx(wanted)


def test_numbers_of_any_type_are_taken_for_numbers(tmp_path: Path) -> None:
    x = np.array([[5, 3, 1, 0], [6, 3, 5, 2]])
    model = saved(tmp_path, iris())
    for dtype in (np.float32, np.int64, np.uint8, np.float64):
        assert call(model, input_0=x.astype(dtype)).array.tolist() == iris().predict(x).tolist()


def test_several_numbers_for_each_row_are_told_and_given(tmp_path: Path) -> None:
    x = np.arange(12.0).reshape(6, 2)
    model = saved(tmp_path, LinearRegression().fit(x, x * 2))
    assert model.signatures[DEFAULT_SIGNATURE].outputs["predictions"].shape == (None, 2)
    assert call(model, input_0=x).array == pytest.approx(x * 2)
    assert PROBABLE not in model.signatures


def test_several_labels_for_each_row_are_told_and_given(tmp_path: Path) -> None:
    x, y = np.arange(6.0)[:, None], np.array([[0, 5], [1, 6]] * 3)
    model = saved(tmp_path, KNeighborsClassifier(1).fit(x, y))
    assert model.signatures[DEFAULT_SIGNATURE].outputs["predictions"].shape == (None, 2)
    assert call(model, input_0=x).array.tolist() == y.tolist()


def test_clusters_are_numbers_of_their_own_type(tmp_path: Path) -> None:
    model = saved(tmp_path, KMeans(2, n_init=1, random_state=0).fit(np.array([[0.0], [9.0]])))
    assert model.signatures[DEFAULT_SIGNATURE].outputs["predictions"].dtype is DType.INT32


def test_no_rows_give_no_rows(tmp_path: Path) -> None:
    model = saved(tmp_path, iris())
    assert call(model, input_0=np.empty((0, 4))).array.shape == (0,)
    assert call(model, PROBABLE, input_0=np.empty((0, 4))).array.shape == (0, 3)


def test_inputs_that_do_not_fit_are_named(tmp_path: Path) -> None:
    model = saved(tmp_path, people())
    assert refused(model, age=SENT["age"], sex=SENT["sex"]) == 'input "fare" is missing'
    assert refused(model, **SENT, cabin=SENT["age"]) == (
        'there is no input "cabin"; the model takes age, fare, sex'
    )
    assert refused(model, **{**SENT, "sex": SENT["age"]}) == 'input "sex": float64 given, bytes expected'
    assert refused(model, **{**SENT, "age": SENT["sex"]}) == 'input "age": bytes given, float64 expected'
    assert refused(model, **{**SENT, "fare": SENT["age"][:2]}) == 'input "fare" has 2 rows, input "age" has 4'
    assert "UTF-8" in refused(model, **{**SENT, "sex": np.array([b"\xff"] * 4, object)})


def test_another_width_is_refused_with_both_shapes(tmp_path: Path) -> None:
    message = refused(saved(tmp_path, iris()), input_0=np.zeros((2, 3)))
    assert message == 'input "input-0": shape (2, 3) does not fit (?, 4)'


def test_a_value_that_the_model_does_not_know_is_told_in_its_own_words(tmp_path: Path) -> None:
    message = refused(saved(tmp_path, people()), **{**SENT, "sex": texts("male", "x", "male", "male")})
    assert message.startswith("model demo version 1 refuses these values: Found unknown categories")


def test_a_number_that_is_none_is_refused(tmp_path: Path) -> None:
    assert "NaN" in refused(saved(tmp_path, iris()), input_0=np.full((1, 4), np.nan))


def test_an_unknown_output_and_an_unknown_signature_are_named(tmp_path: Path) -> None:
    model = saved(tmp_path, iris())
    request = TensorRequest(DEFAULT_SIGNATURE, {"input-0": tensor(np.zeros((1, 4)))}, ["z"])
    with pytest.raises(DragomanError, match='no output "z"; the model gives predictions'):
        model.infer(request, CallContext("test"))
    with pytest.raises(DragomanError, match="no signature 'z'"):
        call(model, "z", input_0=np.zeros((1, 4)))


@pytest.mark.parametrize("file", ["model.joblib", "model.pkl", "model.skops"])
@pytest.mark.parametrize("damage", ["truncated", "garbage", "empty"])
def test_a_damaged_file_is_named_and_its_place_is_not(tmp_path: Path, file: str, damage: str) -> None:
    path = tmp_path / file
    WRITERS.get(file, dump_pickle)(iris(), path)
    whole = path.read_bytes()
    path.write_bytes({"truncated": whole[: len(whole) // 2], "garbage": b"\xff" * 99, "empty": b""}[damage])
    with pytest.raises(DragomanError, match=file) as caught:
        load(tmp_path)
    assert caught.value.code is Code.INTERNAL
    assert str(tmp_path) not in caught.value.message


@pytest.mark.parametrize(
    ("what", "why"),
    [
        (DBSCAN(), "DBSCAN has neither predict nor transform"),
        (LinearRegression(), "does not say how many columns it was trained with"),
        (DictVectorizer().fit([{"a": 1}]), "does not say how many columns it was trained with"),
        (make_pipeline(TfidfVectorizer(), LogisticRegression()), "Pipeline was not fitted"),
        ({"a": 1}, "dict has neither predict nor transform"),
    ],
)
def test_what_cannot_answer_is_refused(tmp_path: Path, what: Any, why: str) -> None:
    with pytest.raises(DragomanError, match=why) as caught:
        saved(tmp_path, what)
    assert caught.value.code is Code.FAILED_PRECONDITION


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"colums": True}, "did you mean 'columns'"),
        ({"text": ["cabin"]}, "no column 'cabin'"),
        ({"concurrency": -1}, "the least is 0"),
    ],
)
def test_an_option_that_is_none_is_named(tmp_path: Path, options: Any, message: str) -> None:
    with pytest.raises(DragomanError, match=message) as caught:
        saved(tmp_path, iris(), **options)
    assert caught.value.code is Code.INVALID_ARGUMENT


def test_skops_files_hold_nothing_but_known_types(tmp_path: Path) -> None:
    skops.io.dump(Foreign(), tmp_path / "model.skops")
    with pytest.raises(DragomanError, match="Foreign") as caught:
        load(tmp_path)
    assert caught.value.code is Code.FAILED_PRECONDITION


class Foreign:
    """An estimator of somebody's own."""


def test_pickles_beside_code_and_files_of_others_are_not_claimed(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("no model")
    for engine in (SklearnEngine, SkopsEngine):
        assert engine.claim(scan(str(tmp_path)), ModelSettings()) is None
    (tmp_path / "scaler.pkl").touch()
    (tmp_path / "model.py").touch()
    assert SklearnEngine.claim(scan(str(tmp_path)), ModelSettings()) is None
    assert SklearnEngine.claim(scan(str(tmp_path)), ModelSettings(engine="sklearn")) is not None


def test_a_stream_is_the_answer_in_one_part(tmp_path: Path) -> None:
    given = {"input-0": Tensor(DType.FP64, np.zeros((1, 4)))}
    (part,) = saved(tmp_path, iris()).stream(TensorRequest(DEFAULT_SIGNATURE, given), CallContext("test"))
    assert part.outputs["predictions"].array.tolist() == iris().predict(np.zeros((1, 4))).tolist()
