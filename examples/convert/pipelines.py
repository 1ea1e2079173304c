"""Three pipelines of scikit-learn, on the data that come with it, made ONNX: what calls cost then.

    python examples/convert/pipelines.py FOLDER

Needs `pip install 'dragoman[convert,sklearn]'`. Prints the table of docs/convert.md.
"""

import json
import subprocess
import sys
from pathlib import Path

import joblib
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def iris():
    """A hundred trees on scaled numbers."""
    trees = RandomForestClassifier(100, random_state=0)
    return make_pipeline(StandardScaler(), trees).fit(*load_iris(return_X_y=True))


def cancer():
    """Principal components of thirty named columns, and labels that are text."""
    data = load_breast_cancer(as_frame=True)
    steps = make_pipeline(StandardScaler(), PCA(10), LogisticRegression())
    return steps.fit(data.data, data.target_names[data.target])


def diabetes():
    """A regression by boosted trees."""
    trees = GradientBoostingRegressor(random_state=0)
    return make_pipeline(StandardScaler(), trees).fit(*load_diabetes(return_X_y=True))


PIPELINES = {
    "iris": ("scaler, random forest of 100 trees", iris),
    "cancer": ("scaler, PCA, logistic regression; 30 named columns", cancer),
    "diabetes": ("scaler, gradient boosting of 100 trees", diabetes),
}


def convert(file: Path) -> dict:
    """What `dragoman convert` found."""
    command = [sys.executable, "-m", "dragoman", "convert", str(file), "--trust-code", "--force", "--json"]
    ran = subprocess.run(command, check=True, stdout=subprocess.PIPE)  # noqa: S603 (this very program's)
    return json.loads(ran.stdout)


def main(folder: Path) -> None:
    """Train, save, convert; print the table."""
    folder.mkdir(parents=True, exist_ok=True)
    print("| pipeline | one row: scikit-learn, ONNX | 64 rows, each | largest difference |")
    print("|---|---|---|---|")
    for name, (what, make) in PIPELINES.items():
        file = folder / f"{name}.joblib"
        joblib.dump(make(), file)
        found = convert(file)
        costs = [
            f"{timing['source_us'] / timing['rows']:,.0f} us, {timing['onnx_us'] / timing['rows']:,.1f} us"
            for timing in found["timings"]
        ]
        difference = found["agreement"]["largest_difference"]
        print(f"| {name}: {what} | {costs[0]} | {costs[1]} | {difference:.1g} |", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
