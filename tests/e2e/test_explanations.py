"""Explanations by a live server: the same numbers through each protocol, and explainers that models bring."""

import base64
import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from tests.conformance import reference_models
from tests.e2e.process import fetch
from tests.server_process import serving

WEIGHTS: Final = np.array([[1.5], [-2.0], [0.0], [0.25]], np.float32)
ROWS: Final = [[1.0, 2.0, 3.0, 4.0], [0.5, 0.0, 1.0, -8.0]]

EXPLAINERS: Final = {
    "fine": """
import numpy as np

class Explainer:
    def explain(self, instances, predict, parameters):
        whole = predict(instances)
        made = np.empty(instances.shape)
        for column in range(instances.shape[1]):
            missing = np.array(instances)
            missing[:, column] = parameters.get("missing", 0.0)
            made[:, column] = (whole - predict(missing))[:, 0]
        return made
""",
    "words": """
class Explainer:
    def explain(self, instances, predict, parameters):
        return [{"label": "high" if value > 0 else "low"} for value in predict(instances)[:, 0]]
""",
    "refuses": """
class Explainer:
    def explain(self, instances, predict, parameters):
        raise ValueError("only whole rows, please")
""",
    "fails": """
class Explainer:
    def explain(self, instances, predict, parameters):
        return predict(instances)[7000]
""",
    "greedy": """
class Explainer:
    def explain(self, instances, predict, parameters):
        while True:
            predict(instances.repeat(500, axis=0))
""",
    "nan": """
class Explainer:
    def explain(self, instances, predict, parameters):
        return [float("nan")] * len(instances)
""",
    "short": """
class Explainer:
    def explain(self, instances, predict, parameters):
        return []
""",
    "shapes": """
class Explainer:
    def explain(self, instances, predict, parameters):
        return predict(instances[:, :2])
""",
    "ends": """
import os

class Explainer:
    def explain(self, instances, predict, parameters):
        os._exit(3)
""",
    "hangs": """
import threading

class Explainer:
    def explain(self, instances, predict, parameters):
        if parameters.get("missing") is None:
            threading.Event().wait()
        return predict(instances) * instances
""",
}


def linear() -> onnx.ModelProto:
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])],
        [numpy_helper.from_array(WEIGHTS, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def corner() -> onnx.ModelProto:
    """The mean of the first 16 rows and columns of an image's pixels."""
    bounds = {"begin": [0, 0], "end": [16, 16], "axes": [1, 2]}
    graph = helper.make_graph(
        [
            helper.make_node("Slice", ["x", "begin", "end", "axes"], ["c"]),
            helper.make_node("ReduceMean", ["c"], ["y"], axes=[1, 2, 3], keepdims=0),
        ],
        "corner",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 32, 32, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None])],
        [numpy_helper.from_array(np.array(value), name) for name, value in bounds.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def picture(value: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 40), (value, value, value)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("explanations")
    models = folder / "models"
    reference_models.write(models)
    for name, code in {**EXPLAINERS, "linear": "", "background": "", "off": "", "untrusted": "x"}.items():
        write(models / name, code, trust="data" if name == "untrusted" else "code")
    (models / "corner" / "1").mkdir(parents=True)
    onnx.save(corner(), models / "corner" / "1" / "model.onnx")
    (models / "corner" / "model.yaml").write_text("preprocessing: {mean: 10}\n")
    np.save(models / "background" / "1" / "rows.npy", np.array([[0, 0, 0, 0], [2, 2, 2, 2]], np.float32))
    (models / "background" / "model.yaml").write_text("explain: {baseline: rows.npy, budget: 100}\n")
    (models / "off" / "model.yaml").write_text("explain: off\n")
    with serving([str(models)], folder / "log") as found:
        yield f"http://{found.http.host}:{found.http.port}"


def write(model: Path, code: str, trust: str = "code") -> None:
    """A linear model, with an explainer of its own where there is code."""
    version = model / "1"
    version.mkdir(parents=True)
    onnx.save(linear(), version / "model.onnx")
    if code:
        (version / "explainer.py").write_text(code)
        (model / "model.yaml").write_text(f"trust: {trust}\nworker: {{grace_s: 0.2}}\n")


def explained(url: str, model: str, instances: Any = ROWS, **parameters: Any) -> tuple[int, Any]:
    body = json.dumps({"instances": instances, "parameters": parameters})
    return fetch(f"{url}/v1/models/{model}:explain", body)


def test_each_protocol_gives_the_same_numbers(url: str) -> None:
    status, answer = explained(url, "linear")
    assert status == 200
    assert np.array(answer["explanations"]) == pytest.approx(np.array(ROWS) * WEIGHTS[:, 0], abs=1e-5)
    assert fetch(f"{url}/explanations/linear", json.dumps(ROWS)) == (200, answer["explanations"])
    assert fetch(f"{url}/deployments/linear/explain", json.dumps({"instances": ROWS})) == (200, answer)


def test_the_baseline_is_the_mean_of_a_file_where_the_settings_name_one(url: str) -> None:
    status, answer = explained(url, "background")
    assert status == 200
    assert np.array(answer["explanations"]) == pytest.approx((np.array(ROWS) - 1) * WEIGHTS[:, 0], abs=1e-5)
    status, answer = explained(url, "background", ROWS * 60)
    assert (status, "120 rows" in answer["error"]) == (400, True)


def test_an_image_is_explained_by_its_pixels_as_the_model_has_them(url: str) -> None:
    instances = [{"b64": base64.b64encode(picture(value)).decode()} for value in (20, 30)]
    status, answer = explained(url, "corner", instances, with_predictions=True)
    assert status == 200, answer
    numbers = np.array(answer["explanations"])
    assert numbers.shape == (2, 32, 32, 3)
    assert answer["predictions"] == [10.0, 20.0]
    assert numbers.sum(axis=(1, 2, 3)) == pytest.approx([10.0, 20.0], abs=1e-3)
    assert not numbers[:, 18:].any()
    status, alone = fetch(f"{url}/explanations/corner", picture(20))
    assert (status, alone) == (200, answer["explanations"][0])


def test_explanations_are_off_where_the_settings_say_so(url: str) -> None:
    assert explained(url, "off") == (501, {"error": "model off has no explainer"})


def test_a_models_own_explainer_asks_the_model_and_its_numbers_are_answered(url: str) -> None:
    status, answer = explained(url, "fine", missing=1.0, with_predictions=True)
    assert status == 200, answer
    assert np.array(answer["explanations"]) == pytest.approx((np.array(ROWS) - 1) * WEIGHTS[:, 0], abs=1e-5)
    assert np.array(answer["predictions"]) == pytest.approx(ROWS @ WEIGHTS)
    status, bare = fetch(f"{url}/explanations/fine", json.dumps(ROWS))
    assert (status, len(bare)) == (200, 2)


def test_an_explainer_may_answer_any_json_for_each_row(url: str) -> None:
    assert explained(url, "words") == (200, {"explanations": [{"label": "low"}, {"label": "low"}]})


def test_other_methods_can_be_asked_for_beside_an_explainer(url: str) -> None:
    assert explained(url, "fine", method="shapley") == explained(url, "linear")


@pytest.mark.parametrize(
    ("model", "status", "words"),
    [
        ("refuses", 400, "only whole rows, please"),
        ("fails", 500, "explainer.py raised IndexError; the server's log tells more"),
        ("greedy", 400, "explainer.py asks the model for more rows than the budget has"),
        ("nan", 500, "explainer.py gave what JSON cannot hold"),
        ("short", 500, "explainer.py gave list, and no list with a value for each of 2 rows"),
        ("shapes", 500, 'explainer.py asks predict with shape [2, 2] for input "x"'),
        ("ends", 503, "worker ended"),
        ("untrusted", 400, "untrusted/1/explainer.py is code, which runs only where it is trusted"),
    ],
)
def test_an_explainer_that_fails_is_told_and_hurts_nobody(
    url: str, model: str, status: int, words: str
) -> None:
    for _ in range(2):
        given, answer = explained(url, model)
        assert (given, words in answer["error"]) == (status, True), answer
    assert fetch(f"{url}/v1/models/{model}:predict", json.dumps({"instances": ROWS}))[0] == 200


def test_an_explainer_that_hangs_ends_with_the_deadline_and_is_started_anew(tmp_path: Path) -> None:
    write(tmp_path / "models" / "hangs", EXPLAINERS["hangs"])
    settings = tmp_path / "dragoman.yaml"
    settings.write_text("repository: models\nlimits: {request_timeout_s: 5}\n")
    with serving([str(settings)], tmp_path / "log") as found, ThreadPoolExecutor() as threads:
        url = f"http://{found.http.host}:{found.http.port}"
        hanging = threads.submit(explained, url, "hangs")
        assert fetch(f"{url}/v1/models/hangs:predict", json.dumps({"instances": ROWS}))[0] == 200
        assert hanging.result()[0] == 504
        status, _ = explained(url, "hangs", missing=1)
    assert status in {200, 503}  # the worker is being started


def test_bodies_that_are_wrong_are_told_in_the_callers_protocol(url: str) -> None:
    status, answer = explained(url, "linear", [[1.0, 2.0, 3.0, 4.0], [1.0]])
    assert (status, list(answer)) == (400, ["error"])
    status, answer = fetch(f"{url}/explanations/linear", json.dumps({"instances": ROWS, "parameters": 3}))
    assert (status, answer["type"]) == (400, "BadRequestException")
    status, answer = explained(url, "linear", samples=3)
    assert (status, answer["error"].startswith("parameters.samples: there is no such key")) == (400, True)


@pytest.mark.parametrize(
    ("settings", "code", "words"),
    [
        ("explain: {baseline: none.csv}\n", "", "explain.baseline: none.csv: No such file or directory"),
        ("trust: code\n", "class Other: ...\n", "explainer.py: there has to be a class Explainer"),
        ("trust: code\n", "import no_such_module\n", "explainer.py needs the module no_such_module"),
        ("trust: code\n", "class Explainer(\n", "explainer.py line 1: "),
        ("explain: {method: magic}\n", "", "model.yaml:1: explain.method"),
        ("explain: {budget: 65537}\n", "", "model.yaml:1: explain.budget"),
    ],
)
def test_a_model_with_settings_or_an_explainer_that_cannot_be_does_not_load_and_says_why(
    tmp_path: Path, settings: str, code: str, words: str
) -> None:
    version = tmp_path / "linear" / "1"
    version.mkdir(parents=True)
    onnx.save(linear(), version / "model.onnx")
    (tmp_path / "linear" / "model.yaml").write_text(settings)
    if code:
        (version / "explainer.py").write_text(code)
    with serving([str(tmp_path)], tmp_path / "log") as found:
        status, answer = fetch(f"http://{found.http.host}:{found.http.port}/v1/models/linear")
    assert status == 200
    assert words in json.dumps(answer), answer
