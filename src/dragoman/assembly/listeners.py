"""From a listener's settings to a server on its transport."""

from collections.abc import Sequence
from functools import partial
from typing import Final, Protocol

from msgspec import Struct

from dragoman.assembly.collisions import ARBITERS
from dragoman.assembly.cors import headers_of, readable_by_pages
from dragoman.assembly.security import Security
from dragoman.core.errors import invalid
from dragoman.gateway.gateway import Gateway
from dragoman.settings.limits import Limits
from dragoman.settings.server import Dialect, Listener
from dragoman.telemetry.metrics import Metrics
from dragoman.transports.grpc.router import GrpcRouter
from dragoman.transports.grpc.server import GrpcServer
from dragoman.transports.http.mounts import Mounts
from dragoman.transports.http.router import Router
from dragoman.transports.http.server import HttpServer
from dragoman.wire.example_call import ExampleMaker
from dragoman.wire.messages import WireRequest
from dragoman.wire.operation import GrpcForm, ProtocolSpec, in_dialect

SCHEMES: Final = {
    ("http", False): "http",
    ("http", True): "https",
    ("grpc", False): "grpc",
    ("grpc", True): "grpcs",
}


class Server(Protocol):
    """What the assembly needs of a transport."""

    async def start(self, host: str, port: int) -> int:
        """Listen there; the port that was taken."""

    async def drain(self, timeout_s: float) -> None:
        """Finish what has begun, then end."""


class BoundListener(Struct, frozen=True):
    """An address that is listened on, with the port that was really taken: `http://…`, `grpcs://…`.

    `examples` show how each of its protocols is called there.
    """

    url: str
    dialect: Dialect
    transport: str
    examples: tuple[ExampleMaker, ...] = ()


class ListenError(OSError):
    """An address that cannot be listened on."""

    def __init__(self, listener: Listener, error: OSError) -> None:
        super().__init__(error.errno, error.strerror or str(error))
        self.listener = listener


def make_server(
    listener: Listener,
    specs: Sequence[ProtocolSpec],
    gateway: Gateway,
    limits: Limits,
    metrics: Metrics,
    security: Security,
) -> Server:
    """A server with the listener's protocols in the listener's dialect, not listening yet.

    Errors: INVALID_ARGUMENT for a protocol that there is not, or a mount that cannot be one; those of
    `TlsFiles.read`; ValueError for two protocols that own one path.
    """
    mounted = spoken_on(listener, specs)
    unknown = sorted({*listener.protocols, *listener.also, *listener.without} - {spec.name for spec in specs})
    if unknown:
        where = f"{listener.host}:{listener.port}"
        raise invalid(f"listener {where} names protocols that there are not: {', '.join(unknown)}")
    dialect = listener.dialect.value
    opened = frozenset(listener.open_models)
    gate = security.gate(listener)
    judged = bool(opened) or gate is not None
    call = partial(gateway.call, opened=opened, gate=gate) if judged else gateway.call
    if listener.transport == "grpc":
        grpc_router = GrpcRouter(mounted, dialect, grpc_form(listener))
        stream = partial(gateway.stream, opened=opened, gate=gate) if judged else gateway.stream
        return GrpcServer(grpc_router, call, stream, limits, tls=security.context(listener))

    def refused(_: WireRequest, status: int) -> None:
        metrics.refuse(status)

    if listener.dialect is Dialect.TORCHSERVE:
        call = partial(call, own_ids=True)
    if headers := headers_of(listener.cors):
        mounted = readable_by_pages(mounted, headers)
    router = Router(mounted, dialect, ARBITERS, Mounts(listener.mounts))
    server = HttpServer(router, call, limits, refused=refused, tls=security.context(listener))
    security.on_deployments(server.remount)
    return server


def spoken_on(listener: Listener, specs: Sequence[ProtocolSpec]) -> Sequence[ProtocolSpec]:
    """The protocols that the listener has: all that it does not leave out, and those that it asks for."""
    usual = [spec.name for spec in specs if not spec.only_named]
    spoken = {*(listener.protocols or usual), *listener.also} - {*listener.without}
    return [spec for spec in specs if spec.name in spoken]


def grpc_form(listener: Listener) -> GrpcForm:
    """What the listener chooses of the form of answers over gRPC."""
    return GrpcForm(listener.raw_tensors, listener.grpc_explicit_reply, listener.stream_dialect)


async def bind(listener: Listener, server: Server, specs: Sequence[ProtocolSpec] = ()) -> BoundListener:
    """Begin to listen.

    Errors: ListenError.
    """
    try:
        port = await server.start(listener.host, listener.port)
    except OSError as error:
        raise ListenError(listener, error) from error
    scheme = SCHEMES[listener.transport, listener.tls.enabled]
    url = f"{scheme}://{shown(listener.host)}:{port}"
    examples: list[ExampleMaker] = []
    if listener.transport == "http":
        for spec in spoken_on(listener, specs):
            examples += in_dialect(spec.examples, listener.dialect.value)
    return BoundListener(url, listener.dialect, listener.transport, tuple(examples))


def shown(host: str) -> str:
    """The host as a URL has it: an address of this machine where every address is listened on."""
    if host in ("", "0.0.0.0", "::"):  # noqa: S104 (compared, not bound)
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
