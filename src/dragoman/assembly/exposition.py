"""`/metrics`: the one operation that needs the telemetry of the whole process."""

from prometheus_client import CollectorRegistry

from dragoman.core.status import StatusReport
from dragoman.protocols.native.errors import fail, refuse
from dragoman.telemetry.metrics import exposition
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import HttpRoute, ProtocolSpec, StatusOperation

PROMETHEUS_TEXT = b"text/plain; version=0.0.4; charset=utf-8"


def metrics_protocol(registry: CollectorRegistry) -> ProtocolSpec:
    """A protocol of one route, `GET /metrics`, that prints this registry."""

    def answer(_: WireRequest, __: StatusReport) -> WireResponse:
        return WireResponse(200, exposition(registry), content_type=PROMETHEUS_TEXT)

    route = HttpRoute("GET", "/metrics", StatusOperation("native.metrics", answer, fail))
    return ProtocolSpec(name="metrics", prefixes=(), routes={"superset": (route,)}, refuse=refuse)
