"""What a model's own code measures: metrics of which the server knows nothing but their names."""

import enum

from msgspec import Struct


class MeasureKind(enum.Enum):
    """How the values of a metric come together."""

    COUNTER = "counter"  # they are added up
    GAUGE = "gauge"  # the last one counts
    HISTOGRAM = "histogram"  # they are counted by size


class Measurement(Struct, frozen=True, array_like=True):
    """One value, measured at a time in seconds of Unix time; `request_id` None = for no request."""

    name: str
    unit: str
    kind: MeasureKind
    labels: tuple[tuple[str, str], ...]
    value: float
    request_id: str | None = None
    at_s: int = 0


class Measure(Struct, frozen=True):
    """A metric with certain labels, as it is now.

    `value` = the sum of a counter or histogram, the last value of a gauge; `count` and `buckets` are a
    histogram's: how many values there were, and how many up to each of the bounds.
    """

    name: str
    unit: str
    kind: MeasureKind
    labels: tuple[tuple[str, str], ...]
    value: float
    count: int = 0
    buckets: tuple[int, ...] = ()
