"""A metric that is kept, and whose values are sent off as they come."""

import logging
from collections.abc import Sequence
from typing import Any

from ts.metrics.dimension import Dimension
from ts.metrics.emission import emission, record
from ts.metrics.metric_abstract import MetricAbstract
from ts.metrics.metric_type_enum import MetricTypes

logger = logging.getLogger(__name__)


class CachingMetric(MetricAbstract):
    """Checks its values and sends them off; it does not add them up, which is the server's part."""

    def add_or_update(
        self, value: Any, dimension_values: Sequence[Any] = (), request_id: str | None = ""
    ) -> None:
        """Send off a value. One that does not fit is refused with a line in the log."""
        try:
            self._check(value, dimension_values)
        except (TypeError, ValueError) as error:
            logger.error("[METRICS]metric %s is not updated with %r: %s", self.metric_name, value, error)
            return
        self.emit_metrics(request_id, value, dimension_values)

    def update(self, value: Any, request_id: str | None = "", dimensions: Sequence[Dimension] = ()) -> None:
        """Send off a value with these dimensions, which become those of the metric."""
        logger.warning("metric %s gets other dimensions", self.metric_name)
        self.dimension_names = [dimension.name for dimension in dimensions]
        self.add_or_update(value, [dimension.value for dimension in dimensions], request_id)

    def emit_metrics(self, request_id: str | None, value: Any, dimension_values: Sequence[Any]) -> None:
        """Send off a value that is known to fit."""
        named = list(zip(self.dimension_names, dimension_values, strict=True))
        emission.emit(record(self.metric_name, self.unit, value, named, self.metric_type.value, request_id))

    def _check(self, value: Any, dimension_values: Sequence[Any] | None) -> None:
        if dimension_values is None or len(dimension_values) != len(self.dimension_names):
            names = ", ".join(self.dimension_names) or "none"
            raise ValueError(f"{dimension_values!r} are not the values of its dimensions, {names}")
        if self.metric_type is MetricTypes.COUNTER and value < 0:
            raise ValueError("a counter does not go down")
