"""Where metrics go: to the worker if it takes them, else to the log."""

import logging
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

logger = logging.getLogger(__name__)


class MetricRecord(NamedTuple):
    """One value of one metric."""

    name: str
    unit: str
    value: Any
    dimensions: tuple[tuple[str, str], ...]
    type: str  # counter, gauge or histogram
    request_id: str | None
    timestamp_s: int


Sink = Callable[[list[MetricRecord]], None]


class Emission:
    """The way out of one process. As a context it keeps the records of a batch until that ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sink: Sink | None = None
        self._batches = 0
        self._kept: list[MetricRecord] = []

    def install(self, sink: Sink | None) -> None:
        """Hand records to this from now on; to the log where it is None."""
        self._sink = sink

    def emit(self, record: MetricRecord) -> None:
        """Send one record on its way."""
        if self._sink is None:
            logger.info("%s", line(record))
            return
        with self._lock:
            if self._batches:
                self._kept.append(record)
                return
        self._sink([record])

    def __enter__(self) -> None:
        """A batch runs."""
        with self._lock:
            self._batches += 1

    def __exit__(self, *_: object) -> None:
        """It has ended."""
        with self._lock:
            self._batches -= 1
            kept, self._kept = self._kept, []
        if kept and self._sink is not None:
            self._sink(kept)


# One for the process, for handlers make metrics that know of nothing else.
emission = Emission()


def record(
    name: str,
    unit: str,
    value: Any,
    dimensions: list[tuple[str, Any]],
    kind: str,
    request_id: Any,
) -> MetricRecord:
    """A record of this moment."""
    texts = tuple((dimension, str(text)) for dimension, text in dimensions)
    return MetricRecord(
        name, unit, value, texts, kind, str(request_id) if request_id else None, int(time.time())
    )


def line(record: MetricRecord) -> str:
    """The record as TorchServe's workers print it."""
    dimensions = ",".join(f"{name}:{text}" for name, text in record.dimensions)
    request = f",{record.request_id}" if record.request_id else ""
    return (
        f"[METRICS]{record.name}.{record.unit}:{record.value}|#{dimensions}|#type:{record.type.upper()}"
        f"|#hostname:{socket.gethostname()},{record.timestamp_s}{request}"
    )
