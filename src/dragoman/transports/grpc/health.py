"""grpc.health.v1.Health: whether there is a model to ask."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping

from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from dragoman.core.errors import DragomanError
from dragoman.core.status import StatusReport
from dragoman.transports.grpc.methods import Method
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.protobuf import read_message

SERVICE = "grpc.health.v1.Health"
INVALID_ARGUMENT = 3
NOT_FOUND = 5


class Health:
    """The health of the server, which is that of each of its services.

    A service is known by its full name and, as in TensorFlow Serving, by its name without the package.
    """

    def __init__(self, services: Iterable[str]) -> None:
        full = set(services)
        self._names = {"", *full, *(name.rpartition(".")[2] for name in full)}
        self._serving = False
        self._closed = False
        self._changed = asyncio.Event()

    def update(self, report: StatusReport) -> None:
        """The models have changed."""
        self._set(serving=report.ready and not self._closed)

    def close(self) -> None:
        """Nothing is served any more; ends every Watch, which would hold up a drain."""
        self._closed = True
        self._set(serving=False)

    @property
    def methods(self) -> Mapping[str, Method]:
        """Check and Watch as the transport runs them."""
        return {f"/{SERVICE}/Check": Method(one=self.check), f"/{SERVICE}/Watch": Method(one=self.watch)}

    def check(self, wire: WireRequest) -> WireResponse:
        """The health of a service; NOT_FOUND for one that is not here."""
        try:
            service = read_message(HealthCheckRequest, wire.body).service
        except DragomanError as error:
            return WireResponse(INVALID_ARGUMENT, message=error.message)
        if service not in self._names:
            return WireResponse(NOT_FOUND, message=f"there is no service {service!r}")
        return WireResponse(0, self._status(service))

    def watch(self, wire: WireRequest) -> WireResponse:
        """The health of a service now and after every change."""
        try:
            service = read_message(HealthCheckRequest, wire.body).service
        except DragomanError as error:
            return WireResponse(INVALID_ARGUMENT, message=error.message)
        return WireResponse(0, stream=Changes(self._changes(service)))

    async def _changes(self, service: str) -> AsyncIterator[bytes]:
        while True:
            changed, last = self._changed, self._closed
            yield self._status(service)
            if last:
                return
            await changed.wait()

    def _status(self, service: str) -> bytes:
        if service not in self._names:
            return HealthCheckResponse(status=HealthCheckResponse.SERVICE_UNKNOWN).SerializeToString()
        status = HealthCheckResponse.SERVING if self._serving else HealthCheckResponse.NOT_SERVING
        return HealthCheckResponse(status=status).SerializeToString()

    def _set(self, *, serving: bool) -> None:
        if serving != self._serving or self._closed:
            self._serving = serving
            changed, self._changed = self._changed, asyncio.Event()
            changed.set()


class Changes:
    """The answers of a Watch, as an answer in parts."""

    def __init__(self, parts: AsyncIterator[bytes]) -> None:
        self._parts = parts
        self.ending: WireResponse | None = None

    def __aiter__(self) -> "Changes":
        return self

    async def __anext__(self) -> bytes:
        return await anext(self._parts)

    async def aclose(self) -> None:
        """Nothing: what waits is cancelled with its call."""
