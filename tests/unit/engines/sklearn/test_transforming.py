"""Estimators that predict nothing answer with what they make of rows."""

from pathlib import Path
from typing import Any

import pytest
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from dragoman.core.signatures import DEFAULT_SIGNATURE
from dragoman.core.tensors import DType
from tests.unit.engines.sklearn.estimators import PEOPLE, REVIEWS
from tests.unit.engines.sklearn.loading import SENT, WRITERS, call, load, refused, saved, texts

FLOWERS = load_iris().data


@pytest.mark.parametrize("file", WRITERS)
def test_a_row_becomes_what_the_last_step_makes_of_it(tmp_path: Path, file: str) -> None:
    estimator = make_pipeline(StandardScaler(), PCA(2)).fit(FLOWERS)
    WRITERS[file](estimator, tmp_path / file)
    model = load(tmp_path)
    assert list(model.signatures) == [DEFAULT_SIGNATURE]
    told = model.signatures[DEFAULT_SIGNATURE].outputs
    assert {name: (spec.dtype, spec.shape) for name, spec in told.items()} == {
        "transformed": (DType.FP64, (None, 2))
    }
    assert call(model, input_0=FLOWERS).array == pytest.approx(estimator.transform(FLOWERS))
    assert call(model, input_0=FLOWERS[:0]).array.shape == (0, 2)


def test_what_predicts_predicts_though_it_could_transform(tmp_path: Path) -> None:
    from_both = saved(
        tmp_path, make_pipeline(StandardScaler(), KMeans(2, n_init=1, random_state=0)).fit(FLOWERS)
    )
    assert list(from_both.signatures[DEFAULT_SIGNATURE].outputs) == ["predictions"]


def test_sparse_rows_are_made_dense(tmp_path: Path) -> None:
    encoder = OneHotEncoder(handle_unknown="ignore").fit(PEOPLE[["sex"]])
    answer = call(saved(tmp_path, encoder), sex=SENT["sex"])
    assert answer.array.tolist() == [[0, 1], [1, 0], [1, 0], [0, 1]]


def test_columns_by_name_are_transformed_as_a_frame(tmp_path: Path) -> None:
    parts: Any = [("numbers", StandardScaler(), ["age", "fare"]), ("texts", OneHotEncoder(), ["sex"])]
    estimator = ColumnTransformer(parts).fit(PEOPLE)
    model = saved(tmp_path, estimator)
    told = model.signatures[DEFAULT_SIGNATURE].outputs["transformed"]
    assert told.shape == (None, 4)  # though the encoder knows no empty text
    assert call(model, **SENT).array == pytest.approx(estimator.transform(PEOPLE))


def test_texts_become_the_numbers_of_their_words(tmp_path: Path) -> None:
    counter = CountVectorizer().fit(REVIEWS)
    model = saved(tmp_path, counter)
    told = model.signatures[DEFAULT_SIGNATURE].outputs["transformed"]
    assert (told.dtype, told.shape) == (DType.INT64, (None, len(counter.vocabulary_)))
    answer = call(model, input_0=texts(*REVIEWS)).array
    assert answer.tolist() == counter.transform(REVIEWS).toarray().tolist()


def test_texts_become_vectors(tmp_path: Path) -> None:
    estimator = make_pipeline(TfidfVectorizer(), TruncatedSVD(2, random_state=0)).fit(REVIEWS)
    answer = call(saved(tmp_path, estimator), input_0=texts(*REVIEWS)).array
    assert answer == pytest.approx(estimator.transform(REVIEWS))


def test_texts_that_stay_texts_are_given_as_such(tmp_path: Path) -> None:
    frame = PEOPLE[["sex"]].astype(object)
    imputer = SimpleImputer(strategy="most_frequent", missing_values="").fit(frame)
    answer = call(saved(tmp_path, imputer), sex=texts("male", "female"))
    assert (answer.dtype, answer.array.tolist()) == (DType.BYTES, [[b"male"], [b"female"]])


def test_rows_that_would_not_fit_into_memory_are_refused_with_how_many_would(tmp_path: Path) -> None:
    model = saved(tmp_path, HashingVectorizer())
    assert call(model, input_0=texts("a b")).array.shape == (1, 2**20)
    assert refused(model, input_0=texts(*["a b"] * 33)) == (
        "33 rows of 1048576 columns each are 276824064 bytes, and an answer has 268435456 at most: "
        "send 32 rows or fewer"
    )
