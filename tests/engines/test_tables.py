"""Models of tables on a live server: pickles in workers and data, over the protocols of their clients."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import lightgbm
import numpy as np
import pytest
import skops.io
import xgboost
from sklearn.datasets import load_iris
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.preprocessing import StandardScaler

from dragoman.client import Client
from tests.e2e.process import fetch
from tests.server_process import serving
from tests.unit.engines.sklearn.estimators import PEOPLE, REVIEWS, STARS, iris, people, reviews

ROWS: Any = PEOPLE.to_dict("records")
LABELS = people().predict(PEOPLE).tolist()
IRIS = load_iris(as_frame=True)
COLUMNS = IRIS.data.rename(columns=lambda name: name.removesuffix(" (cm)").replace(" ", "_"))
FLOWERS = load_iris().data[::30]


def write_broken(path: Path, text: str) -> None:
    """A file that LightGBM reads to the end of its process: the bound of what it has room for is another."""
    path.write_text(text.replace("num_leaves=", "num_leaves=9999999"), encoding="utf-8")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("tables")
    for name in ("people", "iris", "data", "reviews", "texts", "scaler", "words"):
        (folder / "models" / name).mkdir(parents=True)
    joblib.dump(people(), folder / "models" / "people" / "model.joblib")
    joblib.dump(iris(), folder / "models" / "iris" / "model.pkl")
    for name in ("xgboost", "lightgbm", "broken"):
        (folder / "models" / name).mkdir()
    xgboost.XGBClassifier(n_estimators=5).fit(COLUMNS, IRIS.target).save_model(
        folder / "models" / "xgboost" / "model.ubj"
    )
    booster = lightgbm.LGBMClassifier(n_estimators=5, verbose=-1).fit(COLUMNS, IRIS.target).booster_
    booster.save_model(folder / "models" / "lightgbm" / "model.txt")
    write_broken(folder / "models" / "broken" / "model.txt", booster.model_to_string())
    skops.io.dump(people(), folder / "models" / "data" / "model.skops")
    joblib.dump(reviews(), folder / "models" / "reviews" / "model.joblib")
    skops.io.dump(reviews(), folder / "models" / "texts" / "model.skops")
    joblib.dump(StandardScaler().fit(load_iris().data), folder / "models" / "scaler" / "model.joblib")
    joblib.dump(CountVectorizer().fit(REVIEWS), folder / "models" / "words" / "model.joblib")
    with serving([str(folder / "models"), "--trust-code"], folder / "log") as found:
        yield f"http://{found.http.host}:{found.http.port}"


@pytest.mark.parametrize("model", ["people", "data"])
def test_objects_in_instances_are_rows_of_named_columns(url: str, model: str) -> None:
    status, answer = fetch(f"{url}/v1/models/{model}:predict", json.dumps({"instances": ROWS}))
    assert (status, answer) == (200, {"predictions": LABELS})


@pytest.mark.parametrize("model", ["people", "data"])
def test_one_input_for_each_column_is_a_table_too(url: str, model: str) -> None:
    inputs = [
        {"name": "sex", "datatype": "BYTES", "shape": [4], "data": PEOPLE["sex"].tolist()},
        {"name": "fare", "datatype": "FP32", "shape": [4, 1], "data": PEOPLE["fare"].tolist()},
        {"name": "age", "datatype": "INT64", "shape": [4], "data": [22, 38, 26, 35]},
    ]
    status, answer = fetch(f"{url}/v2/models/{model}/infer", json.dumps({"inputs": inputs}))
    assert (status, answer["outputs"][0]["data"]) == (200, LABELS)


def test_probabilities_are_a_signature_of_their_own(url: str) -> None:
    body = {"signature_name": "predict_proba", "instances": ROWS}
    status, answer = fetch(f"{url}/v1/models/people:predict", json.dumps(body))
    assert status == 200
    assert np.array(answer["predictions"]) == pytest.approx(people().predict_proba(PEOPLE))


def test_lists_are_rows_of_a_matrix_as_in_kserves_example(url: str) -> None:
    status, answer = fetch(f"{url}/v1/models/iris:predict", json.dumps({"instances": FLOWERS.tolist()}))
    assert (status, answer) == (200, {"predictions": iris().predict(FLOWERS).tolist()})


def test_single_precision_numbers_are_taken_as_kserves_example_sends_them(url: str) -> None:
    flat = FLOWERS.ravel().tolist()
    given = {"name": "input-0", "shape": list(FLOWERS.shape), "datatype": "FP32", "data": flat}
    status, answer = fetch(f"{url}/v2/models/iris/infer", json.dumps({"inputs": [given]}))
    assert (status, answer["outputs"][0]["data"]) == (200, iris().predict(FLOWERS).tolist())


def test_the_client_is_answered(url: str) -> None:
    with Client(url) as client:
        answer = client.predict("iris", FLOWERS)
    assert np.array_equal(answer, iris().predict(FLOWERS))


def test_a_category_that_is_none_is_the_callers_fault(url: str) -> None:
    body = json.dumps({"instances": [{**ROWS[0], "sex": "x"}]})
    status, answer = fetch(f"{url}/v1/models/people:predict", body)
    assert status == 400
    assert "Found unknown categories" in answer["error"]


def test_a_row_without_a_column_is_refused_by_the_columns_name(url: str) -> None:
    body = json.dumps({"instances": [{"age": 1.0, "sex": "male"}]})
    status, answer = fetch(f"{url}/v1/models/people:predict", body)
    assert status == 400
    assert "fare" in answer["error"]


@pytest.mark.parametrize("model", ["xgboost", "lightgbm"])
def test_trees_answer_objects_with_the_likeliest_class(url: str, model: str) -> None:
    rows = COLUMNS.iloc[::30].to_dict("records")
    body = {"signature_name": "predict_label", "instances": rows}
    status, answer = fetch(f"{url}/v1/models/{model}:predict", json.dumps(body))
    assert (status, answer) == (200, {"predictions": IRIS.target[::30].tolist()})


@pytest.mark.parametrize("model", ["xgboost", "lightgbm"])
def test_trees_answer_one_input_for_each_column_with_probabilities(url: str, model: str) -> None:
    inputs = [
        {"name": name, "datatype": "FP32", "shape": [150], "data": COLUMNS[name].tolist()} for name in COLUMNS
    ]
    status, answer = fetch(f"{url}/v2/models/{model}/infer", json.dumps({"inputs": inputs}))
    assert (status, answer["outputs"][0]["shape"]) == (200, [150, 3])
    likeliest = np.reshape(answer["outputs"][0]["data"], (150, 3)).argmax(axis=1)
    assert (likeliest == IRIS.target).mean() > 0.9


def test_a_file_that_crashes_its_library_stops_nothing_else(url: str) -> None:
    status, answer = fetch(f"{url}/v1/models/broken")
    assert answer["model_version_status"][0]["state"] == "END", (status, answer)
    assert fetch(f"{url}/v1/models/iris")[1]["model_version_status"][0]["state"] == "AVAILABLE"


@pytest.mark.parametrize("model", ["reviews", "texts"])
def test_strings_in_instances_are_rows_of_a_model_of_texts(url: str, model: str) -> None:
    status, answer = fetch(f"{url}/v1/models/{model}:predict", json.dumps({"instances": REVIEWS}))
    assert (status, answer) == (200, {"predictions": STARS.tolist()})


@pytest.mark.parametrize("model", ["reviews", "texts"])
def test_texts_are_a_tensor_of_bytes_too(url: str, model: str) -> None:
    given = {"name": "input-0", "datatype": "BYTES", "shape": [4], "data": REVIEWS}
    status, answer = fetch(f"{url}/v2/models/{model}/infer", json.dumps({"inputs": [given]}))
    assert (status, answer["outputs"][0]["data"]) == (200, STARS.tolist())
    _, told = fetch(f"{url}/v2/models/{model}")
    assert told["inputs"] == [{"name": "input-0", "datatype": "BYTES", "shape": [-1]}]


def test_numbers_for_a_model_of_texts_are_the_callers_fault(url: str) -> None:
    given = {"name": "input-0", "datatype": "FP32", "shape": [1], "data": [1.0]}
    status, answer = fetch(f"{url}/v2/models/reviews/infer", json.dumps({"inputs": [given]}))
    assert status == 400
    assert "input-0" in answer["error"]


def test_a_scaler_answers_with_the_rows_it_scaled(url: str) -> None:
    status, answer = fetch(f"{url}/v1/models/scaler:predict", json.dumps({"instances": FLOWERS.tolist()}))
    assert status == 200
    assert np.array(answer["predictions"]) == pytest.approx(
        StandardScaler().fit(load_iris().data).transform(FLOWERS)
    )


def test_words_are_counted_into_dense_rows(url: str) -> None:
    given = {"name": "input-0", "datatype": "BYTES", "shape": [4], "data": REVIEWS}
    status, answer = fetch(f"{url}/v2/models/words/infer", json.dumps({"inputs": [given]}))
    counted = CountVectorizer().fit_transform(REVIEWS).toarray()
    assert status == 200
    (output,) = answer["outputs"]
    assert (output["name"], output["datatype"]) == ("transformed", "INT64")
    assert output["shape"] == list(counted.shape)
    assert output["data"] == counted.ravel().tolist()
