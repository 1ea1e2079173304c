"""The server with real sockets: listening, TLS, draining, and clients that people use."""

import asyncio
import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import requests

from dragoman.settings.limits import Limits
from dragoman.transports.http.router import Router
from dragoman.transports.http.server import HttpServer
from dragoman.transports.http.shared import Handler
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import Operation
from tests.hostile.client import Client, statuses
from tests.hostile.table import GET
from tests.unit.transports.http.memory import Parts

pytestmark = pytest.mark.usefixtures("crowd")
PEM = Path(__file__).with_name("localhost.pem")
GUARD_S = 60.0


def echo(operation: Operation, wire: WireRequest) -> WireResponse:
    return WireResponse(200, wire.body, b"x/y")


def run(scene: Callable[[HttpServer], Awaitable[None]], handler: Handler = echo) -> None:
    """Play a scene with a server, and close it."""

    async def guarded() -> None:
        server = HttpServer(Router([], "superset"), handler, Limits())
        try:
            await asyncio.wait_for(scene(server), GUARD_S)
        finally:
            server.close()

    asyncio.run(guarded())


async def connected(port: int) -> Client:
    client = Client()
    await client.connect(port)
    client.read()
    return client


class Gate:
    """A handler that answers when it is opened."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.opened = asyncio.Event()

    async def __call__(self, operation: Operation, wire: WireRequest) -> WireResponse:
        self.begun.set()
        await self.opened.wait()
        return WireResponse(200, b"late", b"x/y")


def test_a_bound_socket_or_its_descriptor_is_listened_on():
    async def scene(server: HttpServer) -> None:
        bound = socket.socket()
        bound.bind(("127.0.0.1", 0))
        client = await connected(await server.start_on(bound.detach()))
        await client.send(GET)
        await client.until(lambda: statuses(bytes(client.received)) == (200,))
        await client.close()

    run(scene)


def test_a_port_in_use_is_an_error():
    async def scene(server: HttpServer) -> None:
        port = await server.start("127.0.0.1", 0)
        with pytest.raises(OSError, match=str(port)):
            await HttpServer(Router([], "superset"), echo, Limits()).start("127.0.0.1", port)

    run(scene)


def test_draining_lets_idle_clients_go_and_takes_no_new_ones():
    async def scene(server: HttpServer) -> None:
        port = await server.start("127.0.0.1", 0)
        idle = await connected(port)
        await idle.send(GET)
        await idle.until(lambda: statuses(bytes(idle.received)) == (200,))
        await server.drain(GUARD_S)
        await idle.until(lambda: False)
        assert server.connections == 0
        await idle.close()
        late = Client()
        with pytest.raises(ConnectionRefusedError):
            await late.connect(port)
        await late.close()

    run(scene)


def test_draining_waits_for_requests_in_flight_and_says_that_the_connection_ends():
    async def scene(server: HttpServer) -> None:
        client = await connected(await server.start("127.0.0.1", 0))
        await client.send(GET)
        await gate.begun.wait()
        drained = asyncio.create_task(server.drain(GUARD_S))
        await asyncio.sleep(0)
        assert not drained.done()
        gate.opened.set()
        await drained
        await client.until(lambda: False)
        assert b"Connection: close\r\n" in client.received
        assert client.received.endswith(b"late")
        await client.close()

    gate = Gate()
    run(scene, gate)


def test_draining_hangs_up_on_what_has_not_ended_in_time():
    async def scene(server: HttpServer) -> None:
        client = await connected(await server.start("127.0.0.1", 0))
        await client.send(GET)
        await gate.begun.wait()
        await server.drain(0)
        await client.until(lambda: False)
        assert client.received == b""
        await client.close()

    gate = Gate()
    run(scene, gate)


# Clients that people use


@contextlib.contextmanager
def served(handler: Handler = echo, *, tls: bool = False) -> Iterator[int]:
    """A server on another thread's loop; its port."""
    loop = asyncio.new_event_loop()
    context = None
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(PEM)
    server = HttpServer(Router([], "superset"), handler, Limits(), tls=context)
    port = loop.run_until_complete(server.start("127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield port
    finally:
        asyncio.run_coroutine_threadsafe(server.drain(0), loop).result(GUARD_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_requests_keeps_its_connection_and_gets_large_bodies_back(tls):
    with served(tls=tls) as port, requests.Session() as session:
        url = f"{'https' if tls else 'http'}://127.0.0.1:{port}/a"
        for body in (b"", b"small", bytes(range(256)) * 20_000):
            assert session.post(url, data=body, timeout=GUARD_S, verify=str(PEM)).content == body


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_requests_may_send_a_body_in_chunks(tls):
    with served(tls=tls) as port:
        url = f"{'https' if tls else 'http'}://127.0.0.1:{port}/a"
        parts = [b"one", b"two" * 10_000, b"three"]
        answer = requests.post(url, data=iter(parts), timeout=GUARD_S, verify=str(PEM))
        assert answer.content == b"".join(parts)


def test_a_streamed_answer_reaches_the_standard_library_s_client():
    async def parts():
        for number in range(1000):
            yield b"%d\n" % number

    with served(lambda _, wire: WireResponse(200, stream=Parts(parts()))) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=GUARD_S)
        connection.request("GET", "/a")
        assert connection.getresponse().read() == b"".join(b"%d\n" % number for number in range(1000))
        connection.request("HEAD", "/a")
        assert connection.getresponse().read() == b""
        connection.close()


def test_a_client_that_sends_too_much_can_read_why():
    with served() as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=GUARD_S)
        connection.putrequest("POST", "/a")
        connection.putheader("Content-Length", str(Limits().body_bytes + 1))
        connection.endheaders()
        connection.send(bytes(5_000_000))
        assert connection.getresponse().status == 413
        connection.close()
