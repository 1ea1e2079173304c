"""A server process: models, gateway and listeners, joined. Nothing else knows all of them."""


from msgspec import Struct

from dragoman.assembly.builtin import engines, protocols
from dragoman.assembly.collisions import ARBITERS
from dragoman.assembly.exposition import metrics_protocol
from dragoman.core.errors import invalid
from dragoman.core.status import StatusReport
from dragoman.execution.choice import make_runner
from dragoman.gateway.gateway import Gateway
from dragoman.gateway.recorder import Recorder
from dragoman.repository.loader import ModelLoader
from dragoman.repository.manager import ModelManager, Observer, unobserved
from dragoman.repository.source import FileSystemSource
from dragoman.settings.server import Dialect, Listener, ServerSettings
from dragoman.telemetry.logs import AccessLog, configure_logs
from dragoman.telemetry.metrics import Metrics, make_registry
from dragoman.transports.http.router import Router
from dragoman.transports.http.server import HttpServer
from dragoman.wire.messages import WireRequest
from dragoman.wire.operation import ProtocolSpec


class BoundListener(Struct, frozen=True):
    """An address that is listened on, with the port that was really taken."""

    url: str
    dialect: Dialect


class App:
    """One server. `observer` is told each change of a version's state, on the event loop's thread."""

    def __init__(self, settings: ServerSettings, observer: Observer = unobserved) -> None:
        configure_logs(settings.log.level, settings.log.format)
        self._settings = settings
        self._metrics = Metrics()
        known = engines()
        source = FileSystemSource(settings.repository, known)
        self._models = ModelManager(source, ModelLoader(known), make_runner, observer=observer)
        recorder = Recorder(self._metrics, AccessLog(settings.log.access, settings.log.slow_request_s))
        self._gateway = Gateway(self._models, settings.limits, recorder)
        specs = (*protocols(), metrics_protocol(make_registry(self._metrics, lambda: self._models.report)))
        self._servers = [(listener, self._server(listener, specs)) for listener in settings.listeners]
        self.listeners: tuple[BoundListener, ...] = ()

    @property
    def report(self) -> StatusReport:
        """The state of every model."""
        return self._models.report

    async def start(self) -> None:
        """Listen, then load every model; returns when each is READY or has failed for good.

        Errors: OSError where an address cannot be bound; DragomanError for a repository that cannot be read.
        """
        bound = []
        for listener, server in self._servers:
            port = await server.start(listener.host, listener.port)
            bound.append(BoundListener(f"http://{shown(listener.host)}:{port}", listener.dialect))
        self.listeners = tuple(bound)
        await self._models.start()

    async def drain(self) -> None:
        """Take no new connections, let the requests in flight end, unload every model."""
        for _, server in self._servers:
            await server.drain(self._settings.limits.drain_s)
        await self._models.close()
        self._gateway.close()

    def _server(self, listener: Listener, specs: tuple[ProtocolSpec, ...]) -> HttpServer:
        mounted = [spec for spec in specs if not listener.protocols or spec.name in listener.protocols]
        unknown = set(listener.protocols) - {spec.name for spec in specs}
        if unknown:
            raise invalid(
                f"listener {listener.host}:{listener.port} names protocols that there are not: "
                f"{', '.join(sorted(unknown))}"
            )
        router = Router(mounted, listener.dialect.value, ARBITERS)
        return HttpServer(router, self._gateway.call, self._settings.limits, refused=self._refused)

    def _refused(self, _: WireRequest, status: int) -> None:
        self._metrics.refuse(status)


def shown(host: str) -> str:
    """The host as a URL has it: an address of this machine where every address is listened on."""
    if host in ("", "0.0.0.0", "::"):  # noqa: S104 (compared, not bound)
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
