"""The gRPC server: listens, drains. It runs on the event loop that everything else runs on."""

import socket
from functools import partial

import grpc

from dragoman.core.status import StatusReport
from dragoman.settings.limits import Limits
from dragoman.transports.grpc.calls import Context, Duplex, Handler, OpenStreams, method_handler
from dragoman.transports.grpc.health import Health
from dragoman.transports.grpc.limits import channel_options
from dragoman.transports.grpc.reflection import add_reflection
from dragoman.transports.grpc.router import GrpcRouter


class GrpcServer:
    """Every method of the router, health and reflection on one port."""

    def __init__(
        self,
        router: GrpcRouter,
        handler: Handler,
        duplex: Duplex,
        limits: Limits,
        *,
        tls: grpc.ServerCredentials | None = None,
    ) -> None:
        self._tls = tls
        self._streams = OpenStreams()
        self._methods = Methods(router, handler, duplex, self._streams)
        self._services = router.services
        self._options = channel_options(limits)
        self._health = Health(router.services)
        self._server: grpc.aio.Server | None = None

    def update(self, report: StatusReport) -> None:
        """The models have changed: so may have the server's health."""
        self._health.update(report)

    async def start(self, host: str, port: int) -> int:
        """Listen there; the port, which the system chooses where `port` is 0.

        Errors: OSError where the address cannot be had.
        """
        check_free(host, port)
        server = grpc.aio.server(options=self._options)
        add_reflection(server, self._services)
        server.add_generic_rpc_handlers((self._health.methods, self._methods))
        try:
            if self._tls is None:
                bound = server.add_insecure_port(joined(host, port))
            else:
                bound = server.add_secure_port(joined(host, port), self._tls)
        except RuntimeError as error:  # someone was quicker than us
            raise OSError(str(error)) from None
        await server.start()
        self._server = server
        return bound

    async def drain(self, timeout_s: float) -> None:
        """Take no more calls, finish what has begun, and cancel what has not ended by then."""
        self._health.close()
        self._streams.close()
        if self._server is not None:
            await self._server.stop(timeout_s)


class Methods(grpc.GenericRpcHandler):
    """Finds the handler of a method. It comes last, so what it does not know is unknown."""

    def __init__(self, router: GrpcRouter, handler: Handler, duplex: Duplex, streams: OpenStreams) -> None:
        self._handlers = {
            method: method_handler(operation, method, handler, duplex, streams)
            for method, operation in router.operations.items()
        }
        self._services = ", ".join(router.services)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
        """The handler, or one that says what there is instead."""
        method = handler_call_details.method
        known = self._handlers.get(method)
        return known or grpc.stream_stream_rpc_method_handler(partial(self._refuse, method))

    async def _refuse(self, method: str, _: object, context: Context) -> None:
        message = f"there is no method {method}; the services here are {self._services}"
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, message)


def check_free(host: str, port: int) -> None:
    """Ask the system for the address: gRPC would not say why it cannot have it.

    Errors: OSError.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    socket.create_server((host, port), family=family).close()


def joined(host: str, port: int) -> str:
    """The address as gRPC takes it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
