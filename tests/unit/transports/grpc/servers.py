"""A gRPC server on a free port with operations whose answers a test decides, and a client for it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import grpc

from dragoman.core.requests import Verb
from dragoman.settings.limits import Limits
from dragoman.transports.grpc.router import GrpcRouter
from dragoman.transports.grpc.server import GrpcServer
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import (
    GrpcRoute,
    InferOperation,
    Operation,
    Order,
    ProtocolSpec,
    StreamOperation,
)

Answer = WireResponse | Awaitable[WireResponse]
Handler = Callable[[WireRequest], Answer]


def unused(*_: Any) -> Any:
    raise AssertionError("the transport calls the handler only")


PLAIN: Final = InferOperation("test.plain", Verb.INFER, unused, unused, unused, unused)
PARTS: Final = InferOperation("test.parts", Verb.INFER, unused, unused, unused, unused, stream=unused)
DUPLEX: Final = StreamOperation("test.duplex", PLAIN, Order.AS_SENT)
ROUTES: Final = (
    GrpcRoute("/t.Test/Plain", PLAIN),
    GrpcRoute("/t.Test/Parts", PARTS),
    GrpcRoute("/t.Test/Duplex", DUPLEX),
)
SPEC: Final = ProtocolSpec("test", (), {}, unused, {"superset": ROUTES})


def echo(wire: WireRequest) -> WireResponse:
    return WireResponse(0, wire.body)


class Served:
    """The server, and calls of it."""

    def __init__(self, server: GrpcServer, channel: grpc.aio.Channel, port: int) -> None:
        self.server = server
        self.channel = channel
        self.port = port
        self.plain: Any = channel.unary_unary("/t.Test/Plain")
        self.parts: Any = channel.unary_stream("/t.Test/Parts")
        self.duplex: Any = channel.stream_stream("/t.Test/Duplex")


@asynccontextmanager
async def serving(
    handler: Handler = echo, limits: Limits | None = None, **options: Any
) -> AsyncIterator[Served]:
    """A server whose handler answers every message, those of a stream one after the other."""

    def call(operation: Operation, wire: WireRequest) -> Answer:
        assert operation in (PLAIN, PARTS)
        return handler(wire)

    async def duplex(
        operation: StreamOperation, messages: AsyncIterator[WireRequest]
    ) -> AsyncGenerator[WireResponse, None]:
        assert operation is DUPLEX
        async for wire in messages:
            answer = handler(wire)
            yield answer if isinstance(answer, WireResponse) else await answer

    server = GrpcServer(GrpcRouter([SPEC], "superset"), call, duplex, limits or Limits(), **options)
    port = await server.start("127.0.0.1", 0)
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield Served(server, channel, port)
    finally:
        await server.drain(0)


class Parts:
    """An answer in parts; remembers whether its reader gave it back."""

    def __init__(
        self, *parts: bytes, then: asyncio.Event | None = None, ending: WireResponse | None = None
    ) -> None:
        self.ending = ending
        self._parts = list(parts)
        self._then = then
        self.closed = asyncio.Event()

    def __aiter__(self) -> "Parts":
        return self

    async def __anext__(self) -> bytes:
        if self._parts:
            return self._parts.pop(0)
        if self._then is not None:
            await self._then.wait()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self.closed.set()
