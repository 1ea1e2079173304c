"""The HTTP server: listens, drains, closes."""

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Final

from dragoman.settings.deployment import Deployment
from dragoman.settings.limits import Limits
from dragoman.transports.http.answer import AnswerHeads
from dragoman.transports.http.connection import Connection
from dragoman.transports.http.router import Router
from dragoman.transports.http.shared import Handler, Refused, Shared
from dragoman.transports.http.wheel import TimerWheel

BACKLOG: Final = 2048
GOODBYE_S: Final = 1.0  # for a client's close_notify, which many never send


class HttpServer:
    """HTTP/1.1 on one listening socket, on the running event loop.

    `handler` answers every request that is one. `refused` is told of those that are none, with the status.
    """

    def __init__(
        self,
        router: Router,
        handler: Handler,
        limits: Limits,
        *,
        refused: Refused | None = None,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.wheel = TimerWheel(clock)
        self._shared = Shared(router, handler, limits, refused, self.wheel, AnswerHeads(wall))
        self._tls = tls
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen there; the port, which the system chooses where `port` is 0.

        Errors: OSError where the address cannot be had.
        """
        loop = asyncio.get_running_loop()
        handshake_s, shutdown_s = self._tls_timeouts()
        self._server = await loop.create_server(
            self._accept, host, port, backlog=BACKLOG,
            ssl=self._tls, ssl_handshake_timeout=handshake_s, ssl_shutdown_timeout=shutdown_s,
        )  # fmt: skip
        return port_of(self._server)

    async def start_on(self, listening: socket.socket | int) -> int:
        """Listen on a socket that is bound already, or on its file descriptor; its port."""
        bound = socket.socket(fileno=listening) if isinstance(listening, int) else listening
        bound.setblocking(False)
        loop = asyncio.get_running_loop()
        handshake_s, shutdown_s = self._tls_timeouts()
        self._server = await loop.create_server(
            self._accept, sock=bound, backlog=BACKLOG,
            ssl=self._tls, ssl_handshake_timeout=handshake_s, ssl_shutdown_timeout=shutdown_s,
        )  # fmt: skip
        return port_of(self._server)

    async def drain(self, timeout_s: float) -> None:
        """Take no more connections, finish what has begun, and hang up on what has not ended by then."""
        shared = self._shared
        shared.draining = True
        if self._server is not None:
            self._server.close()
        for connection in list(shared.connections):
            connection.drain()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(shared.emptied.wait(), timeout_s)
        self.close()

    def remount(self, deployments: Mapping[str, Deployment]) -> None:
        """Lead the paths of mounts to these deployments from now on."""
        self._shared.router.mounts.adopt(deployments)
        self._shared.heads.clear()

    def close(self) -> None:
        """Hang up on everyone at once."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._shared.connections):
            connection.abort()

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._shared.connections)

    def _accept(self) -> Connection:
        return Connection(self._shared)

    def _tls_timeouts(self) -> tuple[float | None, float | None]:
        """How long a client may take to shake hands and to say goodbye; none of either without TLS."""
        if self._tls is None:
            return None, None
        return self._shared.limits.header_timeout_s or None, GOODBYE_S


def port_of(server: asyncio.Server) -> int:
    """The port that is listened on; 0 for a socket that has none."""
    address = server.sockets[0].getsockname()
    return int(address[1]) if isinstance(address, tuple) else 0
