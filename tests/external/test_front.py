"""One dragoman before another: what the one behind answers comes through, bit for bit, on every protocol."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pytest

from dragoman.client import Client
from tests.conformance import reference_models
from tests.e2e.process import dragoman_run, fetch
from tests.server_process import Addresses, serving

COUNTER: Final = """
import numpy as np

class Model:
    inputs = {"text": ("bytes", [None])}
    outputs = {"vector": ("float32", [None, 2])}

    def predict(self, inputs, call):
        texts = inputs["text"]
        return {"vector": np.array([[len(text) / 3, text.count(b"a") / 7] for text in texts], np.float32)}
"""
SETTINGS: Final = """
version: 1
external:
  origins: ["http://127.0.0.1:{port}", "http://127.0.0.1:1"]
models:
{echoes}
  - {{name: two_out, external: {{url: "http://127.0.0.1:{port}", protocol: v2}}}}
  - {{name: bytes_out, external: {{url: "http://127.0.0.1:{port}", protocol: v2, version: "1"}}}}
  - {{name: half_plus_two, external: {{url: "http://127.0.0.1:{port}", protocol: v1}}}}
  - name: typed
    external:
      url: "http://127.0.0.1:{port}"
      protocol: v1
      model: half_plus_two
      inputs: {{x: {{dtype: float32, shape: [-1]}}}}
      outputs: {{y: {{dtype: float32, shape: [-1]}}}}
  - name: counter
    external: {{url: "http://127.0.0.1:{port}/v1", protocol: openai, task: embeddings}}
  - {{name: elsewhere, external: {{url: "http://127.0.0.1:1", protocol: v2}}}}
"""


ECHO: Final = '  - {{name: echo_{dtype}, external: {{url: "http://127.0.0.1:{port}", protocol: v2}}}}'


def settings(port: int) -> str:
    echoes = "\n".join(ECHO.format(dtype=dtype, port=port) for dtype in EDGES)
    return SETTINGS.format(port=port, echoes=echoes)


class Pair(NamedTuple):
    """The server behind, and the one before it."""

    behind: Addresses
    front: Addresses


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("pair")
    reference_models.write(folder / "models")
    counter = folder / "models" / "counter"
    counter.mkdir()
    (counter / "model.py").write_text(COUNTER, encoding="utf-8")
    with serving([str(folder / "models"), "--trust-code"], folder / "behind.log") as behind:
        config = folder / "dragoman.yaml"
        config.write_text(settings(behind.http.port), encoding="utf-8")
        with serving(["--config", str(config)], folder / "front.log") as front:
            yield Pair(behind, front)


def url(addresses: Addresses) -> str:
    return f"http://{addresses.http.host}:{addresses.http.port}"


def both(pair: Pair, path: str, document: Any) -> list[tuple[int, Any]]:
    return [fetch(url(server) + path, json.dumps(document)) for server in pair]


def opened(server: Addresses, transport: str) -> Client:
    address = getattr(server, transport)
    return Client(f"{transport}://{address.host}:{address.port}")


EDGES: Final[dict[str, Any]] = {
    "float32": [0.1, -0.0, np.inf, -np.inf, np.nan, 1e-45],
    "float64": [0.1, -0.0, np.nan, 5e-324],
    "float16": [0.1, -0.0, np.inf],
    "int64": [-(2**63), 2**63 - 1],
    "uint64": [2**64 - 1],
    "int8": [-128, 127],
    "bool": [True, False],
}


@pytest.mark.parametrize("transport", ["http", "grpc"])
@pytest.mark.parametrize("dtype", EDGES)
def test_tensors_come_through_v2_bit_for_bit(pair: Pair, transport: str, dtype: str) -> None:
    values = np.array(EDGES[dtype], dtype)
    with opened(pair.front, transport) as client:
        result = client.infer(f"echo_{dtype}", {"x": values})["y"]
    assert (result.dtype, result.tobytes()) == (values.dtype, values.tobytes())


@pytest.mark.parametrize("transport", ["http", "grpc"])
def test_bytes_come_through_v2_as_they_are(pair: Pair, transport: str) -> None:
    texts = [b"", b"\0", b"\xff\xfe", "é".encode()]
    with opened(pair.front, transport) as client:
        result = client.infer("bytes_out", {"image_bytes": texts})
    assert result["image_bytes"].tolist() == texts


def test_a_model_of_v2_has_the_signature_that_it_has_behind(pair: Pair) -> None:
    shown = []
    for server in pair:
        with opened(server, "http") as client:
            metadata = client.metadata("two_out")
            shown.append((metadata.inputs, metadata.outputs))
    assert shown[0] == shown[1]


@pytest.mark.parametrize(
    "document",
    [
        {"instances": [[1.0, 2.0], [0.1, -0.3]]},
        {"inputs": [[1.0, 2.0]]},
        {"signature_name": "serving_default", "instances": [{"x": [3, 4]}]},
    ],
)
def test_v1_answers_for_a_model_of_v2_as_it_does_behind(pair: Pair, document: Any) -> None:
    behind, front = both(pair, "/v1/models/two_out:predict", document)
    assert behind == front
    assert front[0] == 200


def test_json_goes_through_v1_as_it_is(pair: Pair) -> None:
    document = {"instances": [1.0, 0.1, 16777217.0, 1e-30]}
    behind, front = both(pair, "/v1/models/half_plus_two:predict", document)
    assert behind == front
    assert front[0] == 200


def test_tensors_are_rows_for_a_model_of_v1_that_declares_them(pair: Pair) -> None:
    values = np.array([1.0, 0.1, 16777217.0, 1e-30], np.float32)
    with opened(pair.behind, "http") as behind, opened(pair.front, "grpc") as front:
        expected = behind.infer("half_plus_two", {"x": values})["y"]
        result = front.infer("typed", {"x": values})["y"]
    assert result.tobytes() == expected.tobytes()


def test_what_the_server_behind_refuses_is_refused_in_its_words(pair: Pair) -> None:
    behind, front = both(pair, "/v1/models/half_plus_two:predict", {"instances": ["text"]})
    assert behind[0] == front[0] == 400
    assert behind[1] == front[1]


def test_vectors_come_through_openais_api_bit_for_bit(pair: Pair) -> None:
    document = {"model": "counter", "input": ["banana", "a", "xyz"], "encoding_format": "base64"}
    behind, front = both(pair, "/v1/embeddings", document)
    assert behind[1]["data"] == front[1]["data"]


def test_vectors_are_tensors_on_v2(pair: Pair) -> None:
    with opened(pair.behind, "grpc") as behind, opened(pair.front, "grpc") as front:
        expected = behind.infer("counter", {"text": [b"banana", b"a"]})["vector"]
        result = front.infer("counter", {"text_input": [b"banana", b"a"]})["embedding"]
    assert result.tobytes() == expected.tobytes()


def test_a_server_that_is_not_there_keeps_no_other_model_from_serving(pair: Pair) -> None:
    status, answer = fetch(f"{url(pair.front)}/v1/models/elsewhere")
    assert (status, answer["ready"]) == (200, False)
    (state,) = answer["model_version_status"]
    assert state["state"] == "END"
    assert "the external server of model elsewhere cannot be reached" in state["status"]["error_message"]
    assert fetch(f"{url(pair.front)}/v1/models/two_out")[1]["ready"] is True


def test_dragoman_models_shows_which_servers_answer(pair: Pair) -> None:
    shown = dragoman_run("models", "--url", url(pair.front)).stdout
    lines = {line.split()[0]: line for line in shown.splitlines() if line.strip()}
    assert "external" in lines["two_out"]
    assert "ready" in lines["two_out"]
    assert "failed" in lines["elsewhere"]
    assert "cannot be reached" in shown


def test_a_server_that_may_not_be_called_is_told_with_file_line_and_key(tmp_path: Path) -> None:
    config = tmp_path / "dragoman.yaml"
    config.write_text(
        "external: {origins: ['https://api.example']}\n"
        "models:\n"
        "- name: m\n"
        "  external:\n"
        "    url: http://127.0.0.1:9/\n"
        "    protocol: v2\n",
        encoding="utf-8",
    )
    ended = dragoman_run("serve", "--config", str(config))
    assert ended.returncode != 0
    assert (
        f"{config}:5: models[0].external.url: http://127.0.0.1:9 is none of external.origins, "
        "which lists the servers that may be called"
    ) in ended.stderr
