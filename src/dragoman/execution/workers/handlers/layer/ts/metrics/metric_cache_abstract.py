"""`context.metrics`: what handlers add metrics with."""

import abc
from collections.abc import Sequence
from typing import Any

from ts.metrics.dimension import Dimension
from ts.metrics.metric_abstract import MetricAbstract
from ts.metrics.metric_cache_errors import MetricsCacheKeyError, MetricsCacheTypeError, MetricsCacheValueError
from ts.metrics.metric_type_enum import MetricTypes
from ts.serving.requests import BatchState, ThreadsBatchState

TIMES = ("ms", "s")
SIZES = ("MB", "kB", "GB", "B")


class MetricCacheAbstract(abc.ABC):
    """Metrics by their kinds and names; those that are added get the dimensions ModelName and Level."""

    def __init__(
        self, config_file_path: Any = None, *, model_name: str | None = None, shared: bool = False
    ) -> None:
        self.cache: dict[MetricTypes, dict[str, MetricAbstract]] = {}
        self.store: list[Any] = []
        self.model_name = model_name
        self.config_file_path = config_file_path
        self._batch: BatchState | ThreadsBatchState = ThreadsBatchState() if shared else BatchState()

    @property
    def request_ids(self) -> Any:
        """The ids of the batch by index, or one id."""
        return self._batch.request_ids

    @request_ids.setter
    def request_ids(self, request_ids: Any) -> None:
        self._batch.request_ids = request_ids

    def set_request_ids(self, request_ids: Any) -> None:
        """Say which batch metrics belong to from now on."""
        self._batch.request_ids = request_ids

    def add_metric(
        self,
        name: str,
        value: Any,
        unit: str,
        idx: int | None = None,
        dimensions: Sequence[Dimension] | None = None,
        metric_type: MetricTypes = MetricTypes.COUNTER,
    ) -> None:
        """Add a value of a metric of any unit."""
        request_id = self._request_id(idx)
        named = self._with_defaults(dimensions, is_error=request_id is None)
        metric = self._metric(name, unit, named, metric_type)
        metric.add_or_update(value, [dimension.value for dimension in named], request_id)

    def add_counter(
        self,
        name: str,
        value: Any,
        idx: int | None = None,
        dimensions: Sequence[Dimension] | None = None,
    ) -> None:
        """Count on."""
        self.add_metric(name, value, "count", idx, dimensions, MetricTypes.COUNTER)

    def add_time(
        self,
        name: str,
        value: Any,
        idx: int | None = None,
        unit: str = "ms",
        dimensions: Sequence[Dimension] | None = None,
        metric_type: MetricTypes = MetricTypes.GAUGE,
    ) -> None:
        """Add a time.

        Errors: MetricsCacheValueError for a unit that is no time's.
        """
        if unit not in TIMES:
            raise MetricsCacheValueError(f"the unit of a time is one of {', '.join(TIMES)}, not {unit}")
        self.add_metric(name, value, unit, idx, dimensions, metric_type)

    def add_size(
        self,
        name: str,
        value: Any,
        idx: int | None = None,
        unit: str = "MB",
        dimensions: Sequence[Dimension] | None = None,
        metric_type: MetricTypes = MetricTypes.GAUGE,
    ) -> None:
        """Add a size.

        Errors: MetricsCacheValueError for a unit that is no size's.
        """
        if unit not in SIZES:
            raise MetricsCacheValueError(f"the unit of a size is one of {', '.join(SIZES)}, not {unit}")
        self.add_metric(name, value, unit, idx, dimensions, metric_type)

    def add_percent(
        self,
        name: str,
        value: Any,
        idx: int | None = None,
        dimensions: Sequence[Dimension] | None = None,
        metric_type: MetricTypes = MetricTypes.GAUGE,
    ) -> None:
        """Add a share of a hundred."""
        self.add_metric(name, value, "percent", idx, dimensions, metric_type)

    def add_error(self, name: str, value: Any, dimensions: Sequence[Dimension] | None = None) -> None:
        """Count an error."""
        named = self._with_defaults(dimensions, is_error=True)
        metric = self._metric(name, "", named, MetricTypes.COUNTER)
        metric.add_or_update(value, [dimension.value for dimension in named])

    @abc.abstractmethod
    def initialize_cache(self) -> None:
        """Make the metrics that are defined beforehand."""

    @abc.abstractmethod
    def get_metric(self, metric_name: str, metric_type: MetricTypes = MetricTypes.COUNTER) -> Any:
        """The metric of this name and kind.

        Errors: MetricsCacheKeyError where there is none; MetricsCacheTypeError.
        """

    @abc.abstractmethod
    def add_metric_to_cache(
        self,
        metric_name: str,
        unit: str,
        dimension_names: list[str] | None = None,
        metric_type: MetricTypes = MetricTypes.COUNTER,
    ) -> Any:
        """A new metric, in the place of one of the same name and kind.

        Errors: MetricsCacheTypeError.
        """

    def _metric(
        self, name: str, unit: str, dimensions: list[Dimension], metric_type: MetricTypes
    ) -> MetricAbstract:
        try:
            metric: MetricAbstract = self.get_metric(name, metric_type)
        except MetricsCacheKeyError:
            names = [dimension.name for dimension in dimensions]
            metric = self.add_metric_to_cache(name, unit, names, metric_type)
        return metric

    def _request_id(self, idx: int | None) -> Any:
        """The id of one request, else those of all."""
        ids = self.request_ids
        if not isinstance(ids, dict):
            return ids
        return ids[idx] if idx is not None and idx in ids else ",".join(ids.values())

    def _with_defaults(self, dimensions: Sequence[Dimension] | None, *, is_error: bool) -> list[Dimension]:
        """The dimensions and the usual ones that are not among them; a new list, the caller's stays."""
        named = list(dimensions or ())
        present = {dimension.name for dimension in named}
        if not is_error and "ModelName" not in present:
            named.append(Dimension("ModelName", self.model_name))
        if "Level" not in present:
            named.append(Dimension("Level", "Error" if is_error else "Model"))
        return named

    @staticmethod
    def _check_type(variable: Any, expected_type: type, helper_text: str) -> None:
        if not isinstance(variable, expected_type):
            raise MetricsCacheTypeError(helper_text)
