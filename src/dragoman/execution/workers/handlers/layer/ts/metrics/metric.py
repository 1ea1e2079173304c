"""A metric with its dimensions and a value."""

import socket
import time
from collections import OrderedDict
from typing import Any

from ts.metrics.caching_metric import CachingMetric
from ts.metrics.dimension import Dimension
from ts.metrics.emission import MetricRecord, record
from ts.metrics.metric_type_enum import MetricTypes


class Metric:
    """Made with its first value, which `ts.service.emit_metrics` sends off; `update` sends off others."""

    def __init__(
        self,
        name: str,
        value: Any,
        unit: str,
        dimensions: list[Dimension],
        request_id: Any = None,
        metric_method: str | None = None,
    ) -> None:
        self.metric_type = MetricTypes.COUNTER
        self.dimensions = dimensions
        self.dimension_names = [dimension.name for dimension in dimensions]
        self.dimension_values = [dimension.value for dimension in dimensions]
        self._caching_metric = CachingMetric(name, unit, self.dimension_names, self.metric_type)
        self.name = name
        self.unit = self._caching_metric.unit
        self.metric_method = metric_method
        self.value = value
        self.request_id = request_id

    def update(self, value: Any) -> None:
        """Send off another value."""
        self._caching_metric.add_or_update(value, self.dimension_values, self.request_id)

    def reset(self) -> None:
        """Send off a zero."""
        self.update(0)

    def record(self) -> MetricRecord:
        """The value that it was made with, to be sent off."""
        named = list(zip(self.dimension_names, self.dimension_values, strict=True))
        return record(self.name, self.unit, self.value, named, self.metric_type.value, self.request_id)

    def __str__(self) -> str:
        dimensions = ",".join(map(str, self.dimensions))
        request = f",{self.request_id}" if self.request_id else ""
        return (
            f"{self.name}.{self.unit}:{self.value}|#{dimensions}"
            f"|#hostname:{socket.gethostname()},{int(time.time())}{request}"
        )

    def to_dict(self) -> "OrderedDict[str, Any]":
        """Everything about it, for JSON."""
        return OrderedDict(
            MetricName=self.name,
            Value=self.value,
            Unit=self.unit,
            Dimensions=self.dimensions,
            Timestamp=int(time.time()),
            HostName=socket.gethostname(),
            RequestId=self.request_id,
        )
