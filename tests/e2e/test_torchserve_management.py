"""TorchServe's management API on a live server, while models are being called."""

import http.client
import json
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from tests.conformance.handler_archives import write_archive
from tests.server_process import Address, printing

ANSWER_S: Final = 60
CALLERS: Final = 6
HANDLER: Final = """
import os, time

def handle(data, context):
    if data is None:
        return None
    if context.get_request_header(0, "describe") == "True":
        return [{"mine": context.model_name}]
    time.sleep(0.01)
    return [str(os.getpid())] * len(data)
"""
BROKEN: Final = "raise RuntimeError('it cannot be imported')\n"
CONFIG: Final = """\
inference_address=http://127.0.0.1:0
management_address=http://127.0.0.1:0
enable_metrics_api=false
grpc_inference_port=0
grpc_management_port=0
enable_model_api=true
disable_token_authorization=true
"""


def archive(path: Path, name: str, version: str = "1.0", code: str = HANDLER, **files: str) -> None:
    told = {"modelName": name, "modelVersion": version, "handler": "h.py"}
    if "config" in files:
        told["configFile"] = "model-config.yaml"
        files["model-config.yaml"] = files.pop("config")
    write_archive(path, {"h.py": code, **files, "MAR-INF/MANIFEST.json": json.dumps({"model": told})})


class Served:
    """A server's two addresses."""

    def __init__(self, inference: Address, management: Address) -> None:
        self._inference, self._management = inference, management

    def predict(self, path: str) -> tuple[int, bytes]:
        return asked(self._inference, "POST", f"/predictions/{path}", b"x")

    def manage(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        status, told = asked(self._management, method, path, body, headers)
        return status, json.loads(told)

    def workers(self, model: str) -> list[Any]:
        _, (told,) = self.manage("GET", f"/models/{model}")
        return list(told["workers"])

    @contextmanager
    def called(self, model: str) -> Iterator[Counter[int]]:
        """Meanwhile the model is called by several callers; the statuses of the answers."""
        found: Counter[int] = Counter()
        over = threading.Event()

        def call() -> None:
            while not over.is_set():
                found[self.predict(model)[0]] += 1

        with ThreadPoolExecutor(CALLERS) as pool:
            calls = [pool.submit(call) for _ in range(CALLERS)]
            try:
                yield found
            finally:
                over.set()
            for one in calls:
                one.result(ANSWER_S)


def asked(
    address: Address,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection(*address, timeout=ANSWER_S)) as connection:
        connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("management")
    for version in ("1.0", "2.0"):
        archive(folder / "store" / f"busy-{version}.mar", "busy", version)
    archive(folder / "store" / "broken.mar", "broken", code=BROKEN)
    archive(folder / "store" / "two.mar", "two", config="minWorkers: 2\nmaxWorkers: 3\nbatchSize: 4\n")
    archive(folder / "store" / "bad_config.mar", "bad_config", config="minWorkers: [\n")
    (folder / "config.properties").write_text(CONFIG)
    command = [sys.executable, "-m", "dragoman", "serve", "--as", "torchserve", "--ncs", "--model-store"]
    with printing([*command, "store"], folder / "log", ["http"] * 2, folder) as found:
        addresses = [address for transport, address in found if transport == "http"]
        yield Served(*addresses)


@contextmanager
def registered(served: Served, url: str, model: str, query: str = "&initial_workers=1") -> Iterator[None]:
    status, told = served.manage("POST", f"/models?url={url}{query}")
    assert status == 200, told
    try:
        yield
    finally:
        served.manage("DELETE", f"/models/{model}")


def test_workers_are_made_more_and_fewer_under_load_without_a_failure(served: Served) -> None:
    with registered(served, "busy-1.0.mar", "busy"), served.called("busy") as found:
        for count in (3, 1, 2):
            status, told = served.manage("PUT", f"/models/busy?min_worker={count}&synchronous=true")
            assert (status, told["status"]) == (200, f"Workers scaled to {count} for model: busy")
            assert len(served.workers("busy")) == count
    assert set(found) == {200}


def test_a_model_that_is_taken_away_under_load_answers_what_it_has_begun_and_then_404(
    served: Served,
) -> None:
    with registered(served, "busy-1.0.mar", "busy"), served.called("busy") as found:
        while not found[200]:
            served.predict("busy")
        assert served.manage("DELETE", "/models/busy")[0] == 200
        assert served.predict("busy")[0] == 404
        assert served.manage("POST", "/models?url=busy-1.0.mar&initial_workers=1")[0] == 200
        assert served.predict("busy")[0] == 200
    assert set(found) <= {200, 404, 503}


def test_the_default_version_changes_under_load_without_a_failure(served: Served) -> None:
    with registered(served, "busy-1.0.mar", "busy"), served.called("busy") as found:
        assert served.manage("POST", "/models?url=busy-2.0.mar&initial_workers=1")[0] == 200
        old = served.predict("busy/1.0")[1]
        assert served.predict("busy")[1] == old
        assert served.manage("PUT", "/models/busy/2.0/set-default")[0] == 200
        assert served.predict("busy")[1] == served.predict("busy/2.0")[1] != old
        assert served.manage("DELETE", "/models/busy/2.0")[0] == 403
        assert served.manage("DELETE", "/models/busy/1.0")[0] == 200
    assert set(found) == {200}


def test_of_registrations_of_one_version_at_once_one_holds(served: Served) -> None:
    def register(_: int) -> int:
        return served.manage("POST", "/models?url=busy-1.0.mar&initial_workers=1")[0]

    try:
        with ThreadPoolExecutor(4) as pool:
            assert sorted(pool.map(register, range(4))) == [200, 409, 409, 409]
        assert len(served.workers("busy")) == 1
    finally:
        served.manage("DELETE", "/models/busy")


def test_who_does_not_wait_may_scale_at_once_and_finds_the_workers_later(served: Served) -> None:
    status, told = served.manage("POST", "/models?url=busy-1.0.mar&initial_workers=1&synchronous=false")
    assert (status, told["status"]) == (202, "Processing worker updates...")
    try:
        assert served.manage("PUT", "/models/busy?min_worker=2&synchronous=true")[0] == 200
        assert [one["status"] for one in served.workers("busy")] == ["READY", "READY"]
        assert served.predict("busy")[0] == 200
    finally:
        served.manage("DELETE", "/models/busy")


def test_an_archives_own_workers_win_and_the_rest_of_the_registration_does(served: Served) -> None:
    with registered(served, "two.mar", "two", "&initial_workers=1&batch_size=2"):
        _, (told,) = served.manage("GET", "/models/two")
        assert (told["minWorkers"], told["maxWorkers"], told["batchSize"]) == (2, 3, 2)
        assert len(told["workers"]) == 2


def test_a_model_without_workers_is_there_and_says_so(served: Served) -> None:
    with registered(served, "busy-1.0.mar", "busy", ""):
        status, body = served.predict("busy")
        assert (status, json.loads(body)["type"]) == (503, "ServiceUnavailableException")
        status, told = served.manage("GET", "/models/busy?customized=true")
        assert status == 503
        assert told["message"].startswith('Model "busy has no worker to serve describe request.')
        assert served.manage("GET", "/models/busy")[1][0]["workers"] == []


def test_a_model_says_of_itself_what_it_likes(served: Served) -> None:
    with registered(served, "busy-1.0.mar", "busy"):
        _, (told,) = served.manage("GET", "/models/busy/1.0?customized=true")
        assert told["customizedMetadata"] == {"mine": "busy"}
        assert "customizedMetadata" not in served.manage("GET", "/models/busy")[1][0]


@pytest.mark.parametrize(
    ("url", "code", "kind"),
    [
        ("broken.mar&initial_workers=1", 500, "InternalServerException"),
        ("bad_config.mar", 400, "InvalidModelException"),
        ("nope.mar", 404, "ModelNotFoundException"),
        ("", 404, "ModelNotFoundException"),
        ("busy-1.0.mar&runtime=LSP&initial_workers=1", 400, "InvalidModelException"),
        ("http://127.0.0.1:1/a.mar", 404, "ModelNotFoundException"),
    ],
)
def test_what_cannot_be_registered_is_told_and_leaves_nothing(
    served: Served, url: str, code: int, kind: str
) -> None:
    status, told = served.manage("POST", f"/models?url={url}")
    assert (status, told["type"]) == (code, kind)
    assert served.manage("GET", "/models")[1]["models"] == []
    assert served.manage("POST", "/models", b"[", {"Content-Type": "application/json"})[0] == 400


def test_management_has_the_references_other_paths(served: Served) -> None:
    assert served.manage("GET", "/workflows") == (200, {"workflows": []})
    assert served.manage("POST", "/workflows?url=a.war")[0] == 400
    assert served.manage("DELETE", "/workflows/a")[0] == 404
    assert served.manage("GET", "/ping")[0] == 404
    assert served.manage("OPTIONS", "/models")[0] == 405
    assert served.manage("OPTIONS", "/models/nobody")[0] == 404
