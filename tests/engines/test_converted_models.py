"""Folders of Hugging Face through the real exporter: what they are converted to says what they say."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel

from dragoman.engines.base import Artifact, Claim, GivesWayError
from dragoman.engines.genai import GenAiEngine
from tests.clients.environments import EXPORTER
from tests.engines.text_models import MODELS
from tests.server_process import Address, serving, started

CONVERTING_S = 300.0
LEARNT = " gamma delta epsilon zeta eta theta"
TEXTS = ["What is the capital of France?", "alpha beta"]


class Served(NamedTuple):
    """A server of folders of Hugging Face, and what it said of itself."""

    http: Address
    log: Path
    repository: Path
    kept: Path

    def ask(self, path: str, sent: Any = None) -> tuple[int, Any]:
        connection = HTTPConnection(*self.http, timeout=60)
        body = None if sent is None else json.dumps(sent)
        headers = {"content-type": "application/json"}
        connection.request("GET" if body is None else "POST", path, body, headers)
        answer = connection.getresponse()
        told = json.loads(answer.read())
        connection.close()
        return answer.status, told


def write_embedder(folder: Path) -> BertModel:
    """The embedder of the tests, with weights in place of its graph."""
    shutil.copytree(MODELS / "tinyembed", folder, ignore=shutil.ignore_patterns("openvino*"))
    torch.manual_seed(0)
    config = {**json.loads((folder / "config.json").read_text(encoding="utf-8")), "dtype": "float32"}
    model = BertModel(BertConfig(**config)).eval()
    model.save_pretrained(folder)
    return model


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, BertModel]:
    folder = tmp_path_factory.mktemp("embedder") / "1"
    return folder, write_embedder(folder)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, embedder: tuple[Path, BertModel]) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("converted")
    repository, kept, log = root / "models", root / "kept", root / "log"
    exporter = EXPORTER.folder / "bin" / "optimum-cli"
    options = f"{{exporter: {exporter}, converted_dir: {kept}}}"
    settings = f"engine_options: {{openvino-genai: {options}, embedder: {options}}}\n"
    shutil.copytree(MODELS / "tinychat_hf", repository / "chat" / "1")
    shutil.copytree(embedder[0], repository / "embed" / "1")
    for name in ("chat", "embed"):
        (repository / name / "model.yaml").write_text(settings, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "dragoman",
        "serve",
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        str(repository),
    ]
    with started(command, log, ("http", "grpc"), CONVERTING_S) as found:
        yield Served(found["http"], log, repository, kept)


def test_a_model_that_writes_is_converted_and_served_by_openvino(server: Served) -> None:
    status, told = server.ask("/v1/completions", {"model": "chat", "prompt": "alpha beta", "temperature": 0})
    assert (status, told["choices"][0]["text"]) == (200, LEARNT)
    assert told["system_fingerprint"].startswith("openvino-genai")
    chat = {"model": "chat", "messages": [{"role": "user", "content": TEXTS[0]}], "temperature": 0}
    status, told = server.ask("/v1/chat/completions", chat)
    assert told["choices"][0]["message"]["content"] == "The capital of France is Paris."
    assert '"doing": "it is converted to OpenVINO' in server.log.read_text(encoding="utf-8")


def test_a_model_of_vectors_is_converted_and_agrees_with_its_own_weights(
    server: Served, embedder: tuple[Path, BertModel]
) -> None:
    from tokenizers import Tokenizer

    status, told = server.ask("/v1/embeddings", {"model": "embed", "input": TEXTS})
    assert status == 200, told
    tokenizer = Tokenizer.from_file(str(embedder[0] / "tokenizer.json"))
    for text, entry in zip(TEXTS, told["data"], strict=True):
        ids = torch.tensor([tokenizer.encode(text).ids])
        with torch.inference_mode():
            vector = embedder[1](input_ids=ids).last_hidden_state.mean(1)[0].numpy()
        assert np.allclose(entry["embedding"], vector / np.linalg.norm(vector), atol=1e-5)


def test_one_that_is_not_converted_is_left_to_transformers(server: Served, tmp_path: Path) -> None:
    failing = tmp_path / "optimum-cli"
    failing.write_text("#!/bin/sh\necho no such architecture\nexit 3\n", encoding="utf-8")
    failing.chmod(0o700)
    shutil.copytree(MODELS / "tinychat_hf", tmp_path / "models" / "plain" / "1")
    settings = (
        f"engine_options: {{openvino-genai: {{exporter: {failing}, converted_dir: {tmp_path / 'kept'}}}}}\n"
    )
    (tmp_path / "models" / "plain" / "model.yaml").write_text(settings, encoding="utf-8")
    with serving([str(tmp_path / "models")], tmp_path / "log") as addresses:
        plain = server._replace(http=addresses.http)
        told = plain.ask("/v1/completions", {"model": "plain", "prompt": "alpha beta", "temperature": 0})[1]
    assert told["choices"][0]["text"] == LEARNT
    assert told["system_fingerprint"].startswith("transformers")
    log = (tmp_path / "log").read_text(encoding="utf-8")
    assert "an engine gave way to the next" in log
    assert "no such architecture" in log


def test_the_next_server_converts_nothing(server: Served, tmp_path: Path) -> None:
    repository = tmp_path / "models"
    shutil.copytree(server.repository / "chat", repository / "again")
    with serving([str(repository)], tmp_path / "log") as addresses:
        again = server._replace(http=addresses.http)
        told = again.ask("/v1/completions", {"model": "again", "prompt": "alpha beta", "temperature": 0})[1]
    assert told["choices"][0]["text"] == LEARNT
    assert "converted to OpenVINO" not in (tmp_path / "log").read_text(encoding="utf-8")


def test_a_server_that_is_to_end_does_not_wait_for_a_conversion(tmp_path: Path) -> None:
    hanging = tmp_path / "optimum-cli"
    hanging.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 1000\n", encoding="utf-8")
    hanging.chmod(0o700)
    shutil.copytree(MODELS / "tinychat_hf", tmp_path / "models" / "plain" / "1")
    options = f"{{exporter: {hanging}, converted_dir: {tmp_path / 'kept'}}}"
    settings = f"engine: openvino-genai\noptions: {options}\n"
    (tmp_path / "models" / "plain" / "model.yaml").write_text(settings, encoding="utf-8")
    command = [sys.executable, "-m", "dragoman", "serve", "--port", "0", str(tmp_path / "models")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert any("it is converted to OpenVINO" in line for line in process.stdout)
        process.terminate()
        told = process.communicate(timeout=60)[0]
    assert process.returncode == 0
    assert "not wanted any more" in told
    assert (tmp_path / "kept").is_dir()


def test_a_model_that_writes_nothing_is_not_converted(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    shutil.copytree(MODELS / "tinychat_hf", folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["architectures"] = ["LlamaForSequenceClassification"]
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    artifact = Artifact(str(folder / "config.json"), "m", 1)
    options = {"exporter": str(EXPORTER.folder / "bin" / "optimum-cli"), "converted_dir": str(tmp_path)}
    with pytest.raises(GivesWayError, match="architectures"):
        GenAiEngine().load(artifact, options)


def test_without_an_exporter_it_is_left_to_transformers() -> None:
    claim = Claim("config.json")
    assert not GenAiEngine.is_ready(claim, {})
    assert GenAiEngine.is_ready(claim, {"exporter": str(EXPORTER.folder / "bin" / "optimum-cli")})
    assert GenAiEngine.is_ready(Claim("openvino_model.xml"), {})
