"""What every kind of metric has."""

import abc
from typing import Any

from ts.metrics.metric_type_enum import MetricTypes
from ts.metrics.unit import NAMES


class MetricAbstract(abc.ABC):
    """A metric by its name, unit, dimensions and kind."""

    def __init__(
        self,
        metric_name: str,
        unit: str,
        dimension_names: list[str] | None = None,
        metric_type: MetricTypes = MetricTypes.COUNTER,
    ) -> None:
        self.metric_name = metric_name
        self.unit = NAMES.get(unit, unit)
        self.dimension_names = list(dimension_names or [])
        self.metric_type = metric_type

    @abc.abstractmethod
    def add_or_update(self, value: Any, dimension_values: Any = (), request_id: str | None = "") -> None:
        """Send off a value."""
