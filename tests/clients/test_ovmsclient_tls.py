"""ovmsclient, and the package that takes its place, over TLS, with certificates on either side."""

import contextlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.clients.conftest import Package, run
from tests.clients.test_ovmsclient import AVAILABLE
from tests.conformance import reference_models
from tests.security.certificates import Authority
from tests.server_process import Addresses, started

pytestmark = pytest.mark.clients

MODEL: Final = "two_out"
SETTINGS: Final = """
listeners:
- {{name: http, port: 0, dialect: ovms, tls: {tls}}}
- {{name: grpc, port: 0, transport: grpc, dialect: ovms, tls: {tls}}}
"""


class Served:
    """A server with TLS on both ports, and who signs its certificate and those of its clients."""

    def __init__(self, addresses: Addresses, authority: Authority) -> None:
        self.addresses = addresses
        self.authority = authority

    def call(self, package: Package, transport: str, *files: Path) -> Any:
        address = f"localhost:{getattr(self.addresses, transport).port}"
        return run(package, "ovmsclient_tls.py", package.name, transport, address, MODEL, *files)


@contextlib.contextmanager
def served(folder: Path, clients: str) -> Iterator[Served]:
    authority = Authority(folder, "authority")
    certificate, key = authority.issue("server")
    tls = f"certificate: {certificate}, key: {key}, client_ca: {authority.file}"
    tls = f"{{{tls}, client_certificates: {clients}}}"
    settings = folder / "dragoman.yaml"
    settings.write_text(SETTINGS.format(tls=tls), encoding="utf-8")
    reference_models.write(folder / "all")
    shutil.copytree(folder / "all" / MODEL, folder / "models" / MODEL)
    command = [sys.executable, "-m", "dragoman", "serve", str(folder / "models"), "--config", str(settings)]
    with started(command, folder / "log", ("https", "grpcs")) as found:
        yield Served(Addresses(http=found["https"], grpc=found["grpcs"]), authority)


@pytest.fixture(scope="module")
def open_to_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("open"), "optional") as server:
        yield server


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("closed"), "required") as server:
        yield server


def test_the_servers_certificate_is_enough_over_grpc(open_to_all: Served, package: Package) -> None:
    told = open_to_all.call(package, "grpc", open_to_all.authority.file)
    assert told["status"] == {"gave": {"1": AVAILABLE}}
    assert told["status_without_tls"]["raised"] == "ConnectionError"


def test_a_client_shows_its_certificate_over_grpc(closed: Served, package: Package) -> None:
    told = closed.call(package, "grpc", closed.authority.file, *closed.authority.issue("client"))
    assert told["status"] == {"gave": {"1": AVAILABLE}}


def test_a_client_without_a_certificate_is_turned_away_over_grpc(closed: Served, package: Package) -> None:
    assert closed.call(package, "grpc", closed.authority.file)["status"]["raised"] == "ConnectionError"


def test_a_server_that_is_not_trusted_is_not_called_over_grpc(
    closed: Served, package: Package, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path, "stranger")
    told = closed.call(package, "grpc", stranger.file, *closed.authority.issue("client"))
    assert told["status"]["raised"] == "ConnectionError"


def test_https_is_spoken_by_ours_alone(closed: Served, package: Package) -> None:
    told = closed.call(package, "http", closed.authority.file, *closed.authority.issue("client"))
    if package.is_ours:
        assert told["status"] == {"gave": {"1": AVAILABLE}}
    else:
        assert told["status"]["raised"] == "ConnectionError"  # it calls http:// whatever its tls_config


def test_a_client_without_a_certificate_is_turned_away_over_https(closed: Served, package: Package) -> None:
    assert closed.call(package, "http", closed.authority.file)["status"]["raised"] == "ConnectionError"


def test_a_server_that_is_not_trusted_is_not_called_over_https(
    open_to_all: Served, package: Package, tmp_path: Path
) -> None:
    told = open_to_all.call(package, "http", Authority(tmp_path, "stranger").file)
    assert told["status"]["raised"] == "ConnectionError"
