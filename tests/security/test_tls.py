"""TLS on both ports: what is spoken, who may connect, and certificates that change while serving."""

import contextlib
import http.client
import os
import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.e2e.process import DIGITS, Server, dragoman_run, serving
from tests.security.certificates import DAY, Authority
from tests.server_process import Address

WAIT_S = 60.0
SETTINGS = """
repository: {digits}
watch_s: 0.05
log: {{access: 'off'}}
deployments_file: ''
listeners:
- port: 0
  tls: {tls}
- port: 0
  transport: grpc
  tls: {tls}
"""


class Served:
    """A server with TLS on both ports, and what its clients trust."""

    def __init__(self, server: Server, folder: Path, authority: Authority) -> None:
        urls = [line.split()[-1] for line in server.lines if line.startswith("listening on ")]
        assert [url.partition("://")[0] for url in urls] == ["https", "grpcs"]
        hosts = [url.partition("://")[2].rpartition(":") for url in urls]
        self.http, self.grpc = (Address(host, int(port)) for host, _, port in hosts)
        self.server = server
        self.folder = folder
        self.authority = authority

    def client(self, pair: tuple[Path, Path] | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.authority.file))
        if pair is not None:
            context.load_cert_chain(*pair)
        return context

    def shake(self, context: ssl.SSLContext, address: Address | None = None) -> ssl.SSLSocket:
        plain = socket.create_connection(address or self.http, timeout=WAIT_S)
        return context.wrap_socket(plain, server_hostname="localhost")

    def name(self, address: Address | None = None) -> str:
        """The common name of the certificate that the server shows."""
        context = self.client()
        if address == self.grpc:
            context.set_alpn_protocols(["h2"])
        with self.shake(context, address) as connection:
            subject: Any = connection.getpeercert()
            return subject["subject"][0][0][1]

    def get(self, context: ssl.SSLContext) -> int:
        connection = http.client.HTTPSConnection(*self.http, timeout=WAIT_S, context=context)
        with contextlib.closing(connection):
            connection.request("GET", "/healthz")
            return connection.getresponse().status

    def check(self, pair: tuple[Path, Path] | None = None) -> Any:
        """What gRPC's health service says."""
        key, chain = (pair[1].read_bytes(), pair[0].read_bytes()) if pair else (None, None)
        trusted = self.authority.file.read_bytes()
        credentials = grpc.ssl_channel_credentials(trusted, key, chain)
        with grpc.secure_channel(f"localhost:{self.grpc.port}", credentials) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            return stub.Check(health_pb2.HealthCheckRequest(), timeout=WAIT_S).status

    def exchange(self, pair: tuple[Path, Path], said: str = "certificates exchanged") -> None:
        """Put other files in the place of the server's; returns when both ports have told of it."""
        for source, name in zip(pair, ("server.crt", "server.key"), strict=True):
            shutil.copy(source, self.folder / f"{name}.new")
            os.replace(self.folder / f"{name}.new", self.folder / name)
        told = 0
        for line in self.server.process.stderr:
            told += said in line
            if told == 2:
                return


@contextlib.contextmanager
def served(folder: Path, clients: str = "none") -> Iterator[Served]:
    authority = Authority(folder, "authority")
    for source, name in zip(authority.issue("first"), ("server.crt", "server.key"), strict=True):
        shutil.copy(source, folder / name)
    tls = f"{{certificate: {folder}/server.crt, key: {folder}/server.key"
    tls += f", client_ca: {authority.file}, client_certificates: {clients}}}" if clients != "none" else "}"
    settings = folder / "dragoman.yaml"
    settings.write_text(SETTINGS.format(digits=DIGITS, tls=tls))
    with serving("serve", str(settings)) as server:
        server.read_until("listening on ")
        yield Served(server, folder, authority)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("tls")) as running:
        yield running


@pytest.fixture(scope="module")
def required(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("required"), "required") as running:
        yield running


@pytest.fixture(scope="module")
def optional(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("optional"), "optional") as running:
        yield running


class TestSpoken:
    """Versions and suites."""

    @pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
    def test_tls_1_2_and_1_3_are_spoken(self, plain: Served, version: ssl.TLSVersion) -> None:
        context = plain.client()
        context.minimum_version = context.maximum_version = version
        assert plain.get(context) == 200

    @pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
    @pytest.mark.parametrize("port", ["http", "grpc"])
    @pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
    def test_older_versions_are_not(self, plain: Served, version: ssl.TLSVersion, port: str) -> None:
        context = plain.client()
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
        with pytest.raises(ssl.SSLError):
            plain.shake(context, getattr(plain, port))

    @pytest.mark.parametrize("port", ["http", "grpc"])
    @pytest.mark.parametrize(
        "suite", ["ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384", "AES128-GCM-SHA256", "aNULL", "DHE"]
    )
    def test_weak_suites_are_not(self, plain: Served, suite: str, port: str) -> None:
        context = plain.client()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(f"{suite}:@SECLEVEL=0")
        with pytest.raises((ssl.SSLError, ConnectionError)):
            plain.shake(context, getattr(plain, port))

    def test_both_ports_answer(self, plain: Served) -> None:
        assert plain.get(plain.client()) == 200
        assert plain.check() == health_pb2.HealthCheckResponse.SERVING

    @pytest.mark.parametrize(("port", "spoken"), [("http", "http/1.1"), ("grpc", "h2")])
    def test_a_port_says_what_it_speaks(self, plain: Served, port: str, spoken: str) -> None:
        context = plain.client()
        context.set_alpn_protocols(["http/1.1", "h2"])
        with plain.shake(context, getattr(plain, port)) as connection:
            assert connection.selected_alpn_protocol() == spoken

    def test_what_is_no_tls_is_hung_up_on(self, plain: Served) -> None:
        with socket.create_connection(plain.http, timeout=WAIT_S) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert b"HTTP" not in connection.recv(100)


class TestClients:
    """Certificates of clients."""

    def test_a_good_one_is_let_in(self, required: Served) -> None:
        pair = required.authority.issue("friend")
        assert required.get(required.client(pair)) == 200
        assert required.check(pair) == health_pb2.HealthCheckResponse.SERVING

    def test_none_is_not(self, required: Served) -> None:
        self.refused(required, None)

    def test_an_expired_one_is_not(self, required: Served) -> None:
        self.refused(required, required.authority.issue("late", -DAY))

    def test_one_that_another_authority_signed_is_not(self, required: Served, tmp_path: Path) -> None:
        self.refused(required, Authority(tmp_path, "other").issue("foe"))

    def test_where_they_are_optional_none_is_let_in_and_a_bad_one_is_not(
        self, optional: Served, tmp_path: Path
    ) -> None:
        assert optional.get(optional.client()) == 200
        assert optional.get(optional.client(optional.authority.issue("friend"))) == 200
        assert optional.check() == health_pb2.HealthCheckResponse.SERVING
        assert optional.check(optional.authority.issue("friend")) == health_pb2.HealthCheckResponse.SERVING
        self.refused(optional, Authority(tmp_path, "other").issue("foe"))

    def refused(self, server: Served, pair: tuple[Path, Path] | None) -> None:
        with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
            server.get(server.client(pair))
        with pytest.raises(grpc.RpcError) as caught:
            server.check(pair)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


class Load:
    """Clients that ask again and again: some on one connection, some on a new one each time."""

    def __init__(self, server: Served) -> None:
        self._server = server
        self._ended = threading.Event()
        self.asked = 0
        self.failures: list[BaseException] = []
        work = (self._keep, self._keep, self._reconnect, self._call)
        self._threads = [threading.Thread(target=self._guarded, args=(one,)) for one in work]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def more(self, count: int) -> None:
        """Wait until so many more were answered."""
        goal = self.asked + count
        while self.asked < goal and not self.failures:
            self._ended.wait(0.001)

    def _guarded(self, work: Any) -> None:
        try:
            work()
        except BaseException as error:
            self.failures.append(error)

    def _keep(self) -> None:
        connection = http.client.HTTPSConnection(
            *self._server.http, timeout=WAIT_S, context=self._server.client()
        )
        with contextlib.closing(connection):
            connection.connect()
            first = connection.sock
            while not self._ended.is_set():
                connection.request("GET", "/healthz")
                assert connection.getresponse().read()
                assert connection.sock is first, "the connection was dropped"
                self.asked += 1

    def _reconnect(self) -> None:
        while not self._ended.is_set():
            assert self._server.get(self._server.client()) == 200
            self.asked += 1

    def _call(self) -> None:
        credentials = grpc.ssl_channel_credentials(self._server.authority.file.read_bytes())
        with grpc.secure_channel(f"localhost:{self._server.grpc.port}", credentials) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            while not self._ended.is_set():
                stub.Check(health_pb2.HealthCheckRequest(), timeout=WAIT_S)
                self.asked += 1


class TestChange:
    """Files that change."""

    def test_a_change_under_load_drops_no_connection(self, tmp_path: Path) -> None:
        with served(tmp_path) as server:
            assert server.name() == server.name(server.grpc) == "first"
            with Load(server) as load:
                for name in ("second", "third", "fourth"):
                    load.more(50)
                    server.exchange(server.authority.issue(name))
                    assert server.name() == server.name(server.grpc) == name
                load.more(50)
            assert load.failures == []

    def test_files_that_cannot_be_used_are_told_and_the_old_ones_stay(self, tmp_path: Path) -> None:
        with served(tmp_path) as server:
            broken = tmp_path / "broken"
            broken.write_text("no certificate")
            server.exchange((broken, broken), "certificates stay as they were")
            assert server.name() == server.name(server.grpc) == "first"
            server.exchange(server.authority.issue("second"))
            assert server.name() == server.name(server.grpc) == "second"


@pytest.mark.parametrize(
    ("certificate", "key", "said"),
    [
        ("missing.crt", "good.key", "tls.certificate: {folder}/missing.crt: no such file or directory"),
        ("good.crt", "missing.key", "tls.key: {folder}/missing.key: no such file or directory"),
        ("good.key", "good.key", "tls.certificate: {folder}/good.key: no certificate in PEM form"),
        ("good.crt", "good.crt", "tls.key: {folder}/good.crt: no private key in PEM form"),
        ("good.crt", "other.key", "tls.key: {folder}/other.key: the key is not that of the certificate"),
    ],
)
def test_a_file_that_cannot_be_used_stops_the_start_and_is_named(
    tmp_path: Path, certificate: str, key: str, said: str
) -> None:
    authority = Authority(tmp_path, "authority")
    authority.issue("good")
    authority.issue("other")
    tls = f"{{certificate: {tmp_path}/{certificate}, key: {tmp_path}/{key}}}"
    settings = tmp_path / "dragoman.yaml"
    settings.write_text(SETTINGS.format(digits=DIGITS, tls=tls))
    ended = dragoman_run("serve", str(settings))
    assert ended.returncode == 1
    assert said.format(folder=tmp_path) in ended.stderr
