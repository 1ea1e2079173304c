"""Answers that web pages of other origins may read, by headers on every one of them."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, ParamSpec

from msgspec.structs import replace

from dragoman.settings.server import CorsSettings
from dragoman.wire.messages import Headers, WireResponse
from dragoman.wire.operation import (
    HttpRoute,
    InferOperation,
    Operation,
    ProtocolSpec,
    StatusOperation,
    StreamEncoder,
    StreamOperation,
    ViewOperation,
)

HEADERS: Final[Headers] = [  # TensorFlow Serving's
    (b"Access-Control-Allow-Origin", b"*"),
    (b"Access-Control-Allow-Methods", b"POST, GET"),
    (b"Access-Control-Allow-Headers", b"Content-Type"),
]

P = ParamSpec("P")


def headers_of(cors: bool | CorsSettings) -> Headers:
    """What a listener's settings put on each answer."""
    if not isinstance(cors, CorsSettings):
        return list(HEADERS) if cors else []
    values = (cors.origin, cors.methods, cors.headers)
    return [
        (name, value.encode("latin-1")) for (name, _), value in zip(HEADERS, values, strict=True) if value
    ]


def readable_by_pages(specs: Sequence[ProtocolSpec], headers: Headers) -> list[ProtocolSpec]:
    """The protocols with these headers on each of their answers over HTTP."""
    marked = partial(with_headers, headers)
    made: dict[int, Operation] = {}  # an operation of several routes, or of several protocols, stays one

    def route(old: HttpRoute) -> HttpRoute:
        operation = made.setdefault(id(old.operation), marked_operation(old.operation, headers))
        return replace(old, operation=operation)

    def protocol(spec: ProtocolSpec) -> ProtocolSpec:
        routes = {dialect: tuple(map(route, rows)) for dialect, rows in spec.routes.items()}
        homes = {dialect: marked(refuse) for dialect, refuse in spec.homes.items()}
        return replace(spec, routes=routes, refuse=marked(spec.refuse), homes=homes)

    return [protocol(spec) for spec in specs]


def marked_operation(operation: Operation, headers: Headers) -> Operation:
    """An operation whose answers have the headers."""
    marked = partial(with_headers, headers)
    if isinstance(operation, StreamOperation):
        return operation
    changed: dict[str, Any] = {"fail": marked(operation.fail)}
    if isinstance(operation, StatusOperation | ViewOperation):
        changed["answer"] = marked(operation.answer)
    else:
        changed["encode"] = marked(operation.encode)
    if isinstance(operation, InferOperation) and operation.stream is not None:
        changed["stream"] = marked_streams(operation.stream, headers)
    return replace(operation, **changed)


def marked_streams(
    stream: Callable[[Any], StreamEncoder | None], headers: Headers
) -> Callable[[Any], StreamEncoder | None]:
    """The same encoders, whose heads have the headers."""

    def encoder(draft: Any) -> StreamEncoder | None:
        made = stream(draft)
        return None if made is None else MarkedEncoder(made, headers)

    return encoder


class MarkedEncoder:
    """Another encoder with the headers on its head."""

    def __init__(self, encoder: StreamEncoder, headers: Headers) -> None:
        self.head = with_headers(headers, encoder.head)
        self.chunk = encoder.chunk
        self.end = encoder.end
        self.fail = encoder.fail


def with_headers(headers: Headers, answer: Callable[P, WireResponse]) -> Callable[P, WireResponse]:
    """The same function with those of the headers on what it gives that are not there yet."""

    def call(*args: P.args, **kwargs: P.kwargs) -> WireResponse:
        response = answer(*args, **kwargs)
        there = {name.lower() for name, _ in response.headers}
        response.headers = [*response.headers, *(one for one in headers if one[0].lower() not in there)]
        return response

    return call
