"""`context.metrics` as a worker makes it: with the metrics that it was told of beforehand."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from ts.metrics.caching_metric import CachingMetric
from ts.metrics.metric_cache_abstract import MetricCacheAbstract
from ts.metrics.metric_cache_errors import MetricsCacheKeyError, MetricsCacheValueError
from ts.metrics.metric_type_enum import MetricTypes

# As `model_metrics` of a metrics file: by kind, each with name, unit and dimensions.
Definitions = Mapping[str, Sequence[Mapping[str, Any]]]

# Those of the file that comes with TorchServe.
USUAL: Definitions = {
    "gauge": [
        {"name": "HandlerTime", "unit": "ms", "dimensions": ["ModelName", "Level"]},
        {"name": "PredictionTime", "unit": "ms", "dimensions": ["ModelName", "Level"]},
    ]
}

logger = logging.getLogger(__name__)


class MetricsCache(MetricCacheAbstract):
    """Metrics that are defined beforehand, and those that handlers add."""

    def __init__(
        self,
        definitions: Definitions | None = None,
        config_file_path: Any = None,
        *,
        model_name: str | None = None,
        shared: bool = False,
    ) -> None:
        super().__init__(config_file_path, model_name=model_name, shared=shared)
        self._definitions = definitions
        if config_file_path is None:
            self._define(USUAL if definitions is None else definitions)

    def initialize_cache(self) -> None:
        """Make the metrics that are defined beforehand.

        Errors: MetricsCacheValueError, MetricsCacheKeyError for definitions of another form.
        """
        if not self._definitions:
            raise MetricsCacheValueError("there are no model_metrics")
        self._define(self._definitions)

    def _define(self, definitions: Definitions) -> None:
        for kind, metrics in definitions.items():
            try:
                metric_type = MetricTypes(kind)
            except ValueError:
                raise MetricsCacheKeyError(f"{kind} is no kind of metric") from None
            for metric in metrics or ():
                for key in ("name", "unit", "dimensions"):
                    if key not in metric:
                        raise MetricsCacheKeyError(f"a {kind} of the metrics file has no {key}")
                self.add_metric_to_cache(metric["name"], metric["unit"], metric["dimensions"], metric_type)

    def add_metric_to_cache(
        self,
        metric_name: str,
        unit: str,
        dimension_names: list[str] | None = None,
        metric_type: MetricTypes = MetricTypes.COUNTER,
    ) -> CachingMetric:
        """A new metric, in the place of one of the same name and kind.

        Errors: MetricsCacheTypeError.
        """
        self._check_type(metric_name, str, "metric_name has to be a str")
        self._check_type(unit, str, "unit has to be a str")
        self._check_type(metric_type, MetricTypes, "metric_type has to be one of MetricTypes")
        if dimension_names:
            self._check_type(dimension_names, list, "dimension_names has to be a list of str")
        metrics = self.cache.setdefault(metric_type, {})
        if metric_name in metrics:
            logger.warning("the %s %s is defined anew", metric_type.value, metric_name)
        metric = CachingMetric(metric_name, unit, dimension_names, metric_type)
        metrics[metric_name] = metric
        return metric

    def get_metric(self, metric_name: str, metric_type: MetricTypes = MetricTypes.COUNTER) -> Any:
        """The metric of this name and kind.

        Errors: MetricsCacheKeyError where there is none; MetricsCacheTypeError.
        """
        self._check_type(metric_name, str, "metric_name has to be a str")
        self._check_type(metric_type, MetricTypes, "metric_type has to be one of MetricTypes")
        try:
            return self.cache[metric_type][metric_name]
        except KeyError:
            raise MetricsCacheKeyError(f"there is no {metric_type.value} {metric_name}") from None

    def cache_keys(self) -> list[str]:
        """`kind:name` of every metric."""
        return [f"{kind.value}:{name}" for kind, metrics in self.cache.items() for name in metrics]
