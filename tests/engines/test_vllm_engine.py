"""The engine vllm against a stand-in for vLLM's process: a live server, and all that may become of it."""

import json
import os
import select
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from dragoman.cli.port_owner import port_owner
from dragoman.core.errors import Code, DragomanError
from dragoman.engines.base import Artifact, Progress
from dragoman.engines.vllm import VllmEngine, engine
from dragoman.engines.vllm.command import find_command, has_gpu
from dragoman.repository.tree import scan
from dragoman.settings.model import ModelSettings
from tests.engines.text_models import MODELS
from tests.server_process import Address, ServerFailedError, serving

STANDIN = Path(__file__).with_name("vllm_standin.py")
TOKENIZER = Tokenizer.from_file(str(MODELS / "tinychat_hf" / "tokenizer.json"))
END = 2
CHAT = "<|user|>Say hello.<|end|><|assistant|>"
TEXTS = {"alpha beta": " gamma delta epsilon", CHAT: "Hello there, friend!", "café": " naïve café 🙂"}
TRIES = 200  # requests, in which what is waited for has to come about
MANY_TRIES = 20_000
ACTS = ("dies", "hangs", "garbled", "untold", "tells", "refuses")


def ids(text: str) -> list[int]:
    found: list[int] = TOKENIZER.encode(text).ids
    return found


def key(text: str) -> str:
    return " ".join(map(str, ids(text)))


class Place:
    """A model's folder, its stand-in, and what that has noted."""

    def __init__(self, root: Path, **script: Any) -> None:
        self.folder = root / "models" / "m" / "1"
        shutil.copytree(MODELS / "tinychat_hf", self.folder)
        texts = {key(prompt): [*ids(text), END] for prompt, text in TEXTS.items()}
        script = {"start": "well", "texts": texts, "acts": {key(act): act for act in ACTS}, **script}
        self.write(script)
        self.command = root / "vllm"
        self.command.write_text(f'#!/bin/sh\nexec {sys.executable} {STANDIN} "$@"\n', encoding="utf-8")
        self.command.chmod(0o700)
        self.models = root / "models"
        self.log = root / "log"

    def write(self, script: dict[str, Any]) -> None:
        self.script = script
        (self.folder / "standin.json").write_text(json.dumps(script), encoding="utf-8")

    def settings(self, *more: str) -> None:
        options = ", ".join([f"command: {self.command}", *more])
        text = f"engine: vllm\noptions: {{{options}}}\n"
        (self.folder.parent / "model.yaml").write_text(text, encoding="utf-8")

    def noted(self, file: str) -> list[str]:
        path = self.folder / file
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    @property
    def asked(self) -> dict[str, Any]:
        """What the stand-in was asked last."""
        found: dict[str, Any] = json.loads(self.noted("asked.jsonl")[-1])
        return found

    @property
    def pids(self) -> list[int]:
        return [int(line.split()[0]) for line in self.noted("starts")]


class Server:
    """A live server of the stand-in."""

    def __init__(self, http: Address, place: Place) -> None:
        self.http = http
        self.place = place

    def open(self, path: str, sent: Any = None) -> HTTPConnection:
        connection = HTTPConnection(*self.http, timeout=60)
        body = None if sent is None else json.dumps(sent)
        headers = {"content-type": "application/json"}
        connection.request("GET" if body is None else "POST", path, body, headers)
        return connection

    def ask(self, path: str, sent: Any = None) -> tuple[int, Any]:
        connection = self.open(path, sent)
        answer = connection.getresponse()
        data = answer.read().decode()
        connection.close()
        return answer.status, json.loads(data) if data.startswith(("{", "[")) else data

    def complete(self, prompt: str, **more: Any) -> tuple[int, Any]:
        sent = {"model": "m", "prompt": prompt, "max_tokens": 30, "temperature": 0, **more}
        return self.ask("/v1/completions", sent)

    def text(self, prompt: str, **more: Any) -> str:
        status, told = self.complete(prompt, **more)
        assert status == 200, told
        text: str = told["choices"][0]["text"]
        return text


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    place = Place(tmp_path_factory.mktemp("vllm"), pause_s=0.002)
    place.settings("idle_timeout_s: 2.0", "arguments: [--dtype, float16]")
    with serving([str(place.models)], place.log) as addresses:
        yield Server(addresses.http, place)


def events(data: str) -> list[Any]:
    """The documents of a stream that ends as streams do."""
    *found, done, rest = data.split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    return [json.loads(event.removeprefix("data: ")) for event in found]


def test_it_is_started_with_its_folder_a_socket_and_the_owners_arguments(server: Server) -> None:
    (started,) = server.place.noted("starts")
    assert "--served-model-name model --generation-config vllm --max-num-seqs 256" in started
    assert started.endswith("--dtype float16")
    folder = Path(started.split("--uds ")[1].split()[0]).parent
    assert folder.stat().st_mode & 0o777 == 0o700


def test_prompts_and_conversations_go_as_tokens_and_come_back_as_text(server: Server) -> None:
    status, told = server.complete("alpha beta")
    assert (status, told["choices"][0]["text"]) == (200, TEXTS["alpha beta"])
    written = len(ids(TEXTS["alpha beta"])) + 1
    assert told["usage"]["completion_tokens"] == written
    assert (told["choices"][0]["finish_reason"], told["system_fingerprint"]) == ("stop", "vllm-1")
    assert server.place.asked["prompt"] == ids("alpha beta")
    chat = {"model": "m", "messages": [{"role": "user", "content": "Say hello."}]}
    status, told = server.ask("/v1/chat/completions", chat)
    assert told["choices"][0]["message"]["content"] == TEXTS[CHAT]


def test_a_stream_has_whole_characters_and_the_text_of_the_whole_answer(server: Server) -> None:
    sent = {"model": "m", "prompt": "café", "max_tokens": 40, "stream": True}
    chunks = events(server.ask("/v1/completions", sent)[1])
    pieces = [chunk["choices"][0]["text"] for chunk in chunks]
    assert "".join(pieces) == TEXTS["café"] == server.text("café")
    assert len(pieces) > 2
    assert not any("\ufffd" in piece for piece in pieces)


def test_other_protocols_reach_it_too(server: Server) -> None:
    status, told = server.ask("/v2/models/m/generate", {"text_input": "alpha beta", "max_tokens": 30})
    assert (status, told["text_output"]) == (200, TEXTS["alpha beta"])


def test_how_tokens_are_chosen_is_said_in_vllms_words(server: Server) -> None:
    asked = {
        "temperature": 0.5, "top_p": 0.5, "top_k": 5, "min_p": 0.1, "repetition_penalty": 1.5,
        "frequency_penalty": 0.25, "presence_penalty": -0.25, "min_tokens": 2, "ignore_eos": True,
        "logit_bias": {"70": 3}, "max_tokens": 9,
    }  # fmt: skip
    server.text("alpha", **asked, seed=-1, stop_token_ids=[5])
    told = server.place.asked
    assert {name: told[name] for name in asked} == {**asked, "logit_bias": {"70": 3}}
    assert (told["seed"], told["stop_token_ids"]) == (-1, [5])
    server.text("alpha", seed=2**64 - 1)
    assert (server.place.asked["seed"], server.place.asked["stop_token_ids"]) == (-1, [END])


def test_several_texts_have_seeds_of_their_own(server: Server) -> None:
    before = len(server.place.noted("asked.jsonl"))
    told = server.complete("alpha beta", n=3, seed=5)[1]
    assert [choice["text"] for choice in told["choices"]] == [TEXTS["alpha beta"]] * 3
    asked = [json.loads(line)["seed"] for line in server.place.noted("asked.jsonl")[before:]]
    assert sorted(asked) == [5, 6, 7]


def test_a_schema_is_passed_on_and_its_refusal_is_the_callers(server: Server) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    chat = {"model": "m", "messages": [{"role": "user", "content": "Say hello."}], "response_format": form}
    assert server.ask("/v1/chat/completions", chat)[0] == 200
    assert server.place.asked["response_format"]["json_schema"]["schema"] == schema
    status, told = server.complete("refuses")
    assert (status, told["error"]["message"]) == (400, "the grammar is not known")


def test_logarithms_are_told_of_chosen_tokens_and_of_likelier_ones(server: Server) -> None:
    told = server.complete("alpha beta", logprobs=0)[1]["choices"][0]["logprobs"]
    assert set(told["token_logprobs"]) == {-0.25}
    assert "".join(told["tokens"]) == TEXTS["alpha beta"]
    told = server.complete("alpha beta", logprobs=2)[1]["choices"][0]["logprobs"]
    assert set(told["token_logprobs"]) == {-0.5}
    likelier = TOKENIZER.decode([9])
    assert all(place[likelier] == -0.125 for place in told["top_logprobs"])
    assert (server.place.asked["prompt_logprobs"], server.place.asked["max_tokens"]) == (2, 1)


def test_what_it_cannot_do_is_refused_by_name(server: Server) -> None:
    status, told = server.complete("alpha beta", explain=True)
    assert (status, told["error"]["param"]) == (501, "explain")
    long = server.complete("alpha " * 300)
    assert (long[0], long[1]["error"]["code"]) == (400, "context_length_exceeded")


def wait_for_gone(server: Server, prompt: str) -> None:
    """Wait until the stand-in has noted that this prompt's caller went."""
    for _ in range(TRIES):
        if key(prompt) in server.place.noted("gone"):
            return
        server.text("alpha beta")
    raise AssertionError(f"nobody went who had asked for {prompt}")


def test_a_stop_text_ends_the_stream_that_would_go_on(server: Server) -> None:
    assert server.text("one two", max_tokens=200, stop=[TOKENIZER.decode([7]) * 3]) == ""
    wait_for_gone(server, "one two")


def test_a_caller_that_goes_away_ends_its_text(server: Server) -> None:
    sent = {"model": "m", "prompt": "three four", "max_tokens": 200, "stream": True}
    connection = server.open("/v1/completions", sent)
    connection.getresponse().fp.readline()
    connection.close()
    wait_for_gone(server, "three four")


@pytest.mark.parametrize(
    ("act", "status", "says"),
    [
        ("garbled", 500, "an answer that is none"),
        ("untold", 500, "it tells no token_ids"),
        ("tells", 500, "vLLM failed"),
        ("hangs", 504, "vLLM sent nothing more within 2 s"),
    ],
)
def test_an_answer_that_is_none_is_an_error_and_the_next_text_is_well(
    server: Server, act: str, status: int, says: str
) -> None:
    found, told = server.complete(act)
    assert (found, says in told["error"]["message"]) == (status, True), told
    assert server.text("alpha beta") == TEXTS["alpha beta"]


def test_a_process_that_dies_fails_its_texts_and_is_started_again(server: Server) -> None:
    before = server.place.pids
    sent = {"model": "m", "prompt": "dies", "max_tokens": 200, "stream": True}
    *written, failure = events(server.ask("/v1/completions", sent)[1])
    assert written
    assert "closed the connection" in failure["error"]["message"]
    refusals = []
    while (told := server.complete("alpha beta"))[0] == 503 and len(refusals) < MANY_TRIES:
        refusals.append(told[1]["error"]["message"])
    assert all("vLLM" in refusal for refusal in refusals)
    assert told[1]["choices"][0]["text"] == TEXTS["alpha beta"]
    assert len(server.place.pids) == len(before) + 1
    assert "the stand-in begins" in server.place.log.read_text(encoding="utf-8")


def test_a_process_that_dies_again_and_again_is_given_up(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.settings("restarts: 1")
    with serving([str(place.models)], place.log) as addresses:
        server = Server(addresses.http, place)
        place.write({**place.script, "start": "exits"})
        server.complete("dies")
        for _ in range(MANY_TRIES):
            status, told = server.complete("alpha beta")
            assert status == 503
            if "in a row" in told["error"]["message"]:
                break
        assert "vLLM has ended 2 times in a row" in told["error"]["message"]
        assert len(place.pids) == 2


def test_a_model_of_vectors_is_asked_for_them_by_tokens(tmp_path: Path) -> None:
    place = Place(tmp_path, context=8)
    files = MODELS / "tinyembed"
    shutil.copytree(files, place.folder, ignore=shutil.ignore_patterns("openvino*"), dirs_exist_ok=True)
    place.settings()
    tokenizer = Tokenizer.from_file(str(files / "tokenizer.json"))
    with serving([str(place.models)], place.log) as addresses:
        server = Server(addresses.http, place)
        texts = ["alpha", "alpha beta gamma"]
        status, told = server.ask("/v1/embeddings", {"model": "m", "input": texts})
        assert status == 200, told
        ids = [tokenizer.encode(text).ids for text in texts]
        assert [entry["embedding"] for entry in told["data"]] == [[len(i), i[0], i[-1]] for i in ids]
        assert sorted(map(len, place.asked["input"])) == sorted(map(len, ids))
        status, told = server.ask("/v1/embeddings", {"model": "m", "input": "alpha " * 20})
        assert (status, told["error"]["code"]) == (400, "context_length_exceeded")
        status, told = server.complete("alpha")
        assert (status, told["error"]["code"]) == (400, "unsupported_model")
    assert "--runner pooling" in place.noted("starts")[0]
    assert ended(place.pids)


@pytest.mark.parametrize(
    ("start", "patience_s", "says"),
    [("exits", 60.0, "it ended with status 4"), ("never", 5.0, "it was not ready within 5 s")],
)
def test_a_process_that_does_not_come_about_fails_the_model(
    tmp_path: Path, start: str, patience_s: float, says: str
) -> None:
    place = Place(tmp_path, start=start)
    place.settings(f"start_timeout_s: {patience_s}")
    with serving([str(place.models)], place.log) as addresses:
        status, told = Server(addresses.http, place).complete("alpha beta")
    assert status == 503
    assert f"vLLM does not serve this model: {says}" in told["error"]["message"]
    assert "the stand-in begins" in place.log.read_text(encoding="utf-8")
    assert ended(place.pids)


def test_a_process_that_answers_and_writes_nothing_fails_the_model(tmp_path: Path) -> None:
    place = Place(tmp_path, dumb=True)
    artifact = Artifact(str(place.folder / "config.json"), "m", 1)
    with pytest.raises(DragomanError, match="writes nothing: vLLM failed") as caught:
        VllmEngine().load(artifact, {"command": str(place.command)})
    assert caught.value.code is Code.FAILED_PRECONDITION
    assert ended(place.pids)


def test_the_process_ends_with_the_server_however_that_ends(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.settings()
    with serving([str(place.models)], place.log) as addresses:
        assert Server(addresses.http, place).text("alpha beta")
    assert ended(place.pids)
    with pytest.raises(ServerFailedError):
        kill_server(place)
    assert ended(place.pids)


def kill_server(place: Place) -> None:
    """End a server by force, and wait for the end of its stand-in."""
    with serving([str(place.models)], place.log) as addresses:
        owner = port_owner(addresses.http.port)
        assert owner is not None
        watched = os.pidfd_open(place.pids[-1])
        os.kill(owner.pid, signal.SIGKILL)
        assert select.select([watched], [], [], 60)[0]


def ended(pids: Sequence[int]) -> bool:
    """Whether none of these processes is left."""
    return bool(pids) and not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_a_load_that_is_not_wanted_any_more_ends_its_process(tmp_path: Path) -> None:
    place = Place(tmp_path, start="never")
    artifact = Artifact(str(place.folder / "config.json"), "m", 1)
    wanted = Progress(wanted=lambda: not place.pids)
    with pytest.raises(DragomanError) as caught:
        VllmEngine().load_telling(artifact, {"command": str(place.command)}, wanted)
    assert caught.value.code is Code.CANCELLED
    assert ended(place.pids)


def vectors_folder(folder: Path) -> Path:
    """A folder that looks like one of a model of vectors."""
    folder.mkdir()
    for name in ("config.json", "tokenizer.json", "modules.json", "model.safetensors"):
        (folder / name).write_text("{}", encoding="utf-8")
    return folder


def test_folders_are_claimed_where_a_gpu_is_or_the_engine_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = scan(str(MODELS / "tinychat_hf"))
    monkeypatch.setattr(engine, "has_gpu", lambda: False)
    assert VllmEngine.claim(tree, ModelSettings()) is None
    claim = VllmEngine.claim(tree, ModelSettings(engine="vllm"))
    assert claim is not None
    monkeypatch.setattr(engine, "has_gpu", lambda: True)
    assert VllmEngine.claim(tree, ModelSettings()) == claim
    vectors = scan(str(vectors_folder(tmp_path / "vectors")))
    assert VllmEngine.claim(vectors, ModelSettings()) is None
    assert VllmEngine.claim(vectors, ModelSettings(engine="vllm")) is not None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not VllmEngine.is_ready(claim, {})
    assert VllmEngine.is_ready(claim, {"command": sys.executable})
    (tmp_path / "nvidia0").touch()
    assert has_gpu([str(tmp_path / "nvidia[0-9]*")])
    assert not has_gpu([str(tmp_path / "kfd")])
    assert find_command("") is None


def test_where_vllm_is_missing_the_message_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    artifact = Artifact(str(MODELS / "tinychat_hf" / "config.json"), "m", 1)
    with pytest.raises(DragomanError, match=r"pip install 'dragoman\[vllm\]'.*options\.command"):
        VllmEngine().load(artifact, {})
