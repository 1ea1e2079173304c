"""`/metrics`: what needs the telemetry of the whole process, in our names and in those of other servers."""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry

from dragoman.core.access import Permission
from dragoman.core.status import StatusReport
from dragoman.gateway.guard import VisibleReport
from dragoman.protocols.native.errors import fail, refuse
from dragoman.settings.server import MetricsSettings
from dragoman.telemetry import tensorflow_serving
from dragoman.telemetry.metrics import Metrics, VisibleMetrics, exposition
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import HttpRoute, ProtocolSpec, StatusOperation

PROMETHEUS_TEXT = b"text/plain; version=0.0.4; charset=utf-8"


More = Callable[[StatusReport], bytes]  # families beside those of the registry, as a caller may see them


def metrics_protocols(
    metrics: Metrics, registry: CollectorRegistry, settings: MetricsSettings, more: More | None
) -> Iterator[ProtocolSpec]:
    """What shows metrics: always at /metrics, and where the settings want it in TensorFlow Serving's way."""
    yield metrics_protocol(registry, more)
    if settings.tensorflow_serving_path:
        yield tensorflow_serving_metrics(metrics, settings.tensorflow_serving_path)


def metrics_protocol(registry: CollectorRegistry, more: More | None = None) -> ProtocolSpec:
    """A protocol of one route, `GET /metrics`, that prints this registry, as far as the caller may see it."""

    def answer(_: WireRequest, report: StatusReport) -> WireResponse:
        hiding = isinstance(report, VisibleReport)
        shown = VisibleMetrics(registry, report.models) if hiding else registry
        page = exposition(shown) + (b"" if more is None else more(report))
        return WireResponse(200, page, content_type=PROMETHEUS_TEXT)

    operation = StatusOperation("native.metrics", answer, fail, Permission.METRICS)
    route = HttpRoute("GET", "/metrics", operation)
    return ProtocolSpec(name="metrics", prefixes=(), routes={"superset": (route,)}, refuse=refuse)


def tensorflow_serving_metrics(metrics: Metrics, path: str) -> ProtocolSpec:
    """A protocol of one route that prints the counters under TensorFlow Serving's names."""

    def answer(_: WireRequest, report: StatusReport) -> WireResponse:
        return WireResponse(200, tensorflow_serving.text(metrics, report), content_type=b"text/plain")

    operation = StatusOperation("tfs.rest.metrics", answer, fail, Permission.METRICS)
    routes = tuple(HttpRoute(method, path, operation) for method in ("GET", "POST"))
    return ProtocolSpec(name="tfs_metrics", prefixes=(), routes={"superset": routes}, refuse=refuse)
