"""`dragoman convert` with the real converters: what is made answers as its source, and is served alike."""

import json
import pickle
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import lightgbm
import numpy as np
import onnxruntime
import pytest
import skops.io
import xgboost
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from tests.e2e.process import COMMAND, dragoman_run, fetch
from tests.meta.contracts import TREE
from tests.server_process import Addresses, serving
from tests.unit.engines.sklearn.estimators import PEOPLE, REVIEWS, SURVIVED, reviews

IRIS = load_iris(return_X_y=True)
WINE = load_wine(return_X_y=True)
DIABETES = load_diabetes(return_X_y=True)
CANCER = load_breast_cancer(as_frame=True)


def people() -> Any:
    """A forest of two columns of numbers and one of text, whose classes are text, too."""
    encoder = ColumnTransformer(
        [("numbers", StandardScaler(), ["age", "fare"]), ("texts", OneHotEncoder(), ["sex"])]
    )
    return make_pipeline(encoder, RandomForestClassifier(20, random_state=0)).fit(PEOPLE, SURVIVED)


def words() -> Any:
    """Words of one column counted, beside numbers that are filled in, to a number."""
    frame = PEOPLE.assign(note=["a good day", "A bad day, sir", "good sir", "bad, good"])
    chosen = [("words", TfidfVectorizer(), "note"), ("rest", SimpleImputer(), ["age", "fare"])]
    return make_pipeline(ColumnTransformer(chosen), Ridge()).fit(frame, [0.5, 1.0, 2.0, 0.0])


def named_trees() -> Any:
    """Trees of XGBoost that know their columns by name."""
    data = load_iris(as_frame=True)
    return xgboost.XGBClassifier(n_estimators=5).fit(data.data, data.target)


ESTIMATORS = {
    "texts": reviews,
    "scaler": lambda: StandardScaler().fit(IRIS[0]),
    "counter": lambda: CountVectorizer().fit(REVIEWS),
    "encoder": lambda: OneHotEncoder().fit(PEOPLE[["sex"]]),
    "columns": lambda: people()[0],
    "words": words,
    "named_trees": named_trees,
    "forest": lambda: make_pipeline(StandardScaler(), RandomForestClassifier(100, random_state=0)).fit(*IRIS),
    "people": people,
    "named": lambda: make_pipeline(StandardScaler(), LogisticRegression()).fit(CANCER.data, CANCER.target),
    "regression": lambda: make_pipeline(StandardScaler(), RandomForestRegressor(20, random_state=0)).fit(
        *DIABETES
    ),
    "linear": lambda: LinearRegression().fit(*DIABETES),
    "tree": lambda: DecisionTreeClassifier(random_state=0).fit(*WINE),
    "extra": lambda: ExtraTreesClassifier(20, random_state=0).fit(*WINE),
    "histogram": lambda: HistGradientBoostingClassifier(max_iter=10).fit(*WINE),
    "neighbours": lambda: KNeighborsClassifier().fit(*WINE),
    "vectors": lambda: make_pipeline(StandardScaler(), SVC()).fit(*WINE),
    "clusters": lambda: KMeans(3, n_init=1, random_state=0).fit(WINE[0]),
    "booleans": lambda: LogisticRegression(max_iter=5000).fit(WINE[0], WINE[1] == 1),
    "boosted": lambda: make_pipeline(StandardScaler(), xgboost.XGBClassifier(n_estimators=5)).fit(*WINE),
}


def converted(path: Path, *flags: str) -> Any:
    """What `dragoman convert` found."""
    run = dragoman_run("convert", str(path), "--json", "--rows", "500", *flags)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_an_estimator_answers_as_onnx_as_it_did(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"{name}.joblib"
    joblib.dump(ESTIMATORS[name](), path)
    found = converted(path, "--trust-code")
    assert found["agreement"]["rows"] == 500
    assert found["output"] == str(tmp_path / name / "1" / "model.onnx")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [name, path.name]
    for timing in found["timings"]:
        assert timing["onnx_us"] < timing["source_us"]


def test_data_of_skops_needs_no_trust(tmp_path: Path) -> None:
    skops.io.dump(ESTIMATORS["linear"](), tmp_path / "model.skops")
    assert converted(tmp_path / "model.skops")["engine"] == "skops"


def boosters(folder: Path) -> dict[str, Path]:
    """Files of both libraries: two classes, three by named columns, numbers."""
    named = load_iris(as_frame=True)
    data = {"two": (CANCER.data.to_numpy(), CANCER.target), "three": (named.data, named.target)}
    made = {}
    for name, rows in {**data, "numbers": DIABETES}.items():
        kind = "Regressor" if name == "numbers" else "Classifier"
        made[f"xgboost-{name}"] = folder / f"{name}.ubj"
        getattr(xgboost, f"XGB{kind}")(n_estimators=20).fit(*rows).save_model(folder / f"{name}.ubj")
        (folder / name).mkdir()
        made[f"lightgbm-{name}"] = folder / name / "model.txt"
        trained = getattr(lightgbm, f"LGBM{kind}")(n_estimators=20, verbose=-1).fit(*rows)
        trained.booster_.save_model(made[f"lightgbm-{name}"])
    return made


@pytest.mark.parametrize("kind", ["two", "three", "numbers"])
@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_a_booster_answers_as_onnx_as_it_did(tmp_path: Path, library: str, kind: str) -> None:
    found = converted(boosters(tmp_path)[f"{library}-{kind}"], "--output", str(tmp_path / "made"))
    assert found["engine"] == library
    assert (tmp_path / "made" / "1" / "model.onnx").is_file()


def test_answers_that_cannot_be_equal_are_refused_with_the_worst_row(tmp_path: Path) -> None:
    trained = lightgbm.LGBMClassifier(n_estimators=20, verbose=-1).fit(*IRIS).booster_
    path = tmp_path / "model.txt"
    trained.save_model(path)
    node = trained.dump_model()["tree_info"][0]["tree_structure"]
    row = IRIS[0][:1].repeat(2, axis=0)
    row[1, node["split_feature"]] = np.nextafter(node["threshold"], np.inf)  # ONNX has float32 here
    np.save(tmp_path / "rows.npy", row)
    run = dragoman_run(
        "convert", str(path), "--samples", str(tmp_path / "rows.npy"), "--output", str(tmp_path / "made")
    )
    assert (run.returncode, run.stdout) == (1, "")
    assert "model.txt is not converted: the answers differ in 1 of 2 rows" in run.stderr
    assert "the worst is row 1: input-0=[5.1, 3.5," in run.stderr
    answers = re.findall(r"predict_label: labels by (lightgbm|ONNX): (\d)$", run.stderr, re.MULTILINE)
    assert answers[0] != answers[1]
    assert [who for who, _ in answers] == ["lightgbm", "ONNX"]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["model.txt", "rows.npy"]


def test_a_tolerance_that_is_wide_enough_takes_them(tmp_path: Path) -> None:
    path = tmp_path / "linear.joblib"
    joblib.dump(ESTIMATORS["regression"](), path)
    narrow = dragoman_run("convert", str(path), "--trust-code", "--tolerance", "1e-12")
    assert narrow.returncode == 1
    assert "(tolerance 1e-12, computed in " in narrow.stderr
    assert converted(path, "--trust-code", "--tolerance", "1e-4")["agreement"]["tolerance"] == 1e-4


def test_a_step_that_is_code_of_its_own_is_told(tmp_path: Path) -> None:
    path = tmp_path / "own.joblib"
    joblib.dump(make_pipeline(FunctionTransformer(np.cbrt), LinearRegression()).fit(*DIABETES), path)
    run = dragoman_run("convert", str(path), "--trust-code")
    assert run.returncode == 1
    assert "own.joblib cannot be converted: " in run.stderr
    assert "Traceback" not in run.stderr
    assert [entry.name for entry in tmp_path.iterdir()] == ["own.joblib"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\x80\x05", "bad.joblib does not load: it is truncated, damaged, "),
        (pickle.dumps({}), "bad.joblib does not load: dict has neither predict nor transform"),
    ],
)
def test_a_file_that_is_no_estimator_is_told_in_a_line(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "bad.joblib"
    path.write_bytes(content)
    run = dragoman_run("convert", str(path), "--trust-code", "--json")
    assert (run.returncode, run.stdout) == (1, "")
    assert f"dragoman: {told}" in run.stderr
    assert "Traceback" not in run.stderr
    assert "log" not in run.stderr


def test_given_rows_are_compared_in_the_place_of_made_up_ones(tmp_path: Path) -> None:
    path = tmp_path / "people.joblib"
    joblib.dump(people(), path)
    PEOPLE.to_csv(tmp_path / "rows.csv", index=False)
    run = dragoman_run("convert", str(path), "--trust-code", "--samples", str(tmp_path / "rows.csv"))
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("equal on 4 given rows: the largest difference is ")
    assert "ROWS A CALL  SKLEARN" in run.stdout


def url_of(server: Addresses) -> str:
    return f"http://{server.http.host}:{server.http.port}"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A server of the sources, and one of what was made of them, under the same names."""
    folder = tmp_path_factory.mktemp("pair")
    (folder / "before").mkdir()
    for name in ("people", "forest", "named", "texts", "scaler"):
        joblib.dump(ESTIMATORS[name](), folder / "before" / f"{name}.joblib")
        converted(
            folder / "before" / f"{name}.joblib", "--trust-code", "--output", str(folder / "after" / name)
        )
    with (
        serving([str(folder / "before"), "--trust-code"], folder / "log") as before,
        serving([str(folder / "after")], folder / "more") as after,
    ):
        yield url_of(before), url_of(after)


ROWS = PEOPLE.to_dict("records")
FLOWERS = IRIS[0][::30].tolist()
V2_COLUMNS = [
    {"name": "sex", "datatype": "BYTES", "shape": [4], "data": PEOPLE["sex"].tolist()},
    {"name": "fare", "datatype": "FP32", "shape": [4, 1], "data": PEOPLE["fare"].tolist()},
    {"name": "age", "datatype": "INT64", "shape": [4], "data": [22, 38, 26, 35]},
]
V2_TEXTS = [{"name": "input-0", "datatype": "BYTES", "shape": [4], "data": REVIEWS}]
V2_MATRIX = [{"name": "input-0", "datatype": "FP32", "shape": [5, 4], "data": IRIS[0][::30].ravel().tolist()}]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("v1/models/people:predict", {"instances": ROWS}),
        ("v1/models/people:predict", {"instances": ROWS, "signature_name": "predict_proba"}),
        ("v2/models/people/infer", {"inputs": V2_COLUMNS}),
        ("v2/models/forest/infer", {"inputs": V2_MATRIX}),
        ("v1/models/forest:predict", {"instances": FLOWERS}),
        ("v1/models/texts:predict", {"instances": REVIEWS}),
        ("v2/models/texts/infer", {"inputs": V2_TEXTS}),
        ("v1/models/scaler:predict", {"instances": FLOWERS}),
        ("v1/models/named:predict", {"instances": CANCER.data.iloc[:3].to_dict("records")}),
    ],
)
def test_a_client_of_the_source_needs_no_change(pair: tuple[str, str], path: str, body: Any) -> None:
    (status, expected), (other, given) = (fetch(f"{url}/{path}", json.dumps(body)) for url in pair)
    assert (status, other) == (200, 200), (expected, given)
    one, other_one = flattened(expected), flattened(given)
    assert one.keys() == other_one.keys()
    for place, value in one.items():
        exact = not isinstance(value, float)
        assert other_one[place] == (value if exact else pytest.approx(value, rel=1e-4, abs=1e-6)), place


def test_a_category_that_is_none_stays_the_callers_fault(pair: tuple[str, str]) -> None:
    body = json.dumps({"instances": [{**ROWS[0], "sex": "x"}]})
    (status, _), (other, given) = (fetch(f"{url}/v1/models/people:predict", body) for url in pair)
    assert (status, other) == (400, 400)
    assert "knows no such category" in given["error"]


def flattened(tree: Any) -> dict[str, Any]:
    """Every value of an answer by its place, so that numbers may differ a little."""
    if isinstance(tree, dict | list):
        pairs = tree.items() if isinstance(tree, dict) else enumerate(tree)
        return {f"{key}/{below}": leaf for key, value in pairs for below, leaf in flattened(value).items()}
    return {"": tree}


def test_a_trap_is_sprung_in_another_process_than_the_command_lines(tmp_path: Path) -> None:
    class Ids:
        def __reduce__(self) -> Any:
            write = f"__import__('pathlib').Path({str(tmp_path / 'ran')!r}).write_text"
            return eval, (f"{write}(str(__import__('os').getpid()))",)

    joblib.dump(Ids(), tmp_path / "trap.joblib")
    program = (
        "import os, sys; print(os.getpid(), flush=True); from dragoman.cli.main import run; "
        f"sys.exit(run(['convert', {str(tmp_path / 'trap.joblib')!r}, '--trust-code']))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert (tmp_path / "ran").read_text() != ran.stdout.strip()
    assert "Traceback" not in ran.stderr


def test_the_three_pipelines_of_the_page_are_equal_and_faster(tmp_path: Path, capfd: Any) -> None:
    program = runpy.run_path(str(TREE / "examples" / "convert" / "pipelines.py"))
    program["main"](tmp_path)
    lines = [line for line in capfd.readouterr().out.splitlines() if line.startswith("| ")][1:]
    assert [line.split(":")[0] for line in lines] == ["| iris", "| cancer", "| diabetes"]
    for line in lines:
        before, after = (float(cost.replace(",", "")) for cost in re.findall(r"([\d,.]+) us", line)[:2])
        assert after < before
    session = onnxruntime.InferenceSession(tmp_path / "cancer" / "1" / "model.onnx")
    assert [value.name for value in session.get_inputs()] == list(CANCER.feature_names)


def test_a_conversion_that_is_told_to_stop_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "forest.joblib"
    joblib.dump(ESTIMATORS["forest"](), path)
    command = [*COMMAND, "convert", str(path), "--trust-code"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        for line in running.stderr:
            if line.startswith("converting"):
                break
        running.terminate()
        running.communicate()
    assert running.returncode == 143
    assert [entry.name for entry in tmp_path.iterdir()] == ["forest.joblib"]
