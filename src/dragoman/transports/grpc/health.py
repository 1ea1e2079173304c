"""grpc.health.v1.Health: whether there is a model to ask."""

import asyncio
from collections.abc import Iterable

import grpc
from grpc.aio import ServicerContext
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from dragoman.core.status import StatusReport

SERVICE = "grpc.health.v1.Health"
Context = ServicerContext[HealthCheckRequest, HealthCheckResponse]


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
    def methods(self) -> grpc.GenericRpcHandler:
        """Check and Watch as gRPC runs them."""
        read, write = HealthCheckRequest.FromString, HealthCheckResponse.SerializeToString
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "Check": grpc.unary_unary_rpc_method_handler(self.check, read, write),
                "Watch": grpc.unary_stream_rpc_method_handler(self.watch, read, write),
            },
        )

    async def check(self, request: HealthCheckRequest, context: Context) -> HealthCheckResponse:
        """The health of a service; NOT_FOUND for one that is not here."""
        if request.service not in self._names:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"there is no service {request.service!r}")
        return self._status(request.service)

    async def watch(self, request: HealthCheckRequest, context: Context) -> None:
        """The health of a service now and after every change."""
        while True:
            changed, last = self._changed, self._closed
            await context.write(self._status(request.service))
            if last:
                return
            await changed.wait()

    def _status(self, service: str) -> HealthCheckResponse:
        if service not in self._names:
            return HealthCheckResponse(status=HealthCheckResponse.SERVICE_UNKNOWN)
        status = HealthCheckResponse.SERVING if self._serving else HealthCheckResponse.NOT_SERVING
        return HealthCheckResponse(status=status)

    def _set(self, *, serving: bool) -> None:
        if serving != self._serving or self._closed:
            self._serving = serving
            changed, self._changed = self._changed, asyncio.Event()
            changed.set()
