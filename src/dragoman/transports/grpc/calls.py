"""RPCs as operations: each becomes a `WireRequest`, each `WireResponse` a message and a status."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from functools import partial
from time import monotonic
from typing import Any, Final

import grpc
from grpc.aio import ServicerContext

from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import InferOperation, Operation, StreamOperation

Handler = Callable[[Operation, WireRequest], WireResponse | Awaitable[WireResponse]]
Duplex = Callable[[StreamOperation, AsyncIterator[WireRequest]], AsyncGenerator[WireResponse, None]]
Context = ServicerContext[bytes, bytes]

STATUS_CODES: Final[Mapping[int, grpc.StatusCode]] = {code.value[0]: code for code in grpc.StatusCode}
MAX_DETAILS: Final = 1024  # characters, as in TensorFlow Serving; clients take 8 KiB of trailers
CUT_OFF: Final = "...TRUNCATED"
# Timers may be early by that. An answer in the last of a stream's time would race its client's own clock.
EARLY_S: Final = 0.002


class OpenStreams:
    """The duplex streams that wait for messages. Closing them lets each answer what it has, and end."""

    def __init__(self) -> None:
        self.closed = False
        self._waiting: set[asyncio.Task[Any]] = set()

    def close(self) -> None:
        """Read no more messages."""
        self.closed = True
        for task in self._waiting:
            task.cancel()

    async def read(self, messages: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The messages, until there are no more or the streams are closed."""
        task: Any = asyncio.current_task()
        given = aiter(messages)
        while not self.closed:
            self._waiting.add(task)
            try:
                message = await anext(given, None)
            except asyncio.CancelledError:
                if not self.closed:
                    raise
                task.uncancel()
                return
            finally:
                self._waiting.discard(task)
            if message is None:
                return
            yield message


def method_handler(
    operation: Operation, method: str, handler: Handler, duplex: Duplex, streams: OpenStreams
) -> "grpc.RpcMethodHandler[bytes, bytes]":
    """How gRPC runs this operation: as a duplex stream, with an answer in parts, or message for message."""
    if isinstance(operation, StreamOperation):
        run = partial(answer_stream, operation, method, duplex, streams)
        return grpc.stream_stream_rpc_method_handler(run)
    if isinstance(operation, InferOperation) and operation.stream is not None:
        return grpc.unary_stream_rpc_method_handler(partial(answer_parts, operation, method, handler))
    return grpc.unary_unary_rpc_method_handler(partial(answer_one, operation, method, handler))


async def answer_one(
    operation: Operation, method: str, handler: Handler, message: bytes, context: Context
) -> bytes:
    """One message for one message. Cancelling the RPC cancels what is awaited here."""
    answer = handler(operation, as_request(method, message, context))
    if not isinstance(answer, WireResponse):
        answer = await answer
    await check(answer, context)
    return bytes(answer.body)


async def answer_parts(
    operation: Operation, method: str, handler: Handler, message: bytes, context: Context
) -> None:
    """Any number of messages for one message; gRPC takes the next one when the client has read."""
    answer = handler(operation, as_request(method, message, context))
    if not isinstance(answer, WireResponse):
        answer = await answer
    await check(answer, context)
    if answer.stream is None:
        await context.write(bytes(answer.body))
        return
    try:
        async for part in answer.stream:
            await context.write(part)
    finally:
        await answer.stream.aclose()
    if answer.stream.ending is not None:
        await check(answer.stream.ending, context)


async def answer_stream(
    operation: StreamOperation,
    method: str,
    duplex: Duplex,
    streams: OpenStreams,
    messages: AsyncIterator[bytes],
    context: Context,
) -> None:
    """Messages both ways, until the stream's own deadline. What failed because of that is not written."""
    requests = (as_request(method, message, context) async for message in streams.read(messages))
    async with aclosing(duplex(operation, requests)) as answers:
        async for answer in answers:
            if is_over(context):
                await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "the stream's deadline has passed")
            await check(answer, context)
            await context.write(bytes(answer.body))
    if streams.closed:
        await context.abort(grpc.StatusCode.UNAVAILABLE, "the server is shutting down")


def is_over(context: Context) -> bool:
    """Whether the RPC's own deadline has passed."""
    left: float | None = context.time_remaining()
    return left is not None and left < EARLY_S


def as_request(method: str, message: bytes, context: Context) -> WireRequest:
    """The message as codecs and gateway take it."""
    metadata: Any = context.invocation_metadata() or ()
    headers = [
        (key.encode(), value if isinstance(value, bytes) else value.encode()) for key, value in metadata
    ]
    left: float | None = context.time_remaining()
    deadline_s = None if left is None else monotonic() + left
    return WireRequest("POST", method, "", headers, message, peer=peer(context.peer()), deadline_s=deadline_s)


def peer(address: str) -> str:
    """The client's address as `host:port`: gRPC says `ipv4:127.0.0.1:50000` and `ipv6:%5B::1%5D:50000`."""
    family, _, rest = address.partition(":")
    return rest.replace("%5B", "[").replace("%5D", "]") if family in ("ipv4", "ipv6") else address


async def check(answer: WireResponse, context: Context) -> None:
    """Send the headers as trailers; end the RPC here where the answer is an error."""
    if answer.headers:
        context.set_trailing_metadata(
            tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in answer.headers)
        )
    if answer.status:
        await context.abort(STATUS_CODES[answer.status], details(answer.message))


def details(message: str) -> str:
    """The message as the status carries it."""
    text = message.encode("utf-8", "replace").decode()
    return text if len(text) <= MAX_DETAILS else text[:MAX_DETAILS] + CUT_OFF
