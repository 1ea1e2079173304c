"""Counters of the request path, and their export to Prometheus.

Counting must cost next to nothing, so a call adds to plain integers of one slotted object per (operation,
model); the names, labels and cumulative buckets that Prometheus wants are made only when `/metrics` is read.
"""

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from dragoman.core.status import State, StatusReport
from dragoman.telemetry import texts
from dragoman.telemetry.measures import families

# Upper bounds of the latency buckets: 100 µs to 10 s, in nanoseconds. Below them an in-process model answers,
# above them a request has timed out in most clients.
BOUNDS_NS: Final = tuple(
    int(seconds * 1e9)
    for seconds in (
        1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
    )
)  # fmt: skip
OK: Final = "OK"


class CallStats:
    """What happened to the calls of one operation on one model."""

    __slots__ = ("buckets", "codes", "total_ns")

    def __init__(self) -> None:
        self.codes: dict[str, int] = {OK: 0}
        self.buckets = [0] * (len(BOUNDS_NS) + 1)
        self.total_ns = 0

    def add(self, code: str, elapsed_ns: int) -> None:
        """Count one finished call."""
        codes = self.codes
        codes[code] = codes.get(code, 0) + 1
        self.buckets[bisect_left(BOUNDS_NS, elapsed_ns)] += 1
        self.total_ns += elapsed_ns


class Metrics:
    """Every counter of one server process."""

    def __init__(self) -> None:
        self.calls: dict[tuple[str, str], CallStats] = {}
        self.refused: dict[int, int] = {}
        self.told_refused: list[Callable[[int], None]] = []  # who else hears of each that is refused

    def stats(self, operation: str, model: str) -> CallStats:
        """The counters of one operation on one model; the empty name is for calls that found none."""
        key = (operation, model)
        found = self.calls.get(key)
        if found is None:
            found = self.calls[key] = CallStats()
        return found

    def refuse(self, status: int) -> None:
        """Count a request that was refused before it had a route."""
        self.refused[status] = self.refused.get(status, 0) + 1
        for told in self.told_refused:
            told(status)


class MetricsCollector(Collector):
    """Turns the counters and the state of the models into Prometheus' families."""

    def __init__(self, metrics: Metrics, report: Callable[[], StatusReport]) -> None:
        self._metrics = metrics
        self._report = report

    def collect(self) -> Iterator[Metric]:
        """The families, in the order they are printed."""
        yield from self._calls()
        refused = CounterMetricFamily(
            "dragoman_refused_requests",
            "Requests refused before they had a route, by HTTP status.",
            labels=["status"],
        )
        for status, count in sorted(self._metrics.refused.items()):
            refused.add_metric([str(status)], count)
        yield refused
        yield self._states()
        yield self._health()
        yield from families(self._report)
        yield from texts.families(self._report)

    def _calls(self) -> Iterator[Metric]:
        counts = CounterMetricFamily(
            "dragoman_requests",
            "Finished requests by operation, model and result.",
            labels=["operation", "model", "code"],
        )
        times = HistogramMetricFamily(
            "dragoman_request_seconds",
            "Time from the parsed request to its answer.",
            labels=["operation", "model"],
        )
        for (operation, model), stats in sorted(self._metrics.calls.items()):
            for code, count in sorted(stats.codes.items()):
                counts.add_metric([operation, model, code], count)
            times.add_metric([operation, model], cumulative(stats.buckets), stats.total_ns / 1e9)
        yield counts
        yield times

    def _states(self) -> Metric:
        states = GaugeMetricFamily(
            "dragoman_model_state",
            "1 for the state that each version of a model is in.",
            labels=["model", "version", "state"],
        )
        for model in self._report().models.values():
            for version in model.versions:
                for state in State:
                    labels = [model.name, str(version.version), state.value]
                    states.add_metric(labels, float(version.state is state))
        return states

    def _health(self) -> Metric:
        health = GaugeMetricFamily(
            "dragoman_external_up",
            "1 for a version of an external model whose server is well as far as is known, else 0.",
            labels=["model", "version"],
        )
        for model in self._report().models.values():
            for version in model.versions:
                if version.trouble is not None:
                    health.add_metric([model.name, str(version.version)], float(version.ails is None))
        return health


def cumulative(buckets: list[int]) -> list[tuple[str, float]]:
    """Prometheus' form of a histogram: upper bound in seconds -> number of values up to it."""
    total = 0
    pairs = []
    for index, count in enumerate(buckets):
        total += count
        bound = str(BOUNDS_NS[index] / 1e9) if index < len(BOUNDS_NS) else "+Inf"
        pairs.append((bound, float(total)))
    return pairs


def make_registry(metrics: Metrics, report: Callable[[], StatusReport]) -> CollectorRegistry:
    """A registry with our counters, the process' memory and file descriptors, and the garbage collector."""
    registry = CollectorRegistry()
    registry.register(MetricsCollector(metrics, report))
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


class VisibleMetrics(Collector):
    """A registry without the samples of other models than these."""

    def __init__(self, registry: CollectorRegistry, models: Collection[str]) -> None:
        self._registry = registry
        self._models = frozenset(models) | {""}

    def collect(self) -> Iterator[Metric]:
        """The families with what is left of them."""
        for family in self._registry.collect():
            family.samples = [
                sample for sample in family.samples if sample.labels.get("model", "") in self._models
            ]
            yield family


def exposition(registry: Collector) -> bytes:
    """Prometheus' text format."""
    return generate_latest(registry)
