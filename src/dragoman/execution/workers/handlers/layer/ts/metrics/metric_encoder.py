"""Metrics as JSON."""

import json
from typing import Any

from ts.metrics.dimension import Dimension
from ts.metrics.metric import Metric


class MetricEncoder(json.JSONEncoder):
    """Knows metrics and dimensions."""

    def default(self, o: Any) -> Any:
        """The dict of a metric or a dimension."""
        return o.to_dict() if isinstance(o, Metric | Dimension) else super().default(o)
