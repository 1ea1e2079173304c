"""`/predict` and `/explain`, which name no model: of the only one, or the one that the settings name."""

import json
import shutil

import pytest

from tests.conformance import reference_models
from tests.e2e.process import fetch, serving

ROWS = json.dumps({"instances": [1.0, 2.0, 5.0]})
HALVED = (200, {"predictions": [3.5, 4.0, 5.5]})
EXPLAINED = (200, {"explanations": [0.5, 1.0, 2.5]})
WHICH = "; a path such as /deployments/NAME/predict says which is meant"


@pytest.fixture
def folder(tmp_path):
    """A repository without models, and a server's settings beside it."""
    (tmp_path / "models").mkdir()
    reference_models.write(tmp_path / "all")
    (tmp_path / "dragoman.yaml").write_text("repository: models\nlisteners: [{port: 0}]\n")
    return tmp_path


def add(folder, *names):
    for name in names:
        shutil.copytree(folder / "all" / name, folder / "models" / name)


def served(folder):
    return serving("serve", str(folder / "dragoman.yaml"), cwd=folder)


def test_the_only_model_is_meant(folder):
    add(folder, "half_plus_two")
    with served(folder) as server:
        assert fetch(f"{server.url}/predict", ROWS) == HALVED
        assert fetch(f"{server.url}/explain", ROWS) == EXPLAINED


def test_of_several_models_the_names_are_told(folder):
    add(folder, "half_plus_two", "matrix")
    with served(folder) as server:
        for word in ("predict", "explain"):
            said = f"no model is named, and there are several: half_plus_two, matrix{WHICH}"
            assert fetch(f"{server.url}/{word}", ROWS) == (400, {"error": said})


def test_without_models_that_is_told(folder):
    with served(folder) as server:
        said = f"no model is named, and there is none{WHICH}"
        assert fetch(f"{server.url}/predict", ROWS) == (400, {"error": said})


def test_a_model_that_cannot_serve_is_meant_if_it_is_the_only_one(folder):
    broken = folder / "models" / "broken" / "1"
    broken.mkdir(parents=True)
    (broken / "model.onnx").write_bytes(b"no model")
    with served(folder) as server:
        status, told = fetch(f"{server.url}/predict", ROWS)
        assert (status, told) == (503, {"error": "Model with name broken is not ready."})


def test_the_settings_name_one_and_may_name_another_while_the_server_runs(folder):
    add(folder, "half_plus_two", "matrix")
    settings = folder / "dragoman.yaml"
    plain = settings.read_text() + "config_poll_s: 0.05\n"
    settings.write_text(f"{plain}default_model: half_plus_two\n")
    with served(folder) as server:
        assert fetch(f"{server.url}/predict", ROWS) == HALVED
        settings.write_text(f"{plain}default_model: nope\n")
        assert any('"settings taken over"' in line for line in server.process.stderr)
        said = "There is no deployment 'nope', and no model of that name."
        assert fetch(f"{server.url}/predict", ROWS) == (404, {"error": said})
