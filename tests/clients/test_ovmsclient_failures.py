"""What ovmsclient and the package that takes its place make of answers that are failures, or no answers."""

import json
import threading
from collections.abc import Iterator, Mapping
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import grpc
import pytest

from dragoman.wire.protobuf import message_class
from tests.clients.conftest import Package, Told, run

pytestmark = pytest.mark.clients

OCCURRED = "Error occurred during handling the request: "
TOLD = "why it could not"
GRPC = {
    "CANCELLED": "ConnectionError",
    "UNKNOWN": "ConnectionError",
    "INVALID_ARGUMENT": "InvalidInputError",
    "DEADLINE_EXCEEDED": "TimeoutError",
    "NOT_FOUND": "ModelNotFoundError",
    "ALREADY_EXISTS": "ConnectionError",
    "PERMISSION_DENIED": "ConnectionError",
    "RESOURCE_EXHAUSTED": "ConnectionError",
    "FAILED_PRECONDITION": "ConnectionError",
    "ABORTED": "ConnectionError",
    "OUT_OF_RANGE": "ConnectionError",
    "UNIMPLEMENTED": "ConnectionError",
    "INTERNAL": "ConnectionError",
    "UNAVAILABLE": "ConnectionError",
    "DATA_LOSS": "ConnectionError",
    "UNAUTHENTICATED": "ConnectionError",
}
HTTP = {
    "400": "InvalidInputError",
    "401": "ModelServerError",
    "403": "ModelServerError",
    "404": "ModelNotFoundError",
    "408": "ModelServerError",
    "412": "ModelServerError",
    "413": "ConnectionError",
    "429": "ModelServerError",
    "500": "ModelServerError",
    "501": "ModelServerError",
    "503": "ConnectionError",
    "504": "ModelServerError",
}
SCALAR = {"x": {"dtype": "DT_FLOAT", "tensorShape": {"unknownRank": False}}}
SIGNATURE = {"inputs": SCALAR, "outputs": SCALAR}


class Prepared(BaseHTTPRequestHandler):
    """Answers as the model's name says: a number with an error, or one of these texts with 200."""

    texts: ClassVar[Mapping[str, object]] = {
        "no-json": "<html>",
        "nothing": {},
        "no-versions": {"model_version_status": []},
        "scalars": {
            "modelSpec": {"name": "scalars", "version": "3"},
            "metadata": {"signature_def": {"signatureDef": {"serving_default": SIGNATURE}}},
        },
        "snake": {
            "model_spec": {"name": "snake", "version": "3"},
            "metadata": {"signature_def": {"signature_def": {"serving_default": SIGNATURE}}},
        },
        "zero": {"outputs": 0},
        "not-served": {"model_version_status": [{
            "version": "2", "state": "LOADING", "status": {"error_code": "UNKNOWN", "error_message": TOLD},
        }]},
    }  # fmt: skip

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        model = self.path.split("/")[3].partition(":")[0]
        status, document = 200, self.texts.get(model)
        if document is None:
            status, document = int(model), {"error": TOLD}
        body = document.encode() if isinstance(document, str) else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def http_server() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Prepared)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"localhost:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


class Aborting(grpc.GenericRpcHandler):
    """Ends every call with the code that the model's name says."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        method = handler_call_details.method.rpartition("/")[2]
        kind = message_class(f"tensorflow.serving.{method}Request")

        def abort(body: bytes, context: grpc.ServicerContext) -> None:
            context.abort(grpc.StatusCode[kind.FromString(body).model_spec.name], TOLD)

        return grpc.unary_unary_rpc_method_handler(abort)


@pytest.fixture(scope="module")
def grpc_server() -> Iterator[str]:
    server = grpc.server(futures.ThreadPoolExecutor(2), handlers=[Aborting()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"localhost:{port}"
    server.stop(None).wait()


@pytest.fixture(scope="module")
def over_grpc(package: Package, grpc_server: str) -> Told:
    return run(package, "ovmsclient_failures.py", package.name, "grpc", grpc_server, *GRPC)


@pytest.fixture(scope="module")
def over_http(package: Package, http_server: str) -> Told:
    models = [*HTTP, *Prepared.texts]
    return run(package, "ovmsclient_failures.py", package.name, "http", http_server, *models)


@pytest.mark.parametrize("call", ["status", "metadata", "predict"])
def test_every_code_of_grpc_has_its_exception(call: str, over_grpc: Told) -> None:
    assert {model: ended["raised"] for model, ended in over_grpc[call].items()} == GRPC


def test_the_servers_words_come_over_grpc(over_grpc: Told) -> None:
    says = {ended["says"] for code, ended in over_grpc["predict"].items() if code != "DEADLINE_EXCEEDED"}
    assert says == {OCCURRED + TOLD}
    assert over_grpc["predict"]["DEADLINE_EXCEEDED"]["says"] == f"{OCCURRED}Request handling exceeded timeout"


@pytest.mark.parametrize("call", ["status", "metadata", "predict"])
def test_every_status_of_http_has_its_exception(call: str, over_http: Told) -> None:
    ended = over_http[call]
    assert {model: ended[model]["raised"] for model in HTTP} == HTTP
    assert {ended[model]["says"] for model in HTTP} == {OCCURRED + TOLD}


def test_a_version_that_does_not_load_says_why(over_http: Told) -> None:
    version = {"state": "LOADING", "error_code": 2, "error_message": TOLD}
    assert over_http["status"]["not-served"] == {"gave": {"2": version}}


def test_what_is_no_answer_is_a_bad_response_in_ours(over_http: Told, package: Package) -> None:
    # ovmsclient means to raise BadResponseError, too, but compares numbers by identity.
    wanted = "BadResponseError" if package.is_ours else "ModelServerError"
    assert over_http["status"]["no-json"]["raised"] == wanted
    assert over_http["predict"]["nothing"]["raised"] == wanted


def test_metadata_that_is_missing_is_a_bad_response_in_ours(over_http: Told, package: Package) -> None:
    ended = over_http["metadata"]["nothing"]
    if package.is_ours:
        assert ended["raised"] == "BadResponseError"
    else:
        assert ended == {"gave": {}}


def test_a_model_without_versions_has_none_in_ours(over_http: Told, package: Package) -> None:
    ended = over_http["status"]["no-versions"]
    if package.is_ours:
        assert ended == {"gave": {}}
    else:
        assert ended["raised"] == "ModelServerError"


def test_an_output_that_is_zero_is_one_in_ours(over_http: Told, package: Package) -> None:
    ended = over_http["predict"]["zero"]
    if package.is_ours:
        assert ended == {"gave": {"dtype": "int64", "values": 0}}
    else:
        assert ended["raised"] == "ModelServerError"


@pytest.mark.parametrize("spelling", ["scalars", "snake"])
def test_metadata_without_sizes_is_that_of_scalars_in_ours(
    spelling: str, over_http: Told, package: Package
) -> None:
    ended = over_http["metadata"][spelling]
    if package.is_ours:
        tensor = {"x": {"shape": [], "dtype": "DT_FLOAT"}}
        assert ended == {"gave": {"model_version": 3, "inputs": tensor, "outputs": tensor}}
    elif spelling == "snake":
        assert ended == {"gave": Prepared.texts["snake"]}
    else:
        assert ended["raised"] == "ModelServerError"
