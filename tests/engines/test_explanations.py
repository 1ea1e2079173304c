"""Explanations of models whose exact ones are known, on a live server."""

import json
from collections.abc import Iterator, Mapping
from math import factorial
from typing import Any, Final

import joblib
import lightgbm
import numpy as np
import pytest
import xgboost
from sklearn.datasets import load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression

from tests.e2e.process import fetch
from tests.server_process import serving

RANDOM: Final = np.random.default_rng(0)
ROWS: Final = RANDOM.normal(size=(600, 30)).astype(np.float32)
WANTED: Final = ROWS @ RANDOM.normal(size=30) + np.sin(3 * ROWS[:, 0]) * ROWS[:, 1] + ROWS[:, 2] * ROWS[:, 3]
FOREST: Final = xgboost.XGBRFRegressor(n_estimators=40, max_depth=6, random_state=0, n_jobs=1).fit(
    ROWS, WANTED
)
IRIS: Final = load_iris(as_frame=True)
COLUMNS: Final = IRIS.data.rename(columns=lambda name: name.removesuffix(" (cm)").replace(" ", "_"))
CLASSES: Final = xgboost.XGBClassifier(n_estimators=5).fit(COLUMNS, IRIS.target)
BOOSTED: Final = lightgbm.LGBMRegressor(n_estimators=5, verbose=-1).fit(ROWS, WANTED)
TWO: Final = xgboost.XGBClassifier(n_estimators=5).fit(ROWS, WANTED > 0)
LINEAR: Final = LinearRegression().fit(ROWS, WANTED)
LOGISTIC: Final = LogisticRegression(max_iter=500).fit(COLUMNS.to_numpy(), IRIS.target)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    models = tmp_path_factory.mktemp("explanations") / "models"
    for name in ("forest", "classes", "boosted", "two", "linear", "logistic"):
        (models / name).mkdir(parents=True)
    FOREST.save_model(models / "forest" / "model.ubj")
    CLASSES.save_model(models / "classes" / "model.ubj")
    BOOSTED.booster_.save_model(models / "boosted" / "model.txt")
    TWO.save_model(models / "two" / "model.ubj")
    joblib.dump(LINEAR, models / "linear" / "model.joblib")
    joblib.dump(LOGISTIC, models / "logistic" / "model.joblib")
    with serving([str(models), "--trust-code"], models.parent / "log") as found:
        yield f"http://{found.http.host}:{found.http.port}"


def explained(url: str, model: str, instances: Any, **parameters: Any) -> Any:
    body = json.dumps({"instances": instances, "parameters": parameters})
    status, answer = fetch(f"{url}/v1/models/{model}:explain", body)
    assert status == 200, answer
    return answer["explanations"]


def test_trees_are_explained_by_their_own_library(url: str) -> None:
    wanted = FOREST.get_booster().predict(xgboost.DMatrix(ROWS[:3]), pred_contribs=True)[:, :-1]
    assert np.array(explained(url, "forest", ROWS[:3].tolist())) == pytest.approx(wanted)
    wanted = BOOSTED.booster_.predict(ROWS[:3], pred_contrib=True)[:, :-1]
    assert np.array(explained(url, "boosted", ROWS[:3].tolist())) == pytest.approx(wanted)


def test_torchserves_path_gives_the_same_numbers(url: str) -> None:
    status, answer = fetch(f"{url}/explanations/forest", json.dumps(ROWS[:3].tolist()))
    assert (status, answer) == (200, explained(url, "forest", ROWS[:3].tolist()))


def test_each_class_has_its_own_explanation_by_the_columns_names(url: str) -> None:
    rows = COLUMNS.iloc[[0, 60, 120]]
    matrix = xgboost.DMatrix(rows)
    wanted = CLASSES.get_booster().predict(matrix, pred_contribs=True)
    likeliest = CLASSES.predict(rows)
    found = explained(url, "classes", rows.to_dict("records"))
    for index, row in enumerate(found):
        assert list(row) == list(COLUMNS)
        assert list(row.values()) == pytest.approx(wanted[index, likeliest[index], :-1])
    found = explained(url, "classes", rows.to_dict("records"), target=2)
    assert [list(row.values()) for row in found] == [pytest.approx(one[2, :-1]) for one in wanted]


def test_of_two_classes_the_first_is_explained_by_the_opposite_of_the_second(url: str) -> None:
    wanted = TWO.get_booster().predict(xgboost.DMatrix(ROWS[:2]), pred_contribs=True)[:, :-1]
    assert np.array(explained(url, "two", ROWS[:2].tolist())) == pytest.approx(wanted)
    body = {"signature_name": "predict_proba", "instances": ROWS[:2].tolist(), "parameters": {"target": 0}}
    status, answer = fetch(f"{url}/v1/models/two:explain", json.dumps(body))
    assert status == 200
    assert np.array(answer["explanations"]) == pytest.approx(-wanted)


def test_three_hundred_rows_come_near_to_the_exact_values_of_a_forest(url: str) -> None:
    baseline = ROWS.mean(axis=0)
    trees = [json.loads(text) for text in FOREST.get_booster().get_dump(dump_format="json")]
    for row in ROWS[:4]:
        (numbers,) = explained(url, "forest", [row.tolist()], baseline=baseline.tolist(), budget=300)
        exact = sum(exact_values(tree, row, baseline, {}) for tree in trees)
        assert np.corrcoef(numbers, exact)[0, 1] > 0.99
        assert sum(numbers) == pytest.approx(sum(exact), abs=1e-4)


def exact_values(node: Mapping[str, Any], row: Any, baseline: Any, seen: Mapping[int, bool]) -> Any:
    """Shapley values of one tree against one baseline; `seen` = whether a feature has to be the row's.

    Source: Lundberg et al. 2020, "interventional" TreeSHAP.
    """
    values = np.zeros(len(row))
    if "leaf" in node:
        ours, theirs = sum(seen.values()), len(seen) - sum(seen.values())
        for feature, is_ours in seen.items():
            share = factorial(ours - is_ours) * factorial(theirs - (not is_ours)) / factorial(len(seen))
            values[feature] = node["leaf"] * share * (1 if is_ours else -1)
        return values
    feature = int(str(node["split"]).removeprefix("f"))
    ways = {True: leads_to(node, row[feature]), False: leads_to(node, baseline[feature])}
    if ways[True] == ways[False]:
        return exact_values(child(node, ways[True]), row, baseline, seen)
    for is_ours, way in ways.items():
        if seen.get(feature, is_ours) == is_ours:
            values += exact_values(child(node, way), row, baseline, {**seen, feature: is_ours})
    return values


def leads_to(node: Mapping[str, Any], value: Any) -> int:
    return int(node["yes"] if value < np.float32(node["split_condition"]) else node["no"])


def child(node: Mapping[str, Any], number: int) -> Any:
    return next(one for one in node["children"] if one["nodeid"] == number)


def test_a_linear_model_is_explained_by_its_coefficients(url: str) -> None:
    found = np.array(explained(url, "linear", ROWS[:2].tolist(), baseline=0.5))
    assert found == pytest.approx(LINEAR.coef_ * (ROWS[:2] - 0.5), abs=1e-5)


def test_a_classifier_of_labels_is_explained_by_its_probabilities(url: str) -> None:
    row = COLUMNS.to_numpy()[:1]
    found = np.array(explained(url, "logistic", row.tolist(), baseline="mean", target=1))
    assert found.tolist() == [[0.0] * 4]
    found = np.array(explained(url, "logistic", row.tolist()))
    before, after = (LOGISTIC.predict_proba(one)[0, 0] for one in (row * 0, row))
    assert found.sum() == pytest.approx(after - before, abs=1e-4)


@pytest.mark.parametrize(
    ("model", "parameters", "words"),
    [
        ("linear", {"method": "tree_shap"}, "parameters.method: 'tree_shap' is not for this model"),
        ("forest", {"method": "tree_shap", "baseline": 1}, "parameters.baseline: tree_shap goes by"),
        ("two", {"output": "labels"}, "parameters.output: there is no output 'labels'"),
    ],
)
def test_what_a_model_cannot_be_explained_by_is_named(
    url: str, model: str, parameters: Any, words: str
) -> None:
    body = json.dumps({"instances": ROWS[:1].tolist(), "parameters": parameters})
    status, answer = fetch(f"{url}/v1/models/{model}:explain", body)
    assert status == 400
    assert answer["error"].startswith(words)
