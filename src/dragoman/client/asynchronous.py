"""The client for asyncio."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Protocol, Self, TypeVar

from dragoman.client.calls import Calls
from dragoman.client.connected import Connected, given_by, presented
from dragoman.client.errors import ClientError
from dragoman.client.exchange import Answer, Flow, Open, Opened, Pause, Request, Step, Streamed
from dragoman.client.results import Result
from dragoman.client.setup import Setup
from dragoman.client.transports.http_async import AsyncHttp

P = ParamSpec("P")
T = TypeVar("T")


class Transport(Protocol):
    """What moves the bytes."""

    async def send(self, request: Request, deadline: float | None) -> Answer:
        """The answer."""

    async def open(self, request: Request, deadline: float | None, silence_s: float | None) -> Opened:
        """The head of an answer that comes in parts."""

    async def close(self) -> None:
        """Let go of what is held."""


def awaited(
    flow: Callable[Concatenate[Calls, P], Flow[T]],
) -> "Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, T]]":
    """The method that does a flow's steps and gives what it gives."""

    async def method(client: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await client._run(flow(client._calls, *args, **kwargs))

    return presented(method, flow, given_by(flow))


def in_parts(
    flow: Callable[Concatenate[Calls, P], Flow[Streamed]],
) -> "Callable[Concatenate[AsyncClient, P], AsyncGenerator[Result, None]]":
    """The method that gives the results of a stream as they come, the call being made with the first."""

    async def method(
        client: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs
    ) -> AsyncGenerator[Result, None]:
        streamed = await client._run(flow(client._calls, *args, **kwargs))
        parts, reader = streamed.parts, streamed.reader
        try:
            with streamed.about:
                while (part := await parts.next()) is not None:
                    for result in reader.feed(part):
                        yield result
                reader.end()
        finally:
            parts.abandon()

    return presented(method, flow, AsyncGenerator[Result, None])


class AsyncClient(Connected):
    """A client of one server, for any number of tasks of one event loop at once.

        async with AsyncClient("grpc://127.0.0.1:8001") as client:
            result = await client.infer("half_plus_two", {"x": [1, 2, 5]})
            print(result["y"])

    Connections are kept and used again until the client is closed.
    """

    def _prepare(self, setup: Setup) -> None:
        self._sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
        self._transport = transport(setup)

    infer = awaited(Calls.infer)
    stream = in_parts(Calls.stream)
    predict = awaited(Calls.predict)
    explain = awaited(Calls.explain)
    metadata = awaited(Calls.metadata)
    models = awaited(Calls.models)
    ready = awaited(Calls.ready)
    load = awaited(Calls.load)
    unload = awaited(Calls.unload)
    statistics = awaited(Calls.statistics)
    config = awaited(Calls.config)

    async def close(self) -> None:
        """Close the connections. No call can be made any more."""
        self._closed = True
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _run(self, flow: Flow[T]) -> T:
        self._check_open()
        try:
            step = next(flow)
            while True:
                try:
                    came = await self._do(step)
                except ClientError as error:
                    step = flow.throw(error)
                else:
                    step = flow.send(came)
        except StopIteration as end:
            given: T = end.value
            return given

    async def _do(self, step: Step) -> Any:
        match step:
            case Pause(seconds):
                return await self._sleep(seconds)
            case Open(request, deadline, silence_s):
                return await self._transport.open(request, deadline, silence_s)
        return await self._transport.send(step.request, step.deadline)


def transport(setup: Setup) -> Transport:
    """What moves the bytes to such an address."""
    if not setup.address.is_grpc:
        return AsyncHttp(setup)
    from dragoman.client.transports.grpc_async import AsyncGrpc  # noqa: PLC0415  grpc is slow to import

    return AsyncGrpc(setup)
