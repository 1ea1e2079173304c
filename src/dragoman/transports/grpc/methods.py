"""What a method is to the transport: a function of one message, or of a stream of them."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from functools import partial

from msgspec import Struct

from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import Operation, StreamOperation

Handler = Callable[[Operation, WireRequest], WireResponse | Awaitable[WireResponse]]
Duplex = Callable[[StreamOperation, AsyncIterator[WireRequest]], AsyncGenerator[WireResponse, None]]
Unary = Callable[[WireRequest], WireResponse | Awaitable[WireResponse]]
Streamed = Callable[[AsyncIterator[WireRequest]], AsyncGenerator[WireResponse, None]]


class Method(Struct, frozen=True, gc=False):
    """Answers one message, whole or in parts, or a stream of messages: exactly one of these is set."""

    one: Unary | None = None
    stream: Streamed | None = None


def as_methods(operations: Mapping[str, Operation], handler: Handler, duplex: Duplex) -> dict[str, Method]:
    """How each operation is run."""
    return {path: as_method(operation, handler, duplex) for path, operation in operations.items()}


def as_method(operation: Operation, handler: Handler, duplex: Duplex) -> Method:
    """How this operation is run: as a duplex stream, or message for message."""
    if isinstance(operation, StreamOperation):
        return Method(stream=partial(duplex, operation))
    return Method(one=partial(handler, operation))
