"""TorchServe's families of metrics: what a metrics file defines, counted, set or written to a log.

A family has its labels in the file's order; its last one is the host's name. What a file does not define is
not kept, and a value whose labels are not as many as the family's is left out, as TorchServe does.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from dragoman.core.measures import MeasureKind, Measurement
from dragoman.telemetry.measures import Series

COUNT: Final = "Count"
MICROSECONDS: Final = "Microseconds"
LATENCY_LABELS: Final = ("model_name", "model_version", "hostname")
HOST_LABELS: Final = ("Level", "Hostname")
DEVICE_LABELS: Final = ("Level", "DeviceId", "Hostname")
REQUESTS: Final = "ts_inference_requests_total"
LATENCY: Final = "ts_inference_latency_microseconds"
QUEUE_LATENCY: Final = "ts_queue_latency_microseconds"
LEGACY: Final = frozenset({REQUESTS, LATENCY, QUEUE_LATENCY})  # at /metrics in that mode
HOST: Final = "Host"
PROMETHEUS: Final = "prometheus"
SERVER_LOG: Final = "ts_metrics.log"
MODEL_LOG: Final = "model_metrics.log"

# A line for one of the two logs, of a time in seconds of Unix time.
Write = Callable[[str, float, str], None]


class Family(Struct, frozen=True):
    """A metric as a file defines it. `labels` end with the host's name."""

    name: str
    unit: str
    kind: MeasureKind
    labels: tuple[str, ...]


USUAL: Final = (  # those of the file that comes with TorchServe
    *(Family(f"Requests{n}XX", COUNT, MeasureKind.COUNTER, HOST_LABELS) for n in (2, 4, 5)),
    Family(REQUESTS, COUNT, MeasureKind.COUNTER, LATENCY_LABELS),
    Family(LATENCY, MICROSECONDS, MeasureKind.COUNTER, LATENCY_LABELS),
    Family(QUEUE_LATENCY, MICROSECONDS, MeasureKind.COUNTER, LATENCY_LABELS),
    Family("QueueTime", "Milliseconds", MeasureKind.GAUGE, HOST_LABELS),
    Family("WorkerThreadTime", "Milliseconds", MeasureKind.GAUGE, HOST_LABELS),
    Family("WorkerLoadTime", "Milliseconds", MeasureKind.GAUGE, ("WorkerName", *HOST_LABELS)),
    Family("CPUUtilization", "Percent", MeasureKind.GAUGE, HOST_LABELS),
    Family("MemoryUsed", "Megabytes", MeasureKind.GAUGE, HOST_LABELS),
    Family("MemoryAvailable", "Megabytes", MeasureKind.GAUGE, HOST_LABELS),
    Family("MemoryUtilization", "Percent", MeasureKind.GAUGE, HOST_LABELS),
    Family("DiskUsage", "Gigabytes", MeasureKind.GAUGE, HOST_LABELS),
    Family("DiskUtilization", "Percent", MeasureKind.GAUGE, HOST_LABELS),
    Family("DiskAvailable", "Gigabytes", MeasureKind.GAUGE, HOST_LABELS),
    Family("GPUMemoryUtilization", "Percent", MeasureKind.GAUGE, DEVICE_LABELS),
    Family("GPUMemoryUsed", "Megabytes", MeasureKind.GAUGE, DEVICE_LABELS),
    Family("GPUUtilization", "Percent", MeasureKind.GAUGE, DEVICE_LABELS),
)
USUAL_OF_MODELS: Final = tuple(
    Family(name, "ms", MeasureKind.GAUGE, ("ModelName", *HOST_LABELS))
    for name in ("HandlerTime", "PredictionTime")
)


class TorchServeMetrics:
    """The server's own families, as far as the mode shows or logs them. For the event loop's thread only."""

    def __init__(
        self,
        families: Iterable[Family],
        mode: str,
        host: str,
        write: Write,
        now_s: Callable[[], float],
    ) -> None:
        self.host = host
        self.shown: dict[str, Family] = {}
        self.series: dict[str, dict[tuple[str, ...], Series]] = {}
        self._logged: dict[str, Family] = {}
        self._write = write
        self._now_s = now_s
        for family in families:
            if mode == PROMETHEUS or (mode == "legacy" and family.name in LEGACY):
                self.shown[family.name] = family
                self.series[family.name] = {}
            else:
                self._logged[family.name] = family

    def add(self, name: str, value: float, *labels: str) -> None:
        """One more value; the host's name is added to its labels."""
        family = self.shown.get(name)
        if family is None:
            self._log(name, value, labels)
            return
        if len(labels) + 1 != len(family.labels):
            return
        by_labels = self.series[name]
        series = by_labels.get(labels)
        if series is None:
            series = by_labels[labels] = Series(family.kind)
        series.add(value, family.kind)

    def _log(self, name: str, value: float, labels: tuple[str, ...]) -> None:
        family = self._logged.get(name)
        if family is not None and len(labels) + 1 == len(family.labels):
            pairs = zip(family.labels, labels, strict=False)
            now_s = self._now_s()
            told = line(name, family.unit, value, pairs, f"hostname:{self.host}", now_s)
            self._write(SERVER_LOG, now_s, told)


def line(
    name: str, unit: str, value: float, labels: Iterable[tuple[str, str]], about: str, at_s: float
) -> str:
    """A line of TorchServe's logs of metrics."""
    inside = ",".join(f"{key}:{shown}" for key, shown in labels)
    return f"{name}.{unit}:{float(value)}|#{inside}|#{about},timestamp:{int(at_s)}"


class ModelLog:
    """Writes what handlers measure to a log: what a file defines, or all of it."""

    def __init__(self, families: Mapping[str, Family], host: str, write: Write, *, auto_detect: bool) -> None:
        self._families = families
        self._host = host
        self._write = write
        self._auto_detect = auto_detect

    def __call__(self, measurements: Sequence[Measurement]) -> None:
        """Take what a handler has measured."""
        for each in measurements:
            family = self._families.get(each.name)
            if family is None and not self._auto_detect:
                continue
            unit = each.unit if family is None else family.unit
            about = f"hostname:{self._host}"
            if each.request_id:
                about = f"{about},requestID:{each.request_id}"
            told = line(each.name, unit, each.value, each.labels, about, each.at_s)
            self._write(MODEL_LOG, each.at_s, told)
