"""The gRPC server: listens, drains. It runs on the event loop that everything else runs on."""

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Final

from dragoman.core.status import StatusReport
from dragoman.settings.limits import Limits
from dragoman.transports.body import Pieces
from dragoman.transports.grpc.calls import Call
from dragoman.transports.grpc.head import Head, read_head
from dragoman.transports.grpc.health import Health
from dragoman.transports.grpc.http2.connection import Connection, Shared
from dragoman.transports.grpc.http2.static_table import Field
from dragoman.transports.grpc.methods import Duplex, Handler, Method, as_methods
from dragoman.transports.grpc.reflection import Reflection
from dragoman.transports.grpc.router import GrpcRouter

BACKLOG: Final = 2048
GOODBYE_S: Final = 1.0  # for a client's close_notify, which many never send


class GrpcServer:
    """Every method of the router, health and reflection on one port."""

    def __init__(
        self,
        router: GrpcRouter,
        handler: Handler,
        duplex: Duplex,
        limits: Limits,
        *,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tls = tls
        self._health = Health(router.services)
        methods = {
            **self._health.methods,
            **Reflection(router.services).methods,
            **as_methods(router.operations, handler, duplex),
        }
        self._calls = Calls(methods, ", ".join(router.services), limits.body_bytes)
        self._shared = Shared(self._calls, limits, clock)
        self._server: asyncio.Server | None = None

    def update(self, report: StatusReport) -> None:
        """The models have changed: so may have the server's health."""
        self._health.update(report)

    async def start(self, host: str, port: int) -> int:
        """Listen there; the port, which the system chooses where `port` is 0.

        Errors: OSError where the address cannot be had.
        """
        loop = asyncio.get_running_loop()
        handshake_s = None if self._tls is None else self._shared.limits.header_timeout_s or None
        shutdown_s = None if self._tls is None else GOODBYE_S
        both = host == "::" and socket.has_dualstack_ipv6()
        where = {"sock": dual_stack(port)} if both else {"host": host, "port": port}
        self._server = await loop.create_server(
            lambda: Connection(self._shared), **where, backlog=BACKLOG,
            ssl=self._tls, ssl_handshake_timeout=handshake_s, ssl_shutdown_timeout=shutdown_s,
        )  # fmt: skip
        return int(self._server.sockets[0].getsockname()[1])

    async def drain(self, timeout_s: float) -> None:
        """Take no more calls, finish what has begun, and cancel what has not ended by then."""
        shared = self._shared
        self._health.close()
        shared.draining = True
        if self._server is not None:
            self._server.close()
        for connection in list(shared.connections):
            connection.drain()
            self._calls.close_streams(connection)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(shared.emptied.wait(), timeout_s)
        for connection in list(shared.connections):
            connection.shut()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(shared.emptied.wait(), GOODBYE_S)
        for connection in list(shared.connections):
            connection.abort()
        shared.watch.stop()


class Calls:
    """Makes calls of streams."""

    def __init__(self, methods: Mapping[str, Method], services: str, most: int) -> None:
        self._methods = methods
        self._services = services
        self._most = most
        self._pieces = Pieces()

    def head(self, fields: list[Field] | None) -> Head:
        """What a call's header fields say."""
        return read_head(fields, self._methods, self._services)

    def open(self, connection: Connection[Head], number: int, head: Head) -> Call:
        """A call that begins."""
        return Call(connection, number, head, self._most, self._pieces)

    def close_streams(self, connection: Connection[Head]) -> None:
        """Have the duplex streams of a connection end."""
        for stream in list(connection.session.streams.values()):
            if isinstance(stream, Call):
                stream.close_inbox()


def dual_stack(port: int) -> socket.socket:
    """A socket for every address of both families, which the loop would not make of `::`."""
    return socket.create_server(("::", port), family=socket.AF_INET6, backlog=BACKLOG, dualstack_ipv6=True)
