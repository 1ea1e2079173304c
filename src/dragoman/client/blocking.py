"""The client for threads."""

import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Protocol, Self, TypeVar

from dragoman.client.calls import Calls
from dragoman.client.connected import Connected, given_by, presented
from dragoman.client.errors import ClientError
from dragoman.client.exchange import Answer, Flow, Open, Opened, Pause, Request, Step, Streamed
from dragoman.client.results import Result
from dragoman.client.setup import Setup
from dragoman.client.transports.http_blocking import BlockingHttp

P = ParamSpec("P")
T = TypeVar("T")


class Transport(Protocol):
    """What moves the bytes."""

    def send(self, request: Request, deadline: float | None) -> Answer:
        """The answer."""

    def open(self, request: Request, deadline: float | None, silence_s: float | None) -> Opened:
        """The head of an answer that comes in parts."""

    def close(self) -> None:
        """Let go of what is held."""


def blocking(flow: Callable[Concatenate[Calls, P], Flow[T]]) -> "Callable[Concatenate[Client, P], T]":
    """The method that does a flow's steps and gives what it gives."""

    def method(client: "Client", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return client._run(flow(client._calls, *args, **kwargs))

    return presented(method, flow, given_by(flow))


def in_parts(
    flow: Callable[Concatenate[Calls, P], Flow[Streamed]],
) -> "Callable[Concatenate[Client, P], Iterator[Result]]":
    """The method that gives the results of a stream as they come, the call being made with the first."""

    def method(client: "Client", /, *args: P.args, **kwargs: P.kwargs) -> Iterator[Result]:
        streamed = client._run(flow(client._calls, *args, **kwargs))
        parts, reader = streamed.parts, streamed.reader
        try:
            with streamed.about:
                while (part := parts.next()) is not None:
                    yield from reader.feed(part)
                reader.end()
        finally:
            parts.abandon()

    return presented(method, flow, Iterator[Result])


class Client(Connected):
    """A client of one server, for any number of threads at once.

        with Client("http://127.0.0.1:8000") as client:
            result = client.infer("half_plus_two", {"x": [1, 2, 5]})
            print(result["y"])

    Connections are kept and used again until the client is closed.
    """

    def _prepare(self, setup: Setup) -> None:
        self._sleep: Callable[[float], None] = time.sleep
        self._transport = transport(setup)

    infer = blocking(Calls.infer)
    stream = in_parts(Calls.stream)
    predict = blocking(Calls.predict)
    explain = blocking(Calls.explain)
    metadata = blocking(Calls.metadata)
    models = blocking(Calls.models)
    ready = blocking(Calls.ready)
    load = blocking(Calls.load)
    unload = blocking(Calls.unload)
    statistics = blocking(Calls.statistics)
    config = blocking(Calls.config)

    def close(self) -> None:
        """Close the connections. No call can be made any more."""
        self._closed = True
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, flow: Flow[T]) -> T:
        self._check_open()
        try:
            step = next(flow)
            while True:
                try:
                    came = self._do(step)
                except ClientError as error:
                    step = flow.throw(error)
                else:
                    step = flow.send(came)
        except StopIteration as end:
            given: T = end.value
            return given

    def _do(self, step: Step) -> Any:
        match step:
            case Pause(seconds):
                return self._sleep(seconds)
            case Open(request, deadline, silence_s):
                return self._transport.open(request, deadline, silence_s)
        return self._transport.send(step.request, step.deadline)


def transport(setup: Setup) -> Transport:
    """What moves the bytes to such an address."""
    if not setup.address.is_grpc:
        return BlockingHttp(setup)
    from dragoman.client.transports.grpc_blocking import BlockingGrpc  # noqa: PLC0415  grpc is slow to import

    return BlockingGrpc(setup)
