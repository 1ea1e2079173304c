"""The bare echo of our own transports: what any request costs before a protocol has looked at it.

python bench/echo_server.py
"""

import asyncio
import signal
from collections.abc import AsyncGenerator, AsyncIterator

import uvloop

from dragoman.assembly.builtin import protocols
from dragoman.settings.limits import Limits
from dragoman.transports.grpc.router import GrpcRouter
from dragoman.transports.grpc.server import GrpcServer
from dragoman.transports.http.router import Router
from dragoman.transports.http.server import HttpServer
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import Operation, StreamOperation

HOST = "127.0.0.1"


def echo_http(operation: Operation, wire: WireRequest) -> WireResponse:
    """The body, back."""
    del operation
    return WireResponse(200, wire.body)


def echo_grpc(operation: Operation, wire: WireRequest) -> WireResponse:
    """The message, back."""
    del operation
    return WireResponse(0, wire.body)


async def echo_each(
    operation: StreamOperation, messages: AsyncIterator[WireRequest]
) -> AsyncGenerator[WireResponse, None]:
    """Each message, back."""
    async for wire in messages:
        yield echo_grpc(operation, wire)


async def serve() -> None:
    """Serve on any free ports until SIGTERM or SIGINT."""
    http = HttpServer(Router([], "superset"), echo_http, Limits())
    grpc = GrpcServer(GrpcRouter(protocols(), "superset"), echo_grpc, echo_each, Limits())
    for transport, server in {"http": http, "grpc": grpc}.items():
        print(f"listening on {transport}://{HOST}:{await server.start(HOST, 0)}", flush=True)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    await asyncio.gather(http.drain(1.0), grpc.drain(1.0))


if __name__ == "__main__":
    uvloop.run(serve())
