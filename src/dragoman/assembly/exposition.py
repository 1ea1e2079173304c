"""`/metrics`: what needs the telemetry of the whole process, in our names and in those of other servers."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from prometheus_client import CollectorRegistry

from dragoman.core.access import Permission
from dragoman.core.status import StatusReport
from dragoman.gateway.guard import VisibleReport
from dragoman.protocols.native.errors import fail, refuse
from dragoman.protocols.torchserve import errors as torchserve_errors
from dragoman.protocols.torchserve.answers import STRICT
from dragoman.settings.server import Dialect, MetricsSettings
from dragoman.telemetry import tensorflow_serving
from dragoman.telemetry.metrics import Metrics, VisibleMetrics, exposition
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import HttpRoute, ProtocolSpec, StatusOperation

PROMETHEUS_TEXT = b"text/plain; version=0.0.4; charset=utf-8"


More = Callable[[StatusReport], bytes]  # families beside those of the registry, as a caller may see them


def metrics_protocols(
    metrics: Metrics,
    registry: CollectorRegistry,
    settings: MetricsSettings,
    more: More | None,
    torchserve: Iterable[HttpRoute] = (),
) -> Iterator[ProtocolSpec]:
    """What shows metrics: always at /metrics, and where the settings want it in TensorFlow Serving's way.

    `torchserve` are the routes that show them where a listener is of TorchServe's dialect; none = ours do.
    """
    yield metrics_protocol(registry, more, tuple(torchserve))
    if settings.tensorflow_serving_path:
        yield tensorflow_serving_metrics(metrics, settings.tensorflow_serving_path)


def metrics_protocol(
    registry: CollectorRegistry, more: More | None = None, torchserve: tuple[HttpRoute, ...] = ()
) -> ProtocolSpec:
    """A protocol of one route, `GET /metrics`, that prints this registry, as far as the caller may see it."""

    def answer(_: WireRequest, report: StatusReport) -> WireResponse:
        hiding = isinstance(report, VisibleReport)
        shown = VisibleMetrics(registry, report.models) if hiding else registry
        page = exposition(shown) + (b"" if more is None else more(report))
        return WireResponse(200, page, content_type=PROMETHEUS_TEXT)

    operation = StatusOperation("native.metrics", answer, fail, Permission.METRICS)
    route = HttpRoute("GET", "/metrics", operation)
    routes: dict[str, tuple[HttpRoute, ...]] = {"superset": (route,)}
    if torchserve:
        routes = {dialect.value: (route,) for dialect in Dialect} | {Dialect.TORCHSERVE.value: torchserve}
    homes = {Dialect.TORCHSERVE.value: partial(torchserve_errors.refuse, STRICT)} if torchserve else {}
    return ProtocolSpec(name="metrics", prefixes=(), routes=routes, refuse=refuse, homes=homes)


def tensorflow_serving_metrics(metrics: Metrics, path: str) -> ProtocolSpec:
    """A protocol of one route that prints the counters under TensorFlow Serving's names."""

    def answer(_: WireRequest, report: StatusReport) -> WireResponse:
        return WireResponse(200, tensorflow_serving.text(metrics, report), content_type=b"text/plain")

    operation = StatusOperation("tfs.rest.metrics", answer, fail, Permission.METRICS)
    routes = tuple(HttpRoute(method, path, operation) for method in ("GET", "POST"))
    return ProtocolSpec(name="tfs_metrics", prefixes=(), routes={"superset": routes}, refuse=refuse)
