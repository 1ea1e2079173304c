"""Estimators of texts, which know no columns: one text is one row."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, SGDRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import StandardScaler

from dragoman.core.errors import Code, DragomanError
from dragoman.core.signatures import DEFAULT_SIGNATURE
from dragoman.core.tensors import DType
from tests.unit.engines.sklearn.estimators import PEOPLE, REVIEWS, STARS, reviews
from tests.unit.engines.sklearn.loading import PROBABLE, WRITERS, call, load, refused, saved, texts


@pytest.mark.parametrize("file", WRITERS)
def test_a_pipeline_of_texts_takes_one_for_each_row(tmp_path: Path, file: str) -> None:
    WRITERS[file](reviews(), tmp_path / file)
    model = load(tmp_path)
    told = model.signatures[DEFAULT_SIGNATURE]
    assert {name: (spec.dtype, spec.shape) for name, spec in told.inputs.items()} == {
        "input-0": (DType.BYTES, (None,))
    }
    assert call(model, input_0=texts(*REVIEWS)).array.tolist() == [label.encode() for label in STARS]
    likely = reviews().predict_proba(REVIEWS)
    assert call(model, PROBABLE, input_0=texts(*REVIEWS)).array == pytest.approx(likely)
    assert model.signatures[PROBABLE].classes == ("five", "one")


@pytest.mark.parametrize(
    "estimator",
    [
        make_pipeline(HashingVectorizer(n_features=64), LogisticRegression()),
        make_pipeline(
            FeatureUnion([("words", CountVectorizer()), ("letters", TfidfVectorizer(analyzer="char"))]),
            LogisticRegression(),
        ),
        GridSearchCV(make_pipeline(CountVectorizer(), LogisticRegression()), {}, cv=2),
    ],
    ids=["hashed", "side by side", "searched for"],
)
def test_counters_of_words_are_found_wherever_they_are(tmp_path: Path, estimator: Any) -> None:
    estimator.fit(REVIEWS, STARS)
    answer = call(saved(tmp_path, estimator), input_0=texts(*REVIEWS))
    assert answer.array.tolist() == [label.encode() for label in estimator.predict(REVIEWS)]


def test_numbers_made_of_texts_are_told_by_their_type(tmp_path: Path) -> None:
    estimator = make_pipeline(TfidfVectorizer(), SGDRegressor(random_state=0)).fit(REVIEWS, [5, 1, 5, 1])
    model = saved(tmp_path, estimator)
    told = model.signatures[DEFAULT_SIGNATURE].outputs["predictions"]
    assert (told.dtype, told.shape) == (DType.FP64, (None,))
    assert call(model, input_0=texts(*REVIEWS)).array == pytest.approx(estimator.predict(REVIEWS))


def test_texts_may_come_as_a_column(tmp_path: Path) -> None:
    answer = call(saved(tmp_path, reviews()), input_0=texts(*REVIEWS)[:, None])
    assert answer.array.tolist() == [label.encode() for label in STARS]


def test_no_texts_give_no_rows(tmp_path: Path) -> None:
    model = saved(tmp_path, reviews())
    assert call(model, input_0=texts()).array.shape == (0,)
    assert call(model, PROBABLE, input_0=texts()).array.shape == (0, 2)


def test_what_are_no_texts_is_refused_by_the_inputs_name(tmp_path: Path) -> None:
    model = saved(tmp_path, reviews())
    assert refused(model, input_0=np.zeros(2)) == 'input "input-0": float64 given, bytes expected'
    pairs = texts("a", "b", "c", "d").reshape(2, 2)
    assert refused(model, input_0=pairs) == 'input "input-0": shape (2, 2) does not fit (?,)'
    assert "UTF-8" in refused(model, input_0=np.array([b"\xff"], object))
    assert refused(model, texts=texts("a")) == 'input "input-0" is missing'


def searched(counter: Any) -> Any:
    """What a search found, which is another than what it began with."""
    search = GridSearchCV(make_pipeline(CountVectorizer(), LogisticRegression()), {}, cv=2).fit(
        REVIEWS, STARS
    )
    search.best_estimator_.steps[0] = ("counter", counter)
    return search


def beside_numbers(counter: Any) -> Any:
    """A column of text beside one of numbers."""
    parts: Any = [("texts", CountVectorizer(), "sex"), ("numbers", StandardScaler(), ["age"])]
    columns = ColumnTransformer(parts).fit(PEOPLE)
    columns.transformers_[0] = ("texts", counter, "sex")
    return columns


@pytest.mark.parametrize("kind", ["filename", "file"])
@pytest.mark.parametrize("hide", [lambda counter: counter, searched, beside_numbers])
def test_what_would_open_files_that_callers_name_is_refused(tmp_path: Path, kind: str, hide: Any) -> None:
    would_open = "its HashingVectorizer would open files that callers name"
    with pytest.raises(DragomanError, match=would_open) as caught:
        saved(tmp_path, hide(HashingVectorizer(input=kind)))
    assert caught.value.code is Code.FAILED_PRECONDITION
