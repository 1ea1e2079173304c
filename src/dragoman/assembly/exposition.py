"""`/metrics`: the one operation that needs the telemetry of the whole process."""

from prometheus_client import CollectorRegistry

from dragoman.core.access import Permission
from dragoman.core.status import StatusReport
from dragoman.gateway.guard import VisibleReport
from dragoman.protocols.native.errors import fail, refuse
from dragoman.telemetry.metrics import VisibleMetrics, exposition
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import HttpRoute, ProtocolSpec, StatusOperation

PROMETHEUS_TEXT = b"text/plain; version=0.0.4; charset=utf-8"


def metrics_protocol(registry: CollectorRegistry) -> ProtocolSpec:
    """A protocol of one route, `GET /metrics`, that prints this registry, as far as the caller may see it."""

    def answer(_: WireRequest, report: StatusReport) -> WireResponse:
        hiding = isinstance(report, VisibleReport)
        shown = VisibleMetrics(registry, report.models) if hiding else registry
        return WireResponse(200, exposition(shown), content_type=PROMETHEUS_TEXT)

    operation = StatusOperation("native.metrics", answer, fail, Permission.METRICS)
    route = HttpRoute("GET", "/metrics", operation)
    return ProtocolSpec(name="metrics", prefixes=(), routes={"superset": (route,)}, refuse=refuse)
