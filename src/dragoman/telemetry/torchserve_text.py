"""TorchServe's families as Prometheus' text, in the form that its client for Java 0.9 writes.

A comma follows the last label there, numbers have a decimal point, and no name gets an ending.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from dragoman.core.measures import Measure, MeasureKind
from dragoman.core.status import State, StatusReport
from dragoman.telemetry.measures import BOUNDS, UNFIT, Series
from dragoman.telemetry.text_format import escaped
from dragoman.telemetry.torchserve import HOST, Family, TorchServeMetrics

MODEL_LABELS: Final = frozenset({"model_name", "ModelName"})
LOAD_TIME: Final = "WorkerLoadTime"
FIRST_WORKER: Final = 9000  # TorchServe names workers by their ports

Values = Mapping[tuple[str, ...], Series]  # by what the labels are, the host's name left out
Found = tuple[Family, Values]


def page(found: Iterable[Found], host: str, names: Collection[str], shown: Collection[str] | None) -> bytes:
    """The page; `names` = of these samples only, empty = of all. `shown` = models that a caller may see."""
    lines: list[str] = []
    for family, values in found:
        samples = list(samples_of(family, values, host, shown))
        if names:
            samples = [sample for sample in samples if sample.partition("{")[0] in names]
            if not samples:
                continue
        name, kind = fit(family.name), family.kind.value
        lines.append(f"# HELP {name} Torchserve prometheus {kind} metric with unit: {family.unit}")
        lines.append(f"# TYPE {name} {kind}")
        lines += samples
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")


def samples_of(family: Family, values: Values, host: str, shown: Collection[str] | None) -> Iterator[str]:
    """The lines of a family."""
    for labels, series in values.items():
        pairs = list(zip(family.labels, (*labels, host), strict=True))
        if shown is not None and any(key in MODEL_LABELS and text not in shown for key, text in pairs):
            continue
        if family.kind is not MeasureKind.HISTOGRAM:
            yield sample(family.name, pairs, series.value)
            continue
        total = 0
        for bound, count in zip((*map(str, BOUNDS), "+Inf"), series.buckets, strict=True):
            total += count
            yield sample(f"{family.name}_bucket", [*pairs, ("le", bound)], total)
        yield sample(f"{family.name}_count", pairs, series.count)
        yield sample(f"{family.name}_sum", pairs, series.value)


def sample(name: str, labels: Iterable[tuple[str, str]], value: float) -> str:
    """One line."""
    inside = "".join(f'{fit(key)}="{escaped(text)}",' for key, text in labels)
    return f"{fit(name)}{{{inside}}} {float(value)}"


def fit(name: str) -> str:
    """A name as Prometheus takes it."""
    return UNFIT.sub("_", name)


def server_families(metrics: TorchServeMetrics, report: StatusReport) -> Iterator[Found]:
    """The server's own families, with what loading took as the workers themselves tell it."""
    for family in metrics.shown.values():
        values = metrics.series[family.name]
        yield family, load_times(report) if family.name == LOAD_TIME else values


def load_times(report: StatusReport) -> Values:
    """How long each worker's model took to load, by the name that TorchServe would give it."""
    found: dict[tuple[str, ...], Series] = {}
    for name, load_s in loaded(report):
        series = found[name, HOST] = Series(MeasureKind.GAUGE)
        series.add(round(load_s * 1000), MeasureKind.GAUGE)
    return found


def loaded(report: StatusReport) -> Iterator[tuple[str, float]]:
    """Each worker that has loaded its model, by the name of its version's, and the time it took."""
    for model in report.models.values():
        for version in model.versions:
            if version.state is not State.READY or version.workers is None:
                continue
            title = f"{model.name}_{version.name or version.version}"
            for worker in version.workers().workers:
                number = FIRST_WORKER + int(worker.id) if worker.id.isdecimal() else worker.id
                if worker.load_s:
                    yield f"W-{number}-{title}", worker.load_s


def model_families(
    families: Mapping[str, Family], report: StatusReport, *, auto_detect: bool
) -> Iterator[Found]:
    """What handlers have measured, of the families that are defined, or of all."""
    known = dict(families)
    values: dict[str, dict[tuple[str, ...], Series]] = {name: {} for name in known}
    for model in report.models.values():
        for version in model.versions:
            for measure in version.measures() if version.measures is not None else ():
                family = known.get(measure.name)
                if family is None:
                    if not auto_detect:
                        continue
                    labels = (*(name for name, _ in measure.labels), "Hostname")
                    family = known[measure.name] = Family(measure.name, measure.unit, measure.kind, labels)
                    values[measure.name] = {}
                told = dict(measure.labels)
                if family.kind is measure.kind and set(told) == set(family.labels[:-1]):
                    key = tuple(told[label] for label in family.labels[:-1])
                    merge(values[family.name].setdefault(key, Series(family.kind)), measure)
    yield from ((known[name], found) for name, found in values.items())


def merge(series: Series, measure: Measure) -> None:
    """Put what another version has measured into one series: sums, or the last value."""
    series.value = measure.value if measure.kind is MeasureKind.GAUGE else series.value + measure.value
    series.count += measure.count
    series.buckets = [sum(pair) for pair in zip(series.buckets, measure.buckets, strict=True)]
