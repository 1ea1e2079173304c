"""Metrics of models' own code, such as TorchServe's handlers: kept per version, and shown to Prometheus.

A metric is known by what its code calls it, which need not fit Prometheus: what does not is replaced by `_`.
Code that makes up new labels with every request is stopped at `MOST_SERIES`.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import structlog
from prometheus_client.core import Metric

from dragoman.core.measures import Measure, MeasureKind, Measurement
from dragoman.core.status import StatusReport

# The bounds of histograms: those of Prometheus' client for Java, which TorchServe has.
BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
MOST_SERIES: Final = 1000  # of one version
PREFIX: Final = "dragoman_handler_"
UNFIT: Final = re.compile(r"\W", re.ASCII)
OURS: Final = frozenset({"model", "version", "unit", "le"})  # labels that say something else here
ENDINGS: Final = ("", "_total", "_created", "_bucket", "_sum", "_count")

Told = Callable[[Sequence[Measurement]], None]
Key = tuple[str, str, MeasureKind, tuple[tuple[str, str], ...]]


class Series:
    """The values of one metric with certain labels."""

    __slots__ = ("buckets", "count", "value")

    def __init__(self, kind: MeasureKind) -> None:
        self.value = 0.0
        self.count = 0
        self.buckets = [0] * (len(BOUNDS) + 1) if kind is MeasureKind.HISTOGRAM else []

    def add(self, value: float, kind: MeasureKind) -> None:
        """One more value."""
        self.value = value if kind is MeasureKind.GAUGE else self.value + value
        self.count += 1
        if self.buckets:
            self.buckets[bisect_left(BOUNDS, value)] += 1


def untold(_: Sequence[Measurement]) -> None:
    """Nobody else is told of what is measured."""


class Measures:
    """The metrics of one version. For the event loop's thread only. `told` hears of each value, too."""

    def __init__(self, model: str, version: int, told: Told = untold) -> None:
        self._told = told
        self._series: dict[Key, Series] = {}
        self._full = False
        self._log = structlog.get_logger("dragoman.worker").bind(model=model, version=version)

    def add(self, measurements: Sequence[Measurement]) -> None:
        """Take what the model's code has measured."""
        self._told(measurements)
        for each in measurements:
            key = (each.name, each.unit, each.kind, each.labels)
            series = self._series.get(key)
            if series is None:
                if len(self._series) >= MOST_SERIES:
                    self._refuse(each)
                    continue
                series = self._series[key] = Series(each.kind)
            series.add(each.value, each.kind)

    def current(self) -> list[Measure]:
        """Every metric as it is now."""
        return [
            Measure(*key, series.value, series.count, tuple(series.buckets))
            for key, series in self._series.items()
        ]

    def _refuse(self, measurement: Measurement) -> None:
        if not self._full:
            self._full = True
            self._log.warning("metrics left out", most=MOST_SERIES, first=measurement.name)


def families(report: Callable[[], StatusReport]) -> Iterator[Metric]:
    """The metrics of all models as Prometheus' families, none of whose names is there twice."""
    found: dict[tuple[str, MeasureKind], Metric] = {}
    taken: set[str] = set()
    for model in report().models.values():
        for version in model.versions:
            for measure in version.measures() if version.measures is not None else ():
                name = PREFIX + UNFIT.sub("_", measure.name)
                family = found.get((name, measure.kind))
                if family is None:
                    names = {name + ending for ending in ENDINGS}
                    if names & taken:
                        continue  # another kind of metric has this name
                    taken |= names
                    text = f"{measure.name}, as handlers measure it."
                    family = found[name, measure.kind] = Metric(name, text, measure.kind.value)
                own = {"model": model.name, "version": str(version.version), "unit": measure.unit}
                add_samples(family, measure, {**fitting(measure.labels), **own})
    yield from found.values()


def fitting(labels: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Labels under names that Prometheus takes."""
    names = ((UNFIT.sub("_", name), value) for name, value in labels)
    return {
        f"handler_{name}" if name in OURS or not name[:1].isalpha() else name: value for name, value in names
    }


def add_samples(family: Metric, measure: Measure, labels: dict[str, str]) -> None:
    """The lines of one metric."""
    name = family.name
    if measure.kind is MeasureKind.GAUGE:
        family.add_sample(name, labels, measure.value)
    elif measure.kind is MeasureKind.COUNTER:
        family.add_sample(f"{name}_total", labels, measure.value)
    else:
        total = 0
        for bound, count in zip((*map(str, BOUNDS), "+Inf"), measure.buckets, strict=True):
            total += count
            family.add_sample(f"{name}_bucket", {**labels, "le": bound}, float(total))
        family.add_sample(f"{name}_sum", labels, measure.value)
        family.add_sample(f"{name}_count", labels, float(measure.count))
