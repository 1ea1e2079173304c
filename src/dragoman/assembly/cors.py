"""Answers that web pages of any origin may read: TensorFlow Serving's three headers on every answer."""

from collections.abc import Callable, Sequence
from typing import Any, Final, ParamSpec

from msgspec.structs import replace

from dragoman.wire.messages import Headers, WireResponse
from dragoman.wire.operation import HttpRoute, Operation, ProtocolSpec, StatusOperation, StreamOperation

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
    return replace(operation, **changed)


def marked(answer: Callable[P, WireResponse]) -> Callable[P, WireResponse]:
    """The same function with the headers on what it gives."""

    def call(*args: P.args, **kwargs: P.kwargs) -> WireResponse:
        response = answer(*args, **kwargs)
        response.headers = [*response.headers, *HEADERS]
        return response

    return call
