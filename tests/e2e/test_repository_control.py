"""The model repository of a live server: configurations and files that come with requests."""

import base64
import http.client
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import pytest

from dragoman.wire.protobuf import message_classes
from tests.conformance import reference_models
from tests.server_process import Address, serving

PROTOS = message_classes(
    "inference",
    ["RepositoryIndexRequest", "RepositoryIndexResponse", "RepositoryModelLoadRequest", "ModelReadyRequest",
     "ModelReadyResponse", "RepositoryModelUnloadRequest"],
)  # fmt: skip
SERVICE = "/inference.GRPCInferenceService"
LIMIT = 2_000_000
SETTINGS = f"""
repository: models
limits: {{body_bytes: {LIMIT}}}
log: {{access: 'off'}}
listeners:
- {{name: http, port: 0}}
- {{name: grpc, transport: grpc, port: 0}}
"""
CODE = b"class Model:\n    pass\n"
WAIT_S = 60


class Server(NamedTuple):
    """A server, its models, and where its temporary files are."""

    http: Address
    grpc: Address
    models: Path
    temporary: Path

    def ask(self, path: str, body: Any = None, method: str = "POST") -> tuple[int, Any]:
        with closing(http.client.HTTPConnection(*self.http, timeout=WAIT_S)) as connection:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")

    def load(self, model: str, **parameters: str) -> tuple[int, Any]:
        return self.ask(f"/v2/repository/models/{model}/load", {"parameters": parameters})

    def unload(self, model: str) -> tuple[int, Any]:
        return self.ask(f"/v2/repository/models/{model}/unload")

    def config(self, model: str) -> dict[str, Any]:
        status, found = self.ask(f"/v2/models/{model}/config", method="GET")
        assert status == 200
        return found

    def infer(self, model: str, *values: float) -> tuple[int, Any]:
        tensor = {"name": "x", "shape": [len(values)], "datatype": "FP32", "data": values}
        return self.ask(f"/v2/models/{model}/infer", {"inputs": [tensor]})

    def index(self) -> dict[tuple[str, str], str]:
        _, found = self.ask("/v2/repository/index")
        return {(entry["name"], entry.get("version", "")): entry["state"] for entry in found}

    def rpc(self, method: str, message: Any) -> bytes:
        with grpc.insecure_channel(f"{self.grpc.host}:{self.grpc.port}") as channel:
            answer: bytes = channel.unary_unary(f"{SERVICE}/{method}")(
                message.SerializeToString(), timeout=WAIT_S
            )
            return answer

    def uploads(self) -> list[Path]:
        """The folders of files that came with requests."""
        return [path for path in self.temporary.glob("dragoman-uploads-*/*") if path.is_dir()]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("repository")
    temporary = folder / "temporary"
    temporary.mkdir()
    reference_models.write(folder / "models")
    (folder / "dragoman.yaml").write_text(SETTINGS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(temporary))
        with serving([str(folder / "dragoman.yaml")], folder / "log") as addresses:
            yield Server(*addresses[:2], folder / "models", temporary)
    assert list(temporary.glob("dragoman-*")) == []  # a server that ends leaves nothing behind


def model_file(server: Server, name: str = "half_plus_two", version: int = 1) -> bytes:
    return (server.models / name / str(version) / "model.onnx").read_bytes()


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_a_configuration_is_in_force_until_the_model_is_loaded_without(server: Server) -> None:
    before = server.config("echo_float32")
    told = {"max_batch_size": "16", "parameters": {"intra_op_threads": {"string_value": "2"}}}
    assert server.load("echo_float32", config=json.dumps(told))[0] == 200
    found = server.config("echo_float32")
    assert found["max_batch_size"] == 16
    assert found["parameters"] == {"intra_op_threads": {"string_value": "2"}}
    assert server.infer("echo_float32", 1.0, 2.0)[0] == 200
    assert server.load("echo_float32")[0] == 200
    assert server.config("echo_float32") == before


@pytest.mark.parametrize(
    "model", ["add_sub", "half_plus_two", "echo_float32", "echo_string", "mixed", "matrix", "two_out"]
)
def test_what_a_server_tells_of_a_model_may_be_sent_back(server: Server, model: str) -> None:
    before = server.config(model)
    status, answer = server.load(model, config=json.dumps(before))
    assert status == 200, answer
    assert server.config(model) == before
    assert server.load(model)[0] == 200


def test_sizes_are_narrowed_for_requests(server: Server) -> None:
    told = {"input": [{"name": "x", "data_type": "TYPE_FP32", "dims": [3]}]}
    assert server.load("half_plus_two", config=json.dumps(told))[0] == 200
    _, metadata = server.ask("/v2/models/half_plus_two", method="GET")
    assert metadata["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [3]}]
    assert [server.infer("half_plus_two", *values)[0] for values in ((1, 2, 3), (1, 2))] == [200, 400]
    assert server.load("half_plus_two")[0] == 200
    assert server.infer("half_plus_two", 1, 2)[0] == 200


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"backend": "nonsense"}, "there is no engine 'nonsense'; there is handler, "),
        ({"backend": "python"}, "failed to load 'half_plus_two'"),
        ({"default_model_filename": "other.onnx"}, "loads 'model.onnx', not 'other.onnx'"),
        ({"parameters": {"nonsense": {"string_value": "1"}}}, "has no such option"),
        ({"parameters": {"intra_op_threads": {"string_value": "many"}}}, "options.intra_op_threads"),
        ({"parameters": {"session_config": {"string_value": "{}"}}}, "in the model's own files only"),
        ({"version_policy": {"specific": {"versions": [77]}}}, "there is no version 77"),
        ({"input": [{"name": "x", "data_type": "TYPE_INT32", "dims": [-1]}]}, "the model's is float32"),
        ({"model_transaction_policy": {"decoupled": True}}, "does not answer in parts"),
    ],
)
def test_a_configuration_that_does_not_fit_leaves_the_model_as_it_is(
    server: Server, told: dict[str, Any], words: str
) -> None:
    before = server.config("half_plus_two")
    status, answer = server.load("half_plus_two", config=json.dumps(told))
    assert status == 400
    assert answer["error"].startswith("failed to load 'half_plus_two'")
    assert words in answer["error"]
    assert server.config("half_plus_two") == before
    assert server.infer("half_plus_two", 1)[0] == 200


def test_files_are_a_model_of_their_own_over_either_transport(server: Server) -> None:
    content = model_file(server)
    assert server.load("over_rest", config="{}", **{"file:1/model.onnx": text(content)})[0] == 200
    load = PROTOS["RepositoryModelLoadRequest"](model_name="over_grpc")
    load.parameters["config"].string_param = "{}"
    load.parameters["file:7/model.onnx"].bytes_param = content
    server.rpc("RepositoryModelLoad", load)
    for name, version in (("over_rest", "1"), ("over_grpc", "7")):
        status, answer = server.infer(name, 1, 2)
        assert (status, answer["model_version"], answer["outputs"][0]["data"]) == (200, version, [2.5, 3.0])
        assert server.index()[name, version] == "READY"
    assert len(server.uploads()) >= 2
    assert server.unload("over_rest")[0] == 200
    server.rpc("RepositoryModelUnload", PROTOS["RepositoryModelUnloadRequest"](model_name="over_grpc"))
    answer = server.rpc("ModelReady", PROTOS["ModelReadyRequest"](name="over_grpc"))
    assert not PROTOS["ModelReadyResponse"].FromString(answer).ready
    assert server.infer("over_rest", 1)[0] == 404
    assert not {"over_rest", "over_grpc"} & {name for name, _ in server.index()}


@pytest.mark.parametrize(
    ("files", "status", "words"),
    [
        ({"1/model.onnx": b"x"}, 400, "failed to load 'new'"),
        ({"1/model.py": CODE}, 400, "brings code"),
        ({"1/model.mar": b"x"}, 400, "brings code"),
        ({"1/readme.txt": b"x"}, 400, "holds no model"),
        ({"model.yaml": b"trust: code"}, 400, "config says what may be said"),
        ({"../../models/new/1/model.onnx": b"x"}, 400, "no path below"),
        ({"/etc/model.onnx": b"x"}, 400, "no path below"),
        ({"1": b"x", "1/model.onnx": b"x"}, 500, "cannot be written"),
        ({"A" * 256: b"x"}, 500, "failed to poll from model repository"),
    ],
)
def test_files_that_are_no_model_leave_nothing_behind(
    server: Server, files: dict[str, bytes], status: int, words: str
) -> None:
    parameters = {f"file:{path}": text(content) for path, content in files.items()}
    found, answer = server.load("new", config="{}", **parameters)
    assert (found, words in answer["error"]) == (status, True), answer
    assert str(server.temporary) not in answer["error"]
    assert server.ask("/v2/models/new/ready", method="GET")[0] == 404
    assert "new" not in {name for name, _ in server.index()}
    assert server.load("new", config="{}", **{"file:1/model.onnx": text(model_file(server))})[0] == 200
    assert server.unload("new")[0] == 200


def test_a_half_written_model_does_not_load_and_does_once_it_is_whole(server: Server) -> None:
    content = model_file(server)
    folder = server.models / "copied" / "1"
    folder.mkdir(parents=True)
    (folder / "model.onnx.part").write_bytes(content[:20])
    status, answer = server.load("copied")
    assert (status, "failed to load 'copied'" in answer["error"]) == (400, True)
    (folder / "model.onnx").write_bytes(content[:20])
    assert server.load("copied")[0] == 400
    (folder / "model.onnx").write_bytes(content)
    assert server.load("copied")[0] == 200
    assert server.infer("copied", 1)[0] == 200


def test_a_body_beyond_the_limit_is_refused_and_the_server_lives_on(server: Server) -> None:
    status, answer = server.load("new", config="{}", **{"file:1/model.onnx": "A" * LIMIT})
    assert (status, "error" in answer) == (413, True)
    load = PROTOS["RepositoryModelLoadRequest"](model_name="new")
    load.parameters["file:1/model.onnx"].bytes_param = b"\0" * LIMIT
    with pytest.raises(grpc.RpcError) as caught:
        server.rpc("RepositoryModelLoad", load)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert server.ask("/v2/health/live", method="GET")[0] == 200


@pytest.mark.parametrize("size", [10, 100_000, 1_000_000])
def test_an_endless_name_over_grpc_gets_an_answer(server: Server, size: int) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        server.rpc("RepositoryModelLoad", PROTOS["RepositoryModelLoadRequest"](model_name="n" * size))
    assert caught.value.code() in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT)
    assert caught.value.details().startswith("failed to load 'nnnnnnnnnn")


def test_many_at_once_come_to_an_end_in_which_everything_is_as_it_was(server: Server) -> None:
    content = text(model_file(server))
    calls = [
        lambda: server.load("half_plus_two", config='{"max_batch_size": 4}'),
        lambda: server.load("half_plus_two", config='{"max_batch_size": "x"}'),
        lambda: server.load("half_plus_two", config='{"input": [{"name": "nope"}]}'),
        lambda: server.load("half_plus_two", config="{}", **{"file:1/model.onnx": content}),
        lambda: server.load("half_plus_two", config="{}", **{"file:1/model.onnx": "AAAA"}),
        lambda: server.unload("half_plus_two"),
        lambda: server.load("half_plus_two"),
        lambda: server.load("many", config="{}", **{"file:1/model.onnx": content}),
        lambda: server.unload("many"),
        lambda: server.infer("half_plus_two", 1),
    ]
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda call: call(), calls * 8))
    assert {status for status, _ in answers} <= {200, 400, 404, 503}
    assert server.load("half_plus_two")[0] == 200
    server.unload("many")
    assert server.infer("half_plus_two", 2.0)[1]["outputs"][0]["data"] == [4.0]
    assert server.index()["half_plus_two", "2"] == "READY"
    # The files of what was unloaded last are deleted while its answer is on its way.
    assert any(not server.uploads() for _ in range(1000) if server.index())
