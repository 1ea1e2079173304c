"""Any model that takes texts and gives vectors answers OpenAI's call for embeddings: here one in Python."""

import json

import pytest

from tests.e2e.process import fetch, serving

MODEL = """
import numpy as np

class Model:
    inputs = {"text": ("bytes", [None])}
    outputs = {"vector": ("float32", [None, 2])}

    def predict(self, inputs, call):
        texts = inputs["text"]
        return {"vector": np.array([[len(text), text.count(b"a")] for text in texts], np.float32)}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "counter"
    folder.mkdir()
    (folder / "model.py").write_text(MODEL)
    with serving("serve", str(folder), "--port", "0", "--grpc-port", "0") as running:
        yield running


@pytest.mark.parametrize("path", ["/v1/embeddings", "/v3/embeddings", "/openai/v1/embeddings"])
def test_a_python_model_makes_vectors_of_texts(server, path):
    status, answer = fetch(server.url + path, json.dumps({"model": "counter", "input": ["banana", "é"]}))
    assert status == 200
    assert [each["embedding"] for each in answer["data"]] == [[6.0, 3.0], [2.0, 0.0]]
    assert answer["usage"] == {"prompt_tokens": 0, "total_tokens": 0}


def test_tokens_are_refused_by_a_model_that_takes_texts(server):
    status, answer = fetch(f"{server.url}/v1/embeddings", json.dumps({"model": "counter", "input": [[1, 2]]}))
    assert (status, answer["error"]["param"]) == (400, "input")


@pytest.mark.parametrize("path", ["/v1/rerank", "/v3/rerank"])
def test_it_orders_documents_by_how_near_they_are(server, path):
    asked = {"model": "counter", "query": "banana", "documents": ["xyz", "papaya", "a"]}
    status, answer = fetch(server.url + path, json.dumps(asked))
    assert (status, [result["index"] for result in answer["results"]]) == (200, [1, 2, 0])


def test_deeploys_clients_read_the_vectors_as_a_list_behind_a_mount(server):
    path = "/deployments/counter/embeddings"
    status, answer = fetch(server.url + path, json.dumps({"input": ["banana"]}))
    assert (status, answer["embedding"]) == (200, [[6.0, 3.0]])
