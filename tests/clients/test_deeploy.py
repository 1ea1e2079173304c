"""Deeploy's own client, as it is released, against the deployments of a live server.

All but its address is its own: it only knows `https://api.HOST`.
"""

import os
from collections.abc import Iterator
from hashlib import sha256

import pytest
from bcrypt import gensalt, hashpw

from tests.clients.conftest import Told, ready, run
from tests.clients.environments import DEEPLOY, GENAI, Environment
from tests.conformance import reference_models
from tests.engines.text_models import write_models
from tests.server_process import Address, serving

pytestmark = pytest.mark.clients

KEY, SECRET, TOKEN = "my-access-key", "my-secret-key", "the-token-of-the-shop"
SETTINGS = f"""deployments:
- {{name: halves, id: 5f3b1c9e-8a61-4c21, model: half_plus_two}}
- {{name: chat, model: tinychat}}
- name: shop
  model: two_out
  credentials:
  - username: {KEY}
    password: {{hash: "{hashpw(SECRET.encode(), gensalt(4)).decode()}"}}
  - name: till
    token: {{hash: "sha256:{sha256(TOKEN.encode()).hexdigest()}"}}
- name: locked
  model: matrix
  credentials:
  - username: keeper
    password: {{hash: "{hashpw(b"fanatic", gensalt(4)).decode()}"}}
"""
FAR = """external: {{origins: ["{url}"]}}
deployments: [{{name: far-chat, model: theirs}}]
models:
- {{name: rows, external: {{url: "{url}", protocol: v1, model: half_plus_two}}}}
- {{name: tensors, external: {{url: "{url}/deployments/halves", protocol: v2, model: halves}}}}
- {{name: theirs, external: {{url: "{url}/v1", protocol: openai, model: tinychat}}}}
- {{name: vectors, external: {{url: "{url}/v1", protocol: openai, task: embeddings, model: tinyembed}}}}
"""
ID = "5f3b1c9e-8a61-4c21"
FAILED = "Failed to call inference endpoint: "
HALVED = {"predictions": [3.5, 4.0, 5.5]}
OUTPUTS = [{"name": "y", "datatype": "FP32", "shape": [3], "data": [3.5, 4.0, 5.5]}]
TENSORS = {"model_name": "half_plus_two", "model_version": "2", "outputs": OUTPUTS}
TOKYO = "The capital of Japan is Tokyo."
DONE = {"bytes": "data: [DONE]\n\n"}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """A server of the reference models and the small models of texts."""
    folder = tmp_path_factory.mktemp("deeploy")
    reference_models.write(folder / "models")
    write_models(folder / "models")
    (folder / "dragoman.yaml").write_text(SETTINGS, encoding="utf-8")
    paths = [str(ready(GENAI).site_packages), *filter(None, [os.environ.get("PYTHONPATH")])]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(paths))
        arguments = [str(folder / "models"), "--config", str(folder / "dragoman.yaml")]
        with serving(arguments, folder / "log") as addresses:
            patch.undo()
            yield addresses.http


@pytest.fixture(scope="module")
def calls(address: Address, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """What the client told of it, and of one whose models live there."""
    folder = tmp_path_factory.mktemp("far")
    (folder / "dragoman.yaml").write_text(FAR.format(url=url(address)), encoding="utf-8")
    with serving(["--config", str(folder / "dragoman.yaml")], folder / "log") as far:
        arguments = (url(address), KEY, SECRET, TOKEN, url(far.http))
        return run(ready(DEEPLOY), "deeploy_calls.py", *arguments)


def url(address: Address) -> str:
    return f"http://{address.host}:{address.port}"


def test_rows_are_predicted(calls: Told) -> None:
    told = calls["predict"]
    assert told["numbers"] == told["without_log"] == HALVED
    assert told["texts"] == {"predictions": ["a", "\N{SNOWMAN}"]}
    row = {"tag_out": "foo", "signal_out": [1, 2, 3, 4, 5], "sensor_out": [[1, 2], [3, 4]]}
    assert told["objects"] == {"predictions": [row]}


def test_a_tensor_and_a_whole_request_are_answered_in_v2s_form(calls: Told) -> None:
    told = calls["predict"]
    assert told["tensor"] == TENSORS
    assert told["whole"] == {**TENSORS, "id": "7"}


def test_what_the_client_splits_and_streams_is_whole(calls: Told) -> None:
    split, streamed = calls["predict_in_parts"]
    assert split == [[3.5], [4.0], [5.5]]
    assert streamed == {"bytes": '{"predictions":[3.5,4.0,5.5]}'}


def test_rows_are_explained(calls: Told) -> None:
    told = calls["explain"]
    assert told["numbers"] == told["no_image"] == {"explanations": [0.5, 1.0, 2.5]}
    assert told["image"].endswith("{'error': 'explanations are numbers: there is no image of them'}")


def test_prompts_are_completed_and_explained(calls: Told) -> None:
    told = calls["completions"]
    assert told["texts"] == [" gamma delta epsilon zeta eta theta", " fox jumps over the lazy dog."]
    assert {"id", "model", "choices"} <= set(told["keys"])
    assert (told["explained"], told["body"]) == ([0, 1], 2)
    assert told["streamed"] == DONE


def test_a_chat_is_answered_with_its_thoughts_if_only_none(calls: Told) -> None:
    told = calls["chat_completions"]
    assert (
        told["message"].items() >= {"role": "assistant", "content": TOKYO, "reasoning_content": None}.items()
    )
    assert told["streamed"] == DONE


def test_texts_become_vectors(calls: Told) -> None:
    assert calls["embeddings"] == [[32, 32], True]


def test_a_pair_of_keys_and_a_token_open_a_deployment(calls: Told) -> None:
    told = calls["credentials"]
    assert told["keys"] == told["token"] == {"predictions": [{"sum": 5.0, "diff": 3.0}]}
    assert told["token_explain"] == {"explanations": [[4.0, 1.0]]}


def test_other_credentials_do_not_and_the_reason_is_told(calls: Told) -> None:
    told = calls["credentials"]
    assert told["wrong_keys"] == FAILED + "{'error': 'the credentials are not valid'}"
    assert told["wrong_token"] == FAILED + "{'error': 'the credentials are not valid'}"
    assert "my-access-key is not allowed to do this" in told["others_chat"]


def test_failures_raise_with_the_servers_words(calls: Told) -> None:
    told = calls["failures"]
    unknown = {"error": "There is no deployment 'nope', and no model of that name."}
    assert told["unknown"] == FAILED + str(unknown)
    assert "model_not_found" in told["unknown_chat"]
    assert told["shape"] == FAILED + str(
        {"error": "input 'x': 'data' has 3 elements, and its shape [4] takes 4"}
    )
    assert 'has no "shape" and no "datatype"' in told["missing"]
    assert "a deployment answers predict, explain" in told["path"]
    assert told["log"] == "Exception"


def test_models_of_another_server_are_deployed_as_well(calls: Told) -> None:
    assert calls["external"] == {
        "rows": HALVED,
        "tensor": OUTPUTS,
        "texts": [" gamma delta epsilon zeta eta theta", " fox jumps over the lazy dog."],
        "message": TOKYO,
        "vectors": 2,
    }


def test_tritons_client_finds_a_server_of_one_model(address: Address, tritonclient: Environment) -> None:
    path = f"{address.host}:{address.port}/workspaces/w1/deployments/{ID}"
    told = run(tritonclient, "triton_deployment_calls.py", path, ID, "halves", "half_plus_two")["deployment"]
    assert (told["live"], told["ready"], told["server"]) == (True, True, "dragoman")
    assert told["models"] == [True, True, True]
    assert told["metadata"] == [{"name": "x", "datatype": "FP32", "shape": [-1]}]
    assert [found["values"] for found in told["inferred"]] == [[3.5, 4.0, 5.5]] * 3
    assert told["version"]["values"] == [2.5, 3.0, 4.5]
    assert "Request for unknown model: 'matrix' is not found" in told["other"]
    assert told["other_ready"] is False
