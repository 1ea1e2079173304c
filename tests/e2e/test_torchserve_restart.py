"""A user's layout as TorchServe has it starts unchanged, and a restart serves what was served."""

import json
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import grpc
import pytest

from tests.conformance.handler_archives import write_archive
from tests.security.certificates import Authority
from tests.server_process import Address, printing

ANSWER_S: Final = 60
PING: Final = "/org.pytorch.serve.grpc.inference.InferenceAPIsService/Ping"
HANDLER: Final = """
def handle(data, context):
    if data is None:
        return None
    name, version = context.model_name, context.manifest["model"]["modelVersion"]
    return [{"model": name, "version": version, "batch": context.system_properties["batch_size"]}] * len(data)
"""
CONFIG: Final = """\
inference_address=https://127.0.0.1:0
management_address=https://127.0.0.1:0
metrics_address=https://127.0.0.1:0
grpc_inference_port=0
grpc_management_port=0
private_key_file={folder}/{key}
certificate_file={folder}/{certificate}
enable_model_api=true
metrics_mode=prometheus
load_models={loaded}
default_workers_per_model=1
models={{\\
  "m0": {{\\
    "1.0": {{"defaultVersion": true, "marName": "m0.mar", "minWorkers": 1, "maxWorkers": 2, "batchSize": 2}}\\
  }}\\
}}
"""
LOADED: Final = [f"m{number}" for number in range(10)]


class Server:
    """A running server: its addresses, its keys."""

    def __init__(self, folder: Path, authority: Authority, addresses: list[Address], rpc: Address) -> None:
        self._keys = json.loads((folder / "key_file.json").read_text())
        self._context = ssl.create_default_context(cafile=str(authority.file))
        self._inference, self._management, self._metrics = addresses[:3]
        self._rpc = rpc

    def ask(self, address: Address, key: str, method: str, path: str) -> Any:
        headers = {"Authorization": f"Bearer {self._keys[key]['key']}"}
        data = b"x" if method == "POST" else None
        request = Request(f"https://localhost:{address.port}{path}", data, headers, method=method)
        try:
            with urlopen(request, timeout=ANSWER_S, context=self._context) as answer:
                return json.load(answer)
        except HTTPError as error:
            return json.load(error)

    def predict(self, model: str) -> Any:
        return self.ask(self._inference, "inference", "POST", f"/predictions/{model}")

    def manage(self, method: str, path: str) -> Any:
        return self.ask(self._management, "management", method, path)

    def pinged(self, key: str) -> grpc.StatusCode:
        metadata = [("authorization", f"Bearer {self._keys[key]['key']}")]
        with grpc.insecure_channel(f"{self._rpc.host}:{self._rpc.port}") as channel:
            try:
                _, call = channel.unary_unary(PING).with_call(b"", timeout=ANSWER_S, metadata=metadata)
            except grpc.RpcError as error:
                return error.code()
            return call.code()

    def measured(self) -> str:
        with urlopen(
            f"https://localhost:{self._metrics.port}/metrics", timeout=ANSWER_S, context=self._context
        ) as answer:
            return str(answer.read().decode())

    def listed(self) -> dict[str, str]:
        return {one["modelName"]: one["modelUrl"] for one in self.manage("GET", "/models")["models"]}

    def described(self, model: str) -> Any:
        (one,) = self.manage("GET", f"/models/{model}")
        return one


class Layout:
    """The folder where a user starts the server: a store, `config.properties`, the files of TLS."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, version, file in (
            *((name, "1.0", name) for name in LOADED),
            ("m1", "2.0", "m1_v2"),
            ("late", "1.0", "late"),
        ):
            model = {"modelName": name, "modelVersion": version, "handler": "h.py"}
            manifest = json.dumps({"model": model, "runtime": "python"})
            write_archive(
                folder / "store" / f"{file}.mar", {"h.py": HANDLER, "MAR-INF/MANIFEST.json": manifest}
            )
        self.authority = Authority(folder, "authority")
        certificate, key = self.authority.issue("server")
        loaded = ",".join(f"{name}.mar" for name in LOADED)
        told = CONFIG.format(folder=folder, key=key.name, certificate=certificate.name, loaded=loaded)
        (folder / "config.properties").write_text(told)

    @contextmanager
    def started(self, *more: str) -> Iterator[Server]:
        command = [sys.executable, "-m", "dragoman", "serve", "--as", "torchserve", "--start"]
        command += ["--foreground", "--model-store", "store", *more]
        with printing(command, self.folder / "log", [*["https"] * 3, "grpc"], self.folder) as found:
            addresses = [address for transport, address in found if transport == "https"]
            yield Server(
                self.folder,
                self.authority,
                addresses,
                next(one for transport, one in found if transport == "grpc"),
            )


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    return Layout(tmp_path_factory.mktemp("layout"))


def test_a_users_layout_starts_unchanged_and_a_restart_serves_what_was_served(layout: Layout) -> None:
    with layout.started() as server:
        assert server.listed() == {name: f"{name}.mar" for name in LOADED}
        assert [server.predict(name)["model"] for name in LOADED] == LOADED
        assert server.predict("m0")["batch"] == 2
        assert "ts_inference_requests_total" in server.measured()
        assert server.pinged("inference") is grpc.StatusCode.OK
        assert server.pinged("management") is grpc.StatusCode.PERMISSION_DENIED
        change(server)
    before = (layout.folder / "config.properties").read_bytes()
    with layout.started() as server:
        assert set(server.listed()) == {*LOADED, "late"} - {"m9"}
        assert server.predict("m1")["version"] == "2.0"
        assert server.predict("m1/1.0")["version"] == "1.0"
        assert server.predict("late") == {"model": "late", "version": "1.0", "batch": 4}
        assert server.predict("m9")["code"] == 404
        late, still, idle = (server.described(model) for model in ("late", "m2", "m3"))
        assert (late["minWorkers"], late["batchSize"], late["loadedAtStartup"]) == (1, 4, True)
        assert (still["minWorkers"], still["maxWorkers"], len(still["workers"])) == (2, 3, 2)
        assert (idle["minWorkers"], idle["workers"]) == (0, [])
        assert server.described("m0")["maxWorkers"] == 2
    assert (layout.folder / "config.properties").read_bytes() == before
    assert not (layout.folder / "key_file.json").exists()
    with layout.started("--ncs") as server:
        assert set(server.listed()) == set(LOADED)
        assert server.described("m2")["minWorkers"] == 1


def change(server: Server) -> None:
    """Register, scale, choose and take away."""
    told = server.manage("POST", "/models?url=late.mar&initial_workers=1&batch_size=4")
    assert told["status"] == 'Model "late" Version: 1.0 registered with 1 initial workers'
    told = server.manage("POST", "/models?url=m1_v2.mar&initial_workers=1")
    assert told["status"] == 'Model "m1" Version: 2.0 registered with 1 initial workers'
    assert server.predict("m1")["version"] == "1.0"
    assert "updated" in server.manage("PUT", "/models/m1/2.0/set-default")["status"]
    told = server.manage("PUT", "/models/m2?min_worker=2&max_worker=3&synchronous=true")
    assert told["status"] == "Workers scaled to 2 for model: m2"
    told = server.manage("PUT", "/models/m3?min_worker=0&synchronous=true")
    assert told["status"] == "Workers scaled to 0 for model: m3"
    assert server.predict("m3")["type"] == "ServiceUnavailableException"
    assert server.manage("DELETE", "/models/m9")["status"] == 'Model "m9" unregistered'
