"""A server in TorchServe's place: its file of settings, its model store, its address."""

import json
import ssl
from collections.abc import Iterator
from email.message import Message
from typing import Any, Final
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509 import load_pem_x509_certificate

from dragoman.cli.main import run
from tests.security.certificates import Authority
from tests.server_process import Address, serving_listeners

HANDLER: Final = """
import os

def handle(data, context):
    if data is None:
        return None
    version, batch = context.manifest["model"]["modelVersion"], context.system_properties["batch_size"]
    told = {"version": version, "batch": batch, "key": os.environ.get("SHOP_KEY")}
    return [told | {"body": repr(row.get("body"))} for row in data]
"""
CONFIG: Final = """\
inference_address=https://127.0.0.1:8443
management_address=http://127.0.0.1:0
grpc_management_port=0
enable_metrics_api=false
metrics_mode=prometheus
keystore={folder}/keystore.p12
keystore_pass=changeit
model_store={folder}/store
load_models=told_1.mar,told_2.mar,second=other.mar,absent.mar
default_workers_per_model=1
decode_input_request=false
cors_allowed_origin=https://shop.example
blacklist_env_vars=.*_KEY
max_request_size=1000
models={{\\
  "second": {{"1.0": {{"marName": "other.mar", "batchSize": 3, "maxBatchDelay": 1}}}}\\
}}
"""


class Served:
    """The server's inference address, and what its clients trust."""

    def __init__(self, address: Address, authority: Authority) -> None:
        self._url = f"https://localhost:{address.port}"
        self._context = ssl.create_default_context(cafile=str(authority.file))

    def ask(self, path: str, body: bytes | None = None) -> tuple[int, Message, Any]:
        """Status, headers and JSON of an answer."""
        request = Request(self._url + path, body, {"Content-Type": "application/json"})
        try:
            with urlopen(request, context=self._context) as answer:
                return answer.status, answer.headers, json.load(answer)
        except HTTPError as error:
            return error.code, error.headers, None


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("torchserve")
    (folder / "handler.py").write_text(HANDLER)
    for file, name, version in (
        ("told_1", "told", "1.0"),
        ("told_2", "told", "2.0"),
        ("other", "other", "1.0"),
    ):
        words = ["--model-name", name, "-v", version, "--handler", str(folder / "handler.py")]
        assert run(["archive", *words, "--export-path", str(folder / "store")]) == 0
        (folder / "store" / f"{name}.mar").rename(folder / "store" / f"{file}.mar")
    authority = Authority(folder, "authority")
    certificate, key = authority.issue("server")
    private: Any = serialization.load_pem_private_key(key.read_bytes(), None)
    cipher = serialization.BestAvailableEncryption(b"changeit")
    shown = load_pem_x509_certificate(certificate.read_bytes())
    store = pkcs12.serialize_key_and_certificates(b"server", private, shown, None, cipher)
    (folder / "keystore.p12").write_bytes(store)
    (folder / "config.properties").write_text(CONFIG.format(folder=folder))
    flags = [
        "--start",
        "--foreground",
        "--ncs",
        "--disable-token-auth",
        f"--ts-config={folder}/config.properties",
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOP_KEY", "secret")
        arguments = ["--port", "0", "--grpc-port", "0", "--as", "torchserve", *flags]
        with serving_listeners(arguments, folder / "log", ("https",)) as found:
            yield Served(found[0], authority)


@pytest.mark.parametrize(
    ("path", "version"), [("told", "1.0"), ("told/1.0", "1.0"), ("told/2.0", "2.0"), ("second", "1.0")]
)
def test_archives_of_one_model_are_versions_and_others_have_the_names_they_are_given(
    served: Served, path: str, version: str
) -> None:
    status, _, told = served.ask(f"/predictions/{path}", b"[1]")
    assert (status, told["version"]) == (200, version)


def test_workers_are_as_the_file_says(served: Served) -> None:
    _, _, told = served.ask("/predictions/second", b"[1]")
    assert (told["batch"], told["body"], told["key"]) == (3, "bytearray(b'[1]')", None)
    assert served.ask("/predictions/told", b"[1]")[2]["batch"] == 1


def test_an_archive_that_is_missing_makes_ping_tell_so_and_no_other_fail(served: Served) -> None:
    assert served.ask("/ping")[0] == 500


def test_every_answer_allows_the_origin(served: Served) -> None:
    for path in ("/predictions/told", "/predictions/nobody", "/nowhere"):
        _, headers, _ = served.ask(path, b"1")
        assert headers.get_all("Access-Control-Allow-Origin") == ["https://shop.example"]
        assert "Access-Control-Allow-Methods" not in headers


def test_a_larger_body_than_the_file_allows_is_refused(served: Served) -> None:
    assert served.ask("/predictions/told", b"1" * 1001)[0] == 413
