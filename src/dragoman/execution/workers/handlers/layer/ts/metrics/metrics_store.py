"""The older form of `context.metrics`, which keeps metrics in a list; `MockContext` has one."""

from typing import Any

from ts.metrics.dimension import Dimension
from ts.metrics.metric import Metric
from ts.metrics.metric_cache_abstract import SIZES, TIMES


class MetricsStore:
    """Metrics in the order in which they came; one of the same name, request and dimensions is updated."""

    def __init__(self, request_ids: Any, model_name: str | None) -> None:
        self.store: list[Metric] = []
        self.request_ids = request_ids
        self.model_name = model_name
        self.cache: dict[str, Metric] = {}

    def add_counter(
        self, name: str, value: Any, idx: int | None = None, dimensions: list[Dimension] | None = None
    ) -> None:
        """Count on."""
        self._add(name, value, self._request_id(idx), "count", "counter", dimensions)

    def add_time(
        self,
        name: str,
        value: Any,
        idx: int | None = None,
        unit: str = "ms",
        dimensions: list[Dimension] | None = None,
    ) -> None:
        """Add a time.

        Errors: ValueError for a unit that is no time's.
        """
        if unit not in TIMES:
            raise ValueError(f"the unit of a time is one of {', '.join(TIMES)}, not {unit}")
        self._add(name, value, self._request_id(idx), unit, None, dimensions)

    def add_size(
        self,
        name: str,
        value: Any,
        idx: int | None = None,
        unit: str = "MB",
        dimensions: list[Dimension] | None = None,
    ) -> None:
        """Add a size.

        Errors: ValueError for a unit that is no size's.
        """
        if unit not in SIZES:
            raise ValueError(f"the unit of a size is one of {', '.join(SIZES)}, not {unit}")
        self._add(name, value, self._request_id(idx), unit, None, dimensions)

    def add_percent(
        self, name: str, value: Any, idx: int | None = None, dimensions: list[Dimension] | None = None
    ) -> None:
        """Add a share of a hundred."""
        self._add(name, value, self._request_id(idx), "percent", None, dimensions)

    def add_error(self, name: str, value: Any, dimensions: list[Dimension] | None = None) -> None:
        """Add an error."""
        self._add(name, value, None, "", None, dimensions)

    def add_metric(
        self,
        name: str,
        value: Any,
        unit: str,
        idx: int | None = None,
        dimensions: list[Dimension] | None = None,
    ) -> None:
        """Add a metric of any unit."""
        self._add(name, value, self._request_id(idx), unit, None, dimensions)

    def _add(
        self,
        name: str,
        value: Any,
        request_id: Any,
        unit: str,
        method: str | None,
        dimensions: list[Dimension] | None,
    ) -> None:
        if dimensions is not None and not isinstance(dimensions, list):
            raise ValueError("dimensions have to be a list")
        named = list(dimensions or ())
        if request_id is None:
            named.append(Dimension("Level", "Error"))
        else:
            named += [Dimension("ModelName", self.model_name), Dimension("Level", "Model")]
        key = "-".join([name, unit, str(request_id), *map(str, named)])
        if key in self.cache:
            self.cache[key].update(value)
        else:
            self.cache[key] = Metric(name, value, unit, named, request_id, method)
            self.store.append(self.cache[key])

    def _request_id(self, idx: int | None) -> Any:
        """The id of one request, else those of all."""
        ids = self.request_ids
        if not isinstance(ids, dict):
            return ids
        return ids[idx] if idx is not None and idx in ids else ",".join(ids.values())
