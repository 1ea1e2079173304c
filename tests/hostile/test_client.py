"""Servers that answer badly, and what the client's transports make of it."""

import asyncio
import inspect
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dragoman.client import (
    AsyncClient,
    BadAnswer,
    Client,
    ClientError,
    ConnectionFailed,
    InvalidInput,
    ServerError,
    TimedOut,
    Tls,
)
from tests.security.certificates import Authority

GUARD_S = 30.0
SOON_S = 0.2
READY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
EVENT = b'data: {"model_name": "m", "outputs": []}\n\n'
CHUNK = b"%x\r\n%b\r\n" % (len(EVENT), EVENT)
LARGE = 32 * 1024 * 1024  # more than the buffers of both sides take

Script = Callable[[socket.socket], None]


class Peer:
    """A server that plays one script per connection, in their order, and counts the connections."""

    def __init__(self, scripts: tuple[Script, ...], context: ssl.SSLContext | None) -> None:
        self.connections = 0
        self.gone = threading.Semaphore(0)  # connections that the server has ended
        self.over = threading.Event()
        self._scripts = scripts
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        for script in self._scripts:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._threads.append(threading.Thread(target=self._play, args=(script, connection)))
            self._threads[-1].start()

    def _play(self, script: Script, connection: socket.socket) -> None:
        connection.settimeout(GUARD_S)
        with suppress(OSError):
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
            script(connection)
        connection.close()
        self.gone.release()

    def close(self) -> None:
        self.over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:  # the first is the one that adds to them
            thread.join()
        self._listener.close()


@contextmanager
def peer(*scripts: Script, context: ssl.SSLContext | None = None) -> Iterator[Peer]:
    made = Peer(scripts, context)
    try:
        yield made
    finally:
        made.close()


def request(sock: socket.socket) -> bytes:
    """One whole request; empty where the client has hung up."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = sock.recv(65536)
        if not part:
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    sizes = [line.split(b":")[1] for line in head.split(b"\r\n") if line.startswith(b"content-length:")]
    while sizes and len(body) < int(sizes[0]):
        body += sock.recv(65536)
    return data


def answering(*answers: bytes) -> Script:
    """One answer per request, then the end of the connection."""

    def script(sock: socket.socket) -> None:
        for answer in answers:
            if request(sock):
                sock.sendall(answer)

    return script


def waiting(*parts: bytes) -> Script:
    """The parts of an answer, after which the server says nothing until the client hangs up."""

    def script(sock: socket.socket) -> None:
        request(sock)
        for part in parts:
            sock.sendall(part)
        sock.recv(1)

    return script


class Both:
    """A client of either kind, called alike."""

    def __init__(self, asynchronous: bool) -> None:
        self._asynchronous = asynchronous

    def calls(
        self, peer: Peer | SimpleNamespace, *names: str, between: Callable[[], object] = bool, **options: Any
    ) -> list[Any]:
        """What these methods of one client give, one after another."""
        options = {"timeout_s": GUARD_S, "retries": 0, **options}
        scheme = "https" if "tls" in options else "http"
        url = f"{scheme}://{peer.address}"
        if not self._asynchronous:
            with Client(url, **options) as client:
                return [(between(), call(client, name))[1] for name in names]

        async def run() -> list[Any]:
            async with AsyncClient(url, **options) as client:
                found = []
                for name in names:
                    await asyncio.to_thread(between)
                    given = call(client, name)
                    found.append(await given if inspect.isawaitable(given) else await collected(given))
                return found

        return asyncio.run(run())


def call(client: Any, name: str) -> Any:
    match name:
        case "ready":
            return client.ready()
        case "load" | "config":
            return getattr(client, name)("m")
        case "stream":
            given = client.stream("m", {})
            return list(given) if isinstance(client, Client) else given
        case "large":
            return client.predict("m", "x" * LARGE)
    raise AssertionError(name)


async def collected(results: Any) -> list[Any]:
    return [result async for result in results]


@pytest.fixture(params=[False, True], ids=["threads", "asyncio"])
def both(request: pytest.FixtureRequest) -> Both:
    return Both(request.param)


def test_calls_share_a_connection(both: Both) -> None:
    with peer(answering(READY, READY, BUSY)) as server:
        assert both.calls(server, "ready", "ready", "ready") == [True, True, False]
    assert server.connections == 1


def test_a_connection_that_the_server_has_closed_meanwhile_is_replaced(both: Both) -> None:
    with peer(answering(READY), answering(READY)) as server:
        first = iter([True])

        def closed() -> None:
            if not next(first, False):
                server.gone.acquire(timeout=GUARD_S)

        assert both.calls(server, "ready", "ready", between=closed) == [True, True]
    assert server.connections == 2


def test_a_kept_connection_that_breaks_under_a_request_is_replaced(both: Both) -> None:
    def closing_late(sock: socket.socket) -> None:
        answering(READY)(sock)
        request(sock)  # taken, and never answered

    with peer(closing_late, answering(READY)) as server:
        assert both.calls(server, "ready", "ready") == [True, True]


def test_what_may_have_been_done_is_not_done_twice(both: Both) -> None:
    def closing_late(sock: socket.socket) -> None:
        answering(READY)(sock)
        request(sock)

    with peer(closing_late, answering(READY)) as server, pytest.raises(ConnectionFailed, match="without an"):
        both.calls(server, "ready", "load", retries=3)
    assert server.connections == 1


def test_a_fresh_connection_that_breaks_is_tried_again_as_often_as_allowed(both: Both) -> None:
    broken = answering(READY[:10])
    with peer(broken, broken, answering(READY)) as server:
        assert both.calls(server, "ready", retries=2) == [True]
    with peer(broken, broken) as server, pytest.raises(ConnectionFailed, match="within its answer"):
        both.calls(server, "ready", retries=1)


def test_a_busy_server_is_asked_again(both: Both) -> None:
    document = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    with peer(answering(BUSY, document)) as server:
        assert both.calls(server, "config", retries=1) == [{}]


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 100_000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\n\r\n{",
    ],
)
def test_a_hostile_answer_is_refused(both: Both, answer: bytes) -> None:
    with peer(answering(answer)) as server, pytest.raises(BadAnswer) as caught:
        both.calls(server, "config")
    assert server.address in str(caught.value)
    assert len(str(caught.value)) < 300


def test_what_nobody_asked_for_is_not_taken_for_the_next_answer(both: Both) -> None:
    with peer(answering(READY + BUSY), answering(READY)) as server:
        assert both.calls(server, "ready", "ready") == [True, True]
    assert server.connections == 2


@pytest.mark.parametrize(
    "parts",
    [
        (),
        (b"HTTP/1.1 ",),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",),
        (b"HTTP/1.1 100 Go on\r\n\r\n",),
    ],
)
def test_a_server_that_falls_silent_is_left(both: Both, parts: tuple[bytes, ...]) -> None:
    with peer(waiting(*parts)) as server, pytest.raises(TimedOut, match=server.address):
        both.calls(server, "ready", timeout_s=SOON_S)


def test_a_server_that_drips_is_left(both: Both) -> None:
    def dripping(sock: socket.socket) -> None:
        request(sock)
        sock.settimeout(SOON_S / 4)
        sock.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        while True:
            sock.sendall(b"x")
            with suppress(TimeoutError):
                if not sock.recv(1):
                    return

    with peer(dripping) as server, pytest.raises(TimedOut):
        both.calls(server, "ready", timeout_s=SOON_S)


def test_a_server_that_takes_nothing_is_left(both: Both) -> None:
    def taking_nothing(sock: socket.socket) -> None:
        server.over.wait(GUARD_S)

    with peer(taking_nothing) as server, pytest.raises(TimedOut):
        both.calls(server, "large", timeout_s=SOON_S)


def test_a_refusal_before_the_whole_request_was_sent_is_read(both: Both) -> None:
    def refusing(sock: socket.socket) -> None:
        sock.recv(1000)
        sock.sendall(
            b"HTTP/1.1 413 Too large\r\nConnection: close\r\nContent-Length: 17\r\n\r\n"
            + b'{"error": "huge"}'
        )
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(65536):  # as servers do, so that the answer is not lost
            pass

    with peer(refusing) as server, pytest.raises(ServerError, match="huge") as caught:
        both.calls(server, "large")
    assert caught.value.status == 413


def test_a_stream_comes_part_by_part(both: Both) -> None:
    with peer(answering(EVENTS + CHUNK + CHUNK + b"0\r\n\r\n", READY)) as server:
        results, ready = both.calls(server, "stream", "ready")
    assert [result.model for result in results] == ["m", "m"]
    assert ready
    assert server.connections == 1


def test_a_stream_is_told_apart_from_a_failure(both: Both) -> None:
    refusal = b"HTTP/1.1 404 No\r\nContent-Length: 15\r\n\r\n" + b'{"error": "no"}'
    with peer(answering(refusal)) as server, pytest.raises(ServerError, match="no"):
        both.calls(server, "stream")


def test_a_stream_that_breaks_off_is_an_error(both: Both) -> None:
    with (
        peer(answering(EVENTS + CHUNK)) as server,
        pytest.raises(ConnectionFailed, match="within its answer"),
    ):
        both.calls(server, "stream", retries=3)


def test_a_stream_that_falls_silent_is_left(both: Both) -> None:
    with peer(waiting(EVENTS + CHUNK)) as server, pytest.raises(TimedOut):
        both.calls(server, "stream", timeout_s=SOON_S)


def test_a_server_that_is_not_there_is_told(both: Both) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # nobody else has the port, and nobody listens on it
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ConnectionFailed, match=f"refused .*{address}"):
            both.calls(SimpleNamespace(address=address), "ready", retries=1)


def contexts(folder: Path, name: str) -> tuple[Authority, ssl.SSLContext]:
    authority = Authority(folder, name)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority.issue("server"))
    return authority, context


def test_a_trusted_certificate_is_enough(both: Both, tmp_path: Path) -> None:
    authority, context = contexts(tmp_path, "good")
    with peer(answering(READY, READY), context=context) as server:
        trusted = Tls(ca_file=str(authority.file))
        assert both.calls(server, "ready", "ready", tls=trusted) == [True, True]
    assert server.connections == 1
    with peer(answering(READY), context=context) as server:
        assert both.calls(server, "ready", tls=Tls(verify=False)) == [True]


def test_a_certificate_that_is_not_trusted_is_told(both: Both, tmp_path: Path) -> None:
    _, context = contexts(tmp_path, "good")
    other = Authority(tmp_path, "other")
    with (
        peer(answering(READY), context=context) as server,
        pytest.raises(ConnectionFailed, match="not trusted"),
    ):
        both.calls(server, "ready", tls=Tls(ca_file=str(other.file)))


def test_a_server_that_speaks_no_tls_is_told(both: Both) -> None:
    def speaking_plainly(sock: socket.socket) -> None:
        sock.recv(1000)
        sock.sendall(READY)

    with peer(speaking_plainly) as server, pytest.raises(ConnectionFailed, match="TLS failed"):
        both.calls(server, "ready", tls=Tls())


@pytest.mark.parametrize("scheme", ["https", "grpcs"])
def test_a_file_that_is_not_there_is_named(scheme: str) -> None:
    with pytest.raises(InvalidInput, match=r"missing\.pem"):
        Client(f"{scheme}://host", tls=Tls(ca_file="missing.pem"))


def test_a_task_that_is_cancelled_lets_go_of_its_connection() -> None:
    asked = threading.Event()

    def saying_nothing(sock: socket.socket) -> None:
        request(sock)
        asked.set()
        sock.recv(1)

    async def run(server: Peer) -> None:
        async with AsyncClient(f"http://{server.address}", retries=0) as client:
            call = asyncio.create_task(client.ready())
            assert await asyncio.to_thread(asked.wait, GUARD_S)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert await asyncio.to_thread(server.gone.acquire, timeout=GUARD_S)

    with peer(saying_nothing) as server:
        asyncio.run(run(server))


def test_more_tasks_than_connections_take_turns() -> None:
    async def run(url: str) -> list[bool]:
        async with AsyncClient(url) as client:
            return await asyncio.gather(*[client.ready() for _ in range(200)])

    scripts = [answering(*[READY] * 200)] * 64
    with peer(*scripts) as server:
        assert asyncio.run(run(f"http://{server.address}")) == [True] * 200
    assert server.connections <= 64


def test_errors_of_every_kind_are_client_errors() -> None:
    assert issubclass(TimedOut, ClientError)
