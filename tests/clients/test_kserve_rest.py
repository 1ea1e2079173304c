"""The released kserve's InferenceRESTClient in V1, unchanged, against the default listener and KServe's own.

Events are those of the CloudEvents SDK that comes with it.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.conftest import Told, run
from tests.clients.environments import Environment
from tests.conformance import reference_models
from tests.server_process import serving

pytestmark = pytest.mark.clients

LISTENERS = {"default": (), "kserve": ("--as", "kserve")}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference models, and one that does not load."""
    folder = tmp_path_factory.mktemp("kserve")
    reference_models.write(folder / "models")
    broken = folder / "models" / "broken" / "1"
    broken.mkdir(parents=True)
    (broken / "model.onnx").write_bytes(b"no model")
    return folder / "models"


@pytest.fixture(scope="module", params=list(LISTENERS))
def listener(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def told(listener: str, models: Path, kserve: Environment) -> Iterator[Told]:
    arguments = [str(models), *LISTENERS[listener]]
    with serving(arguments, models.parent / f"{listener}.log") as addresses:
        host, port = addresses.http
        yield run(kserve, "kserve_rest_calls.py", f"http://{host}:{port}")


def test_the_server_is_live(told: Told) -> None:
    assert told["live"] is True
    assert told["live_behind_a_path"] is True


def test_the_server_is_ready_by_the_clients_v2_call(told: Told) -> None:
    assert told["v2_ready"] is True


def test_a_model_is_ready_or_not(told: Told) -> None:
    assert told["ready"] == {"half_plus_two": True, "broken": False}


def test_instances_are_predicted(told: Told) -> None:
    assert told["infer"] == {
        "rows": {"predictions": [3.5, 4.0, 5.5]},
        "objects": {"predictions": [3.5, 4.0]},
    }
    assert told["infer_texts"] == {"predictions": ["a", "\N{SNOWMAN}"]}


def test_every_type_comes_back_bit_for_bit(told: Told) -> None:
    assert told["infer_every_type"] == {}


def test_inputs_are_answered_in_the_listeners_way(told: Told, listener: str) -> None:
    key = {"default": "outputs", "kserve": "predictions"}[listener]
    assert told["infer_inputs"] == {key: [3.5, 4.0]}


def test_an_unknown_model_raises_with_the_servers_words(told: Told, listener: str) -> None:
    kserves = "Model with name nope does not exist., '404 Not Found'"
    readiness = {"default": "Could not find any versions of model nope, '404 ", "kserve": kserves}[listener]
    predict = {"default": "Servable not found for request: Latest(nope), '404 ", "kserve": kserves}[listener]
    assert told["ready_unknown"].startswith(readiness)
    assert told["infer_unknown"].startswith(predict)


def test_a_model_that_is_not_ready_raises_503(told: Told) -> None:
    assert ", '503 Service Unavailable'" in told["infer_not_ready"]


def test_instances_that_are_no_list_raise_400(told: Told) -> None:
    assert "instances" in told["infer_no_list"]
    assert ", '400 Bad Request'" in told["infer_no_list"]


def test_explanations_are_read(told: Told) -> None:
    assert told["explain"] == {"explanations": [1.5]}


def test_explain_raises_501_for_a_model_without_an_explainer(told: Told) -> None:
    assert told["explain_none"].startswith("model echo_string has no explainer, '501 Not Implemented'")


@pytest.mark.parametrize("mode", ["structured", "structured bytes", "binary", "binary bytes"])
def test_an_event_is_answered_by_an_event(told: Told, mode: str) -> None:
    assert told["events"][mode] == {
        "type": "io.kserve.inference.response",
        "source": "io.kserve.inference.half_plus_two",
        "fresh": True,
        "data": {"predictions": [3.5]},
    }
