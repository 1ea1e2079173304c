"""Answers that web pages of any origin may read: TensorFlow Serving's three headers on every answer."""

from collections.abc import Callable, Sequence
from typing import Any, Final, ParamSpec

from msgspec.structs import replace

from dragoman.wire.messages import Headers, WireResponse
from dragoman.wire.operation import (
    HttpRoute,
    InferOperation,
    Operation,
    ProtocolSpec,
    StatusOperation,
    StreamEncoder,
    StreamOperation,
)

HEADERS: Final[Headers] = [
    (b"Access-Control-Allow-Origin", b"*"),
    (b"Access-Control-Allow-Methods", b"POST, GET"),
    (b"Access-Control-Allow-Headers", b"Content-Type"),
]

P = ParamSpec("P")


def readable_by_pages(specs: Sequence[ProtocolSpec]) -> list[ProtocolSpec]:
    """The protocols with these headers on each of their answers over HTTP."""
    made: dict[int, Operation] = {}  # an operation of several routes, or of several protocols, stays one

    def route(old: HttpRoute) -> HttpRoute:
        operation = made.setdefault(id(old.operation), marked_operation(old.operation))
        return replace(old, operation=operation)

    def protocol(spec: ProtocolSpec) -> ProtocolSpec:
        routes = {dialect: tuple(map(route, rows)) for dialect, rows in spec.routes.items()}
        homes = {dialect: marked(refuse) for dialect, refuse in spec.homes.items()}
        return replace(spec, routes=routes, refuse=marked(spec.refuse), homes=homes)

    return [protocol(spec) for spec in specs]


def marked_operation(operation: Operation) -> Operation:
    """An operation whose answers have the headers."""
    if isinstance(operation, StreamOperation):
        return operation
    changed: dict[str, Any] = {"fail": marked(operation.fail)}
    if isinstance(operation, StatusOperation):
        changed["answer"] = marked(operation.answer)
    else:
        changed["encode"] = marked(operation.encode)
    if isinstance(operation, InferOperation) and operation.stream is not None:
        changed["stream"] = marked_streams(operation.stream)
    return replace(operation, **changed)


def marked_streams(stream: Callable[[Any], StreamEncoder | None]) -> Callable[[Any], StreamEncoder | None]:
    """The same encoders, whose heads have the headers."""

    def encoder(draft: Any) -> StreamEncoder | None:
        made = stream(draft)
        return None if made is None else MarkedEncoder(made)

    return encoder


class MarkedEncoder:
    """Another encoder with the headers on its head."""

    def __init__(self, encoder: StreamEncoder) -> None:
        self.head = marked(encoder.head)
        self.chunk = encoder.chunk
        self.end = encoder.end
        self.fail = encoder.fail


def marked(answer: Callable[P, WireResponse]) -> Callable[P, WireResponse]:
    """The same function with the headers on what it gives."""

    def call(*args: P.args, **kwargs: P.kwargs) -> WireResponse:
        response = answer(*args, **kwargs)
        response.headers = [*response.headers, *HEADERS]
        return response

    return call
