"""gRPC for asyncio."""

import asyncio
from typing import Any

import grpc
import grpc.aio

from dragoman.client.errors import TimedOut
from dragoman.client.exchange import Answer, Opened, Request
from dragoman.client.setup import Setup
from dragoman.client.transports.grpc_channels import channel_credentials, channel_options
from dragoman.client.transports.grpc_failures import SLACK_S, no_rpc, told


class AsyncGrpc:
    """Sends messages to one server, from the tasks of one event loop."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._options = channel_options(setup.max_answer_bytes)
        self._credentials = channel_credentials(setup.address, setup.tls)
        self._channel: grpc.aio.Channel | None = None
        self._methods: dict[str, Any] = {}

    async def send(self, request: Request, deadline: float | None) -> Answer:
        """The answer.

        Errors: ConnectionFailed, TimedOut, ServerError, BadAnswer.
        """
        method = self._methods.get(request.path)
        if method is None:
            method = self._methods[request.path] = self._opened().unary_unary(request.path)
        metadata = (*self._setup.headers, *request.headers)
        try:
            body = await method(b"".join(request.body), timeout=self._left_s(deadline), metadata=metadata)
        except grpc.RpcError as error:
            late = deadline is not None and self._setup.now() >= deadline - SLACK_S
            raise no_rpc(*told(error), late=late) from None
        return Answer(body)

    async def open(self, request: Request, deadline: float | None, silence_s: float | None) -> Opened:
        """The parts of an answer, of which the first has come.

        Errors: ConnectionFailed, TimedOut, ServerError, BadAnswer.
        """
        # On the wire a message is a stream of one. Sent as a message it goes out together with the stream's
        # end, so that a server which has already answered cannot come between the two.
        method: Any = self._opened().unary_stream(request.path)
        call = method(b"".join(request.body), metadata=(*self._setup.headers, *request.headers))
        parts = GrpcParts(call, silence_s)
        await parts.begin(self._left_s(deadline))
        return Opened(Answer(b""), parts)

    async def close(self) -> None:
        """Close the channel; calls that have not ended are cancelled."""
        if self._channel is not None:
            await self._channel.close()

    def _opened(self) -> grpc.aio.Channel:
        """The channel, which is made where its event loop runs."""
        if self._channel is None:
            if self._credentials is None:
                self._channel = grpc.aio.insecure_channel(self._setup.address.authority, self._options)
            else:
                self._channel = grpc.aio.secure_channel(
                    self._setup.address.authority, self._credentials, self._options
                )
        return self._channel

    def _left_s(self, deadline: float | None) -> float | None:
        if deadline is None:
            return None
        left_s = deadline - self._setup.now()
        if left_s <= 0:
            raise TimedOut("no answer came in time")
        return left_s


class GrpcParts:
    """The parts of an answer, as they come."""

    def __init__(self, call: Any, silence_s: float | None) -> None:
        self._call = call
        self._silence_s = silence_s
        self._ahead: list[bytes | None] = []

    async def begin(self, limit_s: float | None) -> None:
        """Read the first part: only it tells that the call has come about.

        Errors: ConnectionFailed, TimedOut, ServerError, BadAnswer.
        """
        self._ahead.append(await self._read(limit_s))

    async def next(self) -> bytes | None:
        """The next part; None at the end.

        Errors: ConnectionFailed, TimedOut, ServerError, BadAnswer.
        """
        return self._ahead.pop() if self._ahead else await self._read(self._silence_s)

    def abandon(self) -> None:
        """Nobody reads on."""
        self._call.cancel()

    async def _read(self, limit_s: float | None) -> bytes | None:
        try:
            async with asyncio.timeout(limit_s):
                part = await self._call.read()
        except TimeoutError:
            raise TimedOut("no answer came in time") from None
        except grpc.RpcError as error:
            raise no_rpc(*told(error), late=False) from None
        return None if part is grpc.aio.EOF else part
